// lib/pq by database/sql: types, prepared statements, transactions, COPY, errors, cancel by context.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lib/pq"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func show(name string, err error) {
	var refused *pq.Error
	if errors.As(err, &refused) {
		fmt.Println(name, refused.Severity, refused.Code, refused.Code.Name(), refused.Message, refused.Position, refused.Constraint)
	} else {
		fmt.Println(name, err)
	}
}

const values = `select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8,
  12.3400::numeric n, 'ä€😀'::text t, 'c'::char(3) c, '\x00ff'::bytea bytes, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid u,
  date '2020-02-29' d, time '23:59:59.999999' tm, timetz '12:00+02' tmz, timestamp '1969-12-31 23:59:59.5' ts,
  timestamptz '2020-01-01 00:00:00.123456+02' tz, interval '1 mon 2 days 03:04:05.6' iv, '{"a": [1, null]}'::json j,
  '{"a": [1, null]}'::jsonb jb, array[1,null,3] ia, array['a','b,"c',null,''] ta, int4range(1, 5) r, inet '10.0.0.1/8' ip,
  money '12.50' mo, null::int nothing, 'pg_class'::regclass rc, row(1, 'a b') ro`

func types(db *sql.DB) {
	for _, parameter := range [][]interface{}{{}, {1}} {
		query := values
		if len(parameter) > 0 {
			query += " where $1 = 1"
		}
		rows, err := db.Query(query, parameter...)
		must(err)
		columns, err := rows.ColumnTypes()
		must(err)
		found := make([]interface{}, len(columns))
		pointers := make([]interface{}, len(columns))
		for index := range found {
			pointers[index] = &found[index]
		}
		for rows.Next() {
			must(rows.Scan(pointers...))
			for index, column := range columns {
				length, hasLength := column.Length()
				precision, scale, hasPrecision := column.DecimalSize()
				value := found[index]
				if bytes, is := value.([]byte); is {
					value = string(bytes)
				}
				if when, is := value.(time.Time); is {
					value = when.UTC()
				}
				fmt.Printf("%s %s %v %v %v %v %v %q\n", column.Name(), column.DatabaseTypeName(), length, hasLength, precision, scale, hasPrecision, fmt.Sprint(value))
			}
		}
		show("types", rows.Err())
	}
}

func writes(db *sql.DB) {
	result, err := db.Exec("create table kept(id serial primary key, name varchar(20) not null unique, tags text[], at timestamptz, raw bytea)")
	must(err)
	fmt.Println(result.RowsAffected())
	insert, err := db.Prepare("insert into kept(name, tags, at, raw) values ($1, $2, $3, $4) returning id")
	must(err)
	for index := 0; index < 3; index++ {
		var id int
		must(insert.QueryRow(fmt.Sprint("name ", index), pq.Array([]string{"a", "b,\"c", ""}), time.Date(2020, 1, index+1, 0, 0, 0, 1000, time.UTC), []byte{0, 255}).Scan(&id))
		fmt.Println("id", id)
	}
	var twice int
	show("unique", insert.QueryRow("name 1", nil, nil, nil).Scan(&twice))
	show("too long", insert.QueryRow("a name that is much too long", nil, nil, nil).Scan(&twice))
	must(insert.Close())
	result, err = db.Exec("update kept set name = name || '!' where id >= $1", 2)
	must(err)
	fmt.Println(result.RowsAffected())
	var tags []string
	var at time.Time
	var raw []byte
	must(db.QueryRow("select tags, at, raw from kept where id = $1", 1).Scan(pq.Array(&tags), &at, &raw))
	fmt.Println(tags, at.UTC(), raw)
	tx, err := db.Begin()
	must(err)
	copies, err := tx.Prepare(pq.CopyIn("kept", "name", "tags", "raw"))
	must(err)
	for index := 0; index < 1000; index++ {
		_, err = copies.Exec(fmt.Sprint("copied ", index), pq.Array([]string{"\t", "\\"}), []byte{byte(index)})
		must(err)
	}
	_, err = copies.Exec()
	must(err)
	must(copies.Close())
	must(tx.Commit())
	var count, octets int
	must(db.QueryRow("select count(*), sum(length(raw)) from kept where tags = array[E'\\t', E'\\\\']").Scan(&count, &octets))
	fmt.Println(count, octets)
	tx, err = db.Begin()
	must(err)
	copies, err = tx.Prepare(pq.CopyIn("kept", "name"))
	must(err)
	_, err = copies.Exec("copied 7")
	must(err)
	_, err = copies.Exec()
	show("copy", err)
	_, err = tx.Exec("select 1")
	show("aborted", err)
	show("rollback", tx.Rollback())
}

func transactions(db *sql.DB) {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	must(err)
	var level, only string
	must(tx.QueryRow("select current_setting('transaction_isolation'), current_setting('transaction_read_only')").Scan(&level, &only))
	fmt.Println(level, only)
	_, err = tx.Exec("delete from kept")
	show("read only", err)
	show("commit", tx.Commit())
	if len(os.Args) > 2 {
		return
	}
	short, done := context.WithTimeout(ctx, 500*time.Millisecond)
	defer done()
	_, err = db.ExecContext(short, "select pg_sleep(20)")
	show("cancelled", err)
	var one int
	must(db.QueryRow("select 1").Scan(&one))
	fmt.Println(one)
}

func failures(db *sql.DB) {
	for _, text := range []string{"select 1/0", "selec 1", "select nothing", "select * from missing", "select 'x'::int4"} {
		_, err := db.Exec(text)
		show(text, err)
		_, err = db.Query(text+" where $1 = 1", 1)
		show(text, err)
	}
	rows, err := db.Query("select 1; select 2, 'b'")
	must(err)
	for more := true; more; more = rows.NextResultSet() {
		columns, err := rows.Columns()
		fmt.Println(columns, err)
		for rows.Next() {
		}
	}
	show("several", rows.Err())
}

func main() {
	db, err := sql.Open("postgres", os.Args[1]+"?sslmode=disable")
	must(err)
	db.SetMaxOpenConns(3)
	for _, run := range []func(*sql.DB){types, writes, transactions, failures} {
		run(db)
	}
	must(db.Close())
	db, err = sql.Open("postgres", os.Args[1]+"?sslmode=disable&binary_parameters=yes")
	must(err)
	types(db)
	var text string
	var octets []byte
	must(db.QueryRow("select $1::text, $2::bytea", "binary", []byte{1, 0, 2}).Scan(&text, &octets))
	fmt.Println(text, octets)
	must(db.Close())
}
