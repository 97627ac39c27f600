// pgx: types in binary, prepared statements, batches, CopyFrom, transactions, errors, cancel by context, notices refused.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func show(name string, err error) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		fmt.Println(name, refused.Severity, refused.Code, refused.Message, refused.Position, refused.ConstraintName)
	} else {
		fmt.Println(name, err)
	}
}

// A value as text that is the same on every run.
func text(value interface{}) string {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return fmt.Sprint(math.Float64bits(v))
	case pgtype.TextEncoder:
		encoded, err := v.EncodeText(nil, nil)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%T %s", value, encoded)
	default:
		return fmt.Sprintf("%T %#v", value, value)
	}
}

const values = `select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8,
  12.3400::numeric n, 'NaN'::numeric nan, 1e-30::numeric tiny, 123456789012345678901234567890::numeric large,
  'ä€😀'::text t, 'c'::char(3) c, 'v'::varchar v, '\x00ff'::bytea bytes, 'x'::"char" ch, 'pg_class'::name nm,
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid u, date '2020-02-29' d, date 'infinity' di, time '23:59:59.999999' tm,
  timestamp '1969-12-31 23:59:59.5' ts, timestamptz '2020-01-01 00:00:00.123456+02' tz,
  interval '1 mon 2 days 03:04:05.6' iv, '{"a": [1, null]}'::json j, '{"a": [1, null]}'::jsonb jb, 5::oid o,
  array[1,null,3] ia, array['a','b,"c',null,''] ta, array[[1,2],[3,4]] ma, int4range(1, 5) r,
  tstzrange('2020-01-01 00:00Z', null) tr, inet '10.0.0.1/8' ip, cidr '10.0.0.0/8' ci, macaddr '08:00:2b:01:02:03' m,
  point '(1,2)' p, box '(1,1),(0,0)' bx, circle '<(1,2),3>' cir, lseg '[(0,0),(1,1)]' ls, path '[(0,0),(1,1)]' pa,
  polygon '((0,0),(1,1))' po, line '{1,2,3}' li, bit '101' bt, varbit '11' vb, tid '(1,2)' ti, null::int nothing,
  array[timestamptz '2020-01-01 00:00Z'] tza, array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid] ua, '{}'::int[] none`

func types(db *pgx.Conn) {
	for _, formats := range []pgx.QueryResultFormats{nil, {1}, {0}} {
		arguments := []interface{}{}
		if formats != nil {
			arguments = append(arguments, formats)
		}
		rows, err := db.Query(ctx, values, arguments...)
		must(err)
		for rows.Next() {
			found, err := rows.Values()
			must(err)
			for index, field := range rows.FieldDescriptions() {
				fmt.Println(string(field.Name), field.DataTypeOID, field.DataTypeSize, field.TypeModifier, field.Format, text(found[index]))
			}
		}
		show("types", rows.Err())
		fmt.Println(rows.CommandTag())
	}
}

func parameters(db *pgx.Conn) {
	var b bool
	var i int64
	var f float64
	var s string
	var y []byte
	var t time.Time
	var n pgtype.Numeric
	var a []string
	var m map[string]interface{}
	var ints []int32
	when := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	number := pgtype.Numeric{}
	must(number.Set("-12345.678900"))
	for round := 0; round < 3; round++ {
		must(db.QueryRow(ctx, `select $1::bool, $2::int8, $3::float8, $4::text, $5::bytea, $6::timestamptz, $7::numeric,
      $8::text[], $9::jsonb, $10::int4[]`, true, int64(math.MinInt64), math.Inf(-1), "a'\\\"", []byte{0, 255}, when,
			&number, []string{"x", "", `"y`}, map[string]interface{}{"k": []int{1}}, []int32{1, -2}).
			Scan(&b, &i, &f, &s, &y, &t, &n, &a, &m, &ints))
		fmt.Println(b, i, f, s, y, t.UTC(), text(&n), a, m, ints)
	}
	prepared, err := db.Prepare(ctx, "one", "select $1::int4 + 1, $2::date, $3::interval, $4::uuid, $5::inet, $6::int4range, $7::point, $8::varbit")
	must(err)
	fmt.Println(prepared.ParamOIDs, len(prepared.Fields))
	rows, err := db.Query(ctx, "one", 41, when, 90*time.Minute, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "10.0.0.1", "[1,9)", "(1,2)", "101")
	if err == nil {
		for rows.Next() {
			found, err := rows.Values()
			must(err)
			for _, one := range found {
				fmt.Println(text(one))
			}
		}
	}
	show("prepared", rows.Err())
	must(db.Deallocate(ctx, "one"))
	show("simple", db.QueryRow(ctx, "select $1::text || $2", pgx.QuerySimpleProtocol(true), "it's", `\"`).Scan(&s))
	fmt.Println(s)
	show("many", manyParameters(db))
}

// Thousands of parameters, as bulk inserts have.
func manyParameters(db *pgx.Conn) error {
	const count = 2000
	var sql strings.Builder
	sql.WriteString("select count(*), sum(n) from (values ")
	arguments := make([]interface{}, count)
	for index := range arguments {
		if index > 0 {
			sql.WriteString(",")
		}
		fmt.Fprintf(&sql, "($%d::int)", index+1)
		arguments[index] = index
	}
	var rows, sum int
	err := db.QueryRow(ctx, sql.String()+") v(n)", arguments...).Scan(&rows, &sum)
	fmt.Println(rows, sum)
	return err
}

func writes(db *pgx.Conn) {
	tag, err := db.Exec(ctx, `create table kept(id serial primary key, name text not null unique, price numeric(8,2),
    at timestamptz, data jsonb, tags text[], span interval, raw bytea, ip inet)`)
	fmt.Println(tag, err)
	batch := &pgx.Batch{}
	for index := 0; index < 5; index++ {
		batch.Queue("insert into kept(name, price) values ($1, $2) returning id", fmt.Sprint("batched ", index), "1.50")
	}
	batch.Queue("update kept set price = price * 2 where id > $1", 2)
	results := db.SendBatch(ctx, batch)
	for index := 0; index < 5; index++ {
		var id int
		must(results.QueryRow().Scan(&id))
		fmt.Println("id", id)
	}
	tag, err = results.Exec()
	fmt.Println(tag, err, results.Close())
	failing := &pgx.Batch{}
	failing.Queue("insert into kept(name) values ('lost')")
	failing.Queue("insert into kept(name) values ($1)", nil)
	failing.Queue("select 1")
	results = db.SendBatch(ctx, failing)
	_, err = results.Exec()
	show("batch 1", err)
	_, err = results.Exec()
	show("batch 2", err)
	_, err = results.Exec()
	show("batch 3", err)
	show("close", results.Close())
	when := time.Date(2021, 2, 3, 4, 5, 6, 7000, time.UTC)
	rows := make([][]interface{}, 2500)
	for index := range rows {
		rows[index] = []interface{}{fmt.Sprint("copied\t", index), when.Add(time.Duration(index) * time.Hour),
			map[string]int{"i": index}, []string{"a", "", "\\N"}, time.Duration(index) * time.Second, []byte{byte(index), 0}}
	}
	copied, err := db.CopyFrom(ctx, pgx.Identifier{"kept"}, []string{"name", "at", "data", "tags", "span", "raw"}, pgx.CopyFromRows(rows))
	fmt.Println(copied, err)
	_, err = db.CopyFrom(ctx, pgx.Identifier{"kept"}, []string{"name"}, pgx.CopyFromRows([][]interface{}{{"new"}, {nil}}))
	show("copy null", err)
	_, err = db.CopyFrom(ctx, pgx.Identifier{"kept"}, []string{"name"}, pgx.CopyFromRows([][]interface{}{{"copied\t7"}}))
	show("copy twice", err)
	var out bytes.Buffer
	tag, err = db.PgConn().CopyTo(ctx, &out, "copy (select id, name, at, span from kept where id % 500 = 0 order by id) to stdout")
	fmt.Println(tag, err, out.String())
	var count int
	must(db.QueryRow(ctx, "select count(*) from kept").Scan(&count))
	fmt.Println("count", count)
}

func transactions(db *pgx.Conn) {
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite})
	must(err)
	var level string
	must(tx.QueryRow(ctx, "show transaction_isolation").Scan(&level))
	fmt.Println(level)
	_, err = tx.Exec(ctx, "insert into kept(name) values ('in transaction')")
	must(err)
	inner, err := tx.Begin(ctx)
	must(err)
	_, err = inner.Exec(ctx, "insert into kept(name) values ('in transaction')")
	show("inner", err)
	_, err = inner.Exec(ctx, "select 1")
	show("aborted", err)
	show("back", inner.Rollback(ctx))
	_, err = tx.Exec(ctx, "update kept set price = 9 where name = 'in transaction'")
	must(err)
	show("commit", tx.Commit(ctx))
	tx, err = db.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	must(err)
	_, err = tx.Exec(ctx, "delete from kept")
	show("read only", err)
	show("commit of a failed one", tx.Commit(ctx))
	show("func", db.BeginFunc(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "delete from kept where id = 1")
		if err == nil {
			err = errors.New("given up")
		}
		return err
	}))
}

func failures(db *pgx.Conn) {
	for _, sql := range []string{"select 1/0", "selec 1", "select nothing", "insert into kept(name) values ('batched 1')",
		"select 'x'::int4", "select * from missing", "do $$ begin raise exception 'own' using errcode = 'AB123'; end $$"} {
		_, err := db.Exec(ctx, sql)
		show(sql, err)
		_, err = db.Exec(ctx, sql, pgx.QuerySimpleProtocol(true))
		show(sql, err)
	}
	_, err := db.Exec(ctx, "select $1::int4", "x")
	fmt.Println(err != nil)
	results, err := db.PgConn().Exec(ctx, "select 1; select 'two', null; select 1/0; select 4").ReadAll()
	fmt.Println(len(results))
	show("several", err)
}

func cancels(url string) {
	pool, err := pgxpool.Connect(ctx, url)
	must(err)
	defer pool.Close()
	connection, err := pool.Acquire(ctx)
	must(err)
	short, done := context.WithTimeout(ctx, 500*time.Millisecond)
	defer done()
	start := time.Now()
	_, err = connection.Exec(short, "select pg_sleep(20)")
	fmt.Println(pgconn.Timeout(err), connection.Conn().IsClosed(), time.Since(start) < 10*time.Second)
	connection.Release()
	other, err := pgx.Connect(ctx, url)
	must(err)
	go func() {
		time.Sleep(500 * time.Millisecond)
		must(other.PgConn().CancelRequest(ctx))
	}()
	_, err = other.Exec(ctx, "select pg_sleep(20)")
	show("cancelled", err)
	var two int
	must(other.QueryRow(ctx, "select 2").Scan(&two))
	fmt.Println("still there", two)
	must(other.Close(ctx))
	finished := make(chan int)
	for index := 0; index < 8; index++ {
		go func(index int) {
			var sum int
			must(pool.QueryRow(ctx, "select sum(g) from generate_series(1, $1::int) g", 100).Scan(&sum))
			finished <- sum
		}(index)
	}
	for index := 0; index < 8; index++ {
		fmt.Println(<-finished)
	}
}

func rows(db *pgx.Conn) {
	found, err := db.Query(ctx, "select g, repeat('x', g % 100), g::numeric / 7 from generate_series(1, 100000) g")
	must(err)
	var count, length int
	for found.Next() {
		var number int
		var word string
		var part pgtype.Numeric
		must(found.Scan(&number, &word, &part))
		count += number
		length += len(word)
	}
	fmt.Println(count, length, found.Err(), found.CommandTag())
}

func main() {
	config, err := pgx.ParseConfig(os.Args[1])
	must(err)
	config.RuntimeParams["application_name"] = "pgx"
	config.RuntimeParams["timezone"] = "Asia/Tokyo"
	db, err := pgx.ConnectConfig(ctx, config)
	must(err)
	for _, run := range []func(*pgx.Conn){types, parameters, writes, transactions, failures, rows} {
		run(db)
	}
	fmt.Println(db.PgConn().ParameterStatus("TimeZone"), db.PgConn().ParameterStatus("application_name"))
	must(db.Close(ctx))
	if len(os.Args) < 3 {
		cancels(os.Args[1])
	}
}
