/** Results of types that the Data API does not return: of writes, and in streams. */
import { PgTypes } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Result, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as RetryPolicy from "../../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { backends } from "../backends.ts"

const hours = (n: number) => ({ months: 0, days: 0, microseconds: BigInt(n) * 3_600_000_000n })

for (const [way, api] of backends) {
  layer(DataApiSql.layer().pipe(Layer.provide(api)))(`types that are not returned, ${way}`, (it) => {
    it.effect("a write with RETURNING runs once, and its rows come back", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table spans (n int, label text, span interval, area int4range)`
        const rows = [{ n: 1, label: "one", span: hours(1), area: "[1,5)" }]
        const insert = sql`insert into spans values (1, ${"one"}, ${"1 hour"}, ${"[1,5)"}) returning *`
        assert.deepStrictEqual(yield* insert, rows)
        assert.deepStrictEqual(yield* sql.withTransaction(insert), rows)
        const merged = sql`update spans set label = ${"two"} where label = ${"one"} returning span as s, label`
        assert.deepStrictEqual(yield* sql.withTransaction(merged), [
          { s: hours(1), label: "two" },
          { s: hours(1), label: "two" }
        ])
        const gone = sql`delete from spans where label = ${"two"} returning span`
        assert.deepInclude(yield* gone.raw, { rowCount: 2, command: "DELETE" })
        assert.deepStrictEqual(yield* sql`select * from spans`, [])
      })
    )

    it.effect(
      "a write of which nothing was asked beforehand fails with the column and the type, and says that it ran",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table counters (n int, span interval, spans interval[])`
          yield* sql`insert into counters values (1, '1 hour', '{1 hour}')`
          const add = sql`update counters set n = n + ${1} returning n, span, spans`
          const error = yield* Effect.flip(add)
          assert.include(error.message, 'column "span" is of type interval')
          assert.include(error.message, 'column "spans" is of type _interval')
          assert.include(error.message, "do not repeat it")
          assert.deepStrictEqual(yield* sql`select n from counters`, [{ n: 2 }])
          assert.deepStrictEqual(yield* add, [{ n: 3, span: hours(1), spans: [hours(1)] }])
          const inTransaction = yield* Effect.flip(
            sql.withTransaction(sql`update counters set n = n - ${1} returning span, n`)
          )
          assert.include(inTransaction.message, "INTERVAL")
          assert.deepStrictEqual(yield* sql`select n from counters`, [{ n: 3 }])
        })
    )

    it.effect("a write that returns columns without their names, or a rare type by its name, comes back at once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table unseen (n int, span interval, words tsvector)`
        const row = { n: 1, span: hours(1), words: "'a'" }
        const at = yield* sql`select 'unseen'::regclass::oid::int8 as oid`
        const r = Number(at[0]?.["oid"])
        const insert = sql`insert into unseen values (${1}, ${PgTypes.interval(hours(1))}, 'a') returning *, tableoid::regclass as r`
        assert.deepStrictEqual(yield* insert, [{ ...row, r }])
        const moved = sql`update unseen as u set n = u.n + ${1} from (values (${1})) as v (m) where u.n = v.m returning u.*, v.m`
        assert.deepStrictEqual(yield* moved, [{ ...row, n: 2, m: 1 }])
        assert.deepStrictEqual(yield* sql`update unseen set n = ${3} returning tableoid::regclass as r, n`, [
          { r, n: 3 }
        ])
        const removed = sql.withTransaction(sql`delete from unseen where n = ${3} returning unseen.*`)
        assert.deepStrictEqual(yield* removed, [{ ...row, n: 3 }])
      })
    )

    it.effect("what ends with a semicolon or a comment comes back, and a name with quotes", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table ended (label text, span interval)`
        for (const end of ["", ";", " ; \n", " -- note", "; -- note", " /* ; */ ; /* note */ -- note\n"]) {
          const query = sql.unsafe(`select interval '1 hour' as "a""b", 1 as n${end}`)
          assert.deepStrictEqual(yield* query, [{ 'a"b': hours(1), n: 1 }], end)
          const insert = sql.unsafe(`insert into ended values ($1, '1 hour') returning span as "a""b"${end}`, ["one"])
          assert.deepStrictEqual(yield* insert, [{ 'a"b': hours(1) }], end)
        }
        assert.deepStrictEqual(yield* sql`select count(*) as n from ended`, [{ n: 6n }])
      })
    )

    it.effect("columns that were added, dropped or changed since are those of the next run", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table reshaped (a interval)`
        yield* sql`insert into reshaped values ('1 hour')`
        const query = sql`select * from reshaped`
        assert.deepStrictEqual(yield* query, [{ a: hours(1) }])
        yield* sql`alter table reshaped add column b int default 7`
        assert.deepStrictEqual(yield* query, [{ a: hours(1), b: 7 }])
        yield* sql`alter table reshaped alter column b drop default, alter column b type interval using b * interval '1 hour'`
        assert.deepStrictEqual(yield* query, [{ a: hours(1), b: hours(7) }])
        yield* sql`alter table reshaped drop column a`
        assert.deepStrictEqual(yield* query, [{ b: hours(7) }])
        yield* sql`alter table reshaped drop column b, add column c int default 1`
        assert.deepStrictEqual(yield* query, [{ c: 1 }])
      })
    )

    it.effect("the names of tables come back as object ids beside what is not returned", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const query = sql`select 'pg_class'::regclass as one, array['pg_class'::regclass] as many, interval '1 hour' as span`
        assert.deepStrictEqual(yield* query, [{ one: 1259, many: [1259], span: hours(1) }])
      })
    )

    it.effect("a write returns parameters of several types, alone, beside what is not returned", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table lone_spans (span interval)`
        const query = sql`insert into lone_spans values (${"1 hour"}) returning ${"a"}, span, ${7}, ${true} as b`
        const rows = [["a", hours(1), 7, true]]
        assert.deepStrictEqual(yield* query.values, rows)
        assert.deepStrictEqual(yield* sql.withTransaction(query.values), rows)
        assert.deepStrictEqual(yield* query, [{ "?column?": 7, span: hours(1), b: true }])
        assert.deepStrictEqual(yield* sql`select count(*) as n from lone_spans`, [{ n: 3n }])
      })
    )

    it.effect("a write that may not stand in WITH runs once, and fails with the column and the type", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table watched (label text, span interval)`
        yield* sql`create table log (label text)`
        yield* sql`create rule copies as on insert to watched do also insert into log values (new.label)`
        const error = yield* Effect.flip(sql`insert into watched values (${"a"}, ${"1 hour"}) returning span`)
        assert.include(error.message, 'column "span" is of type interval')
        assert.deepStrictEqual(yield* sql`select count(*) as n from watched union all select count(*) from log`, [
          { n: 1n },
          { n: 1n }
        ])
      })
    )

    it.effect("a function that may write is not called twice: the failure names the column and the type", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table calls (n int)`
        yield* sql`create function called() returns interval language sql as $$
          insert into calls values (1); select interval '1 hour' $$`
        const error = yield* Effect.flip(sql`select called() as waited`)
        assert.include(error.message, 'column "waited" is of type interval')
        assert.deepStrictEqual(yield* sql`select count(*) as n from calls`, [{ n: 1n }])
        assert.deepStrictEqual(yield* sql`select called() as waited`, [{ waited: hours(1) }])
        assert.deepStrictEqual(yield* sql.withTransaction(sql`select called() as waited`), [{ waited: hours(1) }])
        assert.deepStrictEqual(yield* sql`select count(*) as n from calls`, [{ n: 3n }])
      })
    )

    it.effect("a query that locks rows returns them, and locks them", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table locked (n int, span interval)`
        yield* sql`insert into locked values (1, '1 hour'), (2, '2 hours')`
        for (const lock of ["update", "no key update", "share", "key share of locked", "update skip locked"]) {
          const query = sql`select n, span as "s" from locked where n > ${0} order by n ${sql.literal(`for ${lock}`)}`
          const rows = [
            { n: 1, s: hours(1) },
            { n: 2, s: hours(2) }
          ]
          assert.deepStrictEqual(yield* query, rows, lock)
          assert.deepStrictEqual([...(yield* Stream.runCollect(query.stream))], rows, lock)
          const held = Effect.andThen(
            query,
            sql`select count(*) as n from pg_locks l
            where l.relation = 'locked'::regclass and l.mode = 'RowShareLock' and l.pid = pg_backend_pid()`
          )
          assert.deepStrictEqual(yield* sql.withTransaction(held), [{ n: 1n }], lock)
        }
      })
    )

    it.effect("infinite dates and times come back, outside and within a transaction", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table terms (n int, until timestamptz, day date)`
        yield* sql`insert into terms values (1, 'infinity', '-infinity'), (2, '2026-01-02 03:04:05.678+00', '2026-01-02')`
        const expected = [
          { n: 1, until: new Date(Number.NaN), day: "-infinity" },
          { n: 2, until: new Date("2026-01-02T03:04:05.678Z"), day: "2026-01-02" }
        ]
        const query = sql`select * from terms where n > ${0} order by n`
        assert.deepStrictEqual(yield* query, expected)
        assert.deepStrictEqual(yield* sql.withTransaction(sql`select * from terms order by n`), expected)
        assert.deepStrictEqual([...(yield* Stream.runCollect(sql`select * from terms order by n`.stream))], expected)
        const error = yield* Effect.flip(sql`update terms set n = n + ${1} returning *`)
        assert.include(error.message, "infinite date or time")
      })
    )

    it.effect("infinite dates and times that a write is given come back from it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table written (n int, until timestamptz, day date, days date[])`
        const row = { n: 1, until: "Infinity", day: "-infinity", days: ["infinity", "2026-01-02"] }
        const expected = [{ n: 1, until: new Date(Number.NaN), day: "-infinity", days: ["infinity", "2026-01-02"] }]
        assert.deepStrictEqual(yield* sql`insert into written ${sql.insert(row)} returning *`, expected)
        assert.deepStrictEqual(
          yield* sql.withTransaction(
            sql`update written set day = ${"infinity"} where n = ${1} returning day as "on", n`
          ),
          [{ on: "infinity", n: 1 }]
        )
        assert.deepStrictEqual(
          yield* sql`insert into written (n, until) values (${2}, 'infinity'), (${"3"}, now()) returning n`,
          [{ n: 2 }, { n: 3 }]
        )
        assert.deepStrictEqual(yield* sql`delete from written where day = ${"infinity"} returning until`, [
          { until: new Date(Number.NaN) }
        ])
      })
    )

    it.effect("infinite dates and times that a write finds, or a function returns, come back from the next run", () =>
      Effect.gen(function* () {
        const policies = [api, RetryPolicy.layer().pipe(Layer.provide(api))]
        for (const policy of policies) {
          const failed = Effect.gen(function* () {
            const sql = yield* SqlClient.SqlClient
            yield* sql`drop table if exists held`
            yield* sql`create table held (n int, label text, until timestamptz default 'infinity', day date default '-infinity')`
            yield* sql`create or replace function ends(int) returns date language sql as 'select max(day) from held'`
            const ever = { label: "a", until: new Date(Number.NaN), day: "-infinity" }
            const insert = sql`insert into held (n, label) values (${1}, ${"a"}) returning *`
            const update = sql`update held set n = n + ${1} returning *`
            const query = sql`select ends(${1}) as day`
            const runs = [
              [insert, [{ n: 1, ...ever }]],
              [
                update,
                [
                  { n: 3, ...ever },
                  { n: 3, ...ever }
                ]
              ],
              [query, [{ day: "-infinity" }]]
            ] as const
            for (const [run, rows] of runs) {
              assert.include((yield* Effect.flip(run)).message, "infinite date or time")
              assert.deepStrictEqual(yield* run, rows)
            }
            const within = sql`delete from held where n > ${0} returning until as u, n`
            yield* Effect.flip(sql.withTransaction(within))
            const gone = { n: 3, u: ever.until }
            assert.deepStrictEqual(yield* sql.withTransaction(within), [gone, gone])
          })
          yield* Effect.provide(failed, DataApiSql.layer().pipe(Layer.provide(policy)))
        }
      })
    )

    it.effect("what a failure is to name is asked for while no other statement of the transaction runs", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table turns (n int, span interval)`
        const write = sql`insert into turns values (${1}, '1 hour') returning span`
        const beside = Effect.forEach([1, 2, 3, 4], (n) => sql`select ${n}::int as n, pg_sleep(0.01)::text`, {
          concurrency: "unbounded"
        })
        const messages: Array<string> = []
        const told = Effect.map(Effect.flip(write), ({ message }) => messages.push(message))
        const others: Array<unknown> = []
        const ran = Effect.map(beside, (rows) => others.push(...rows))
        yield* Effect.exit(sql.withTransaction(Effect.all([told, ran], { concurrency: "unbounded" })))
        assert.include(messages[0], 'column "span" is of type interval')
        assert.strictEqual(others.length, 4)
      })
    )

    it.effect(
      "a stream of what is not returned leaves its transaction to be committed, and has what comes after it",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table flowing (n int)`
          const spans = sql`select n, interval '1 hour' as span from generate_series(1, 20) n where n > ${"0"}`
          const days = sql`select n, case when n = 1 then 'infinity' else '2026-01-02' end::date as day from generate_series(1, 20) n`
          for (const stream of [spans.stream, days.stream]) {
            const read = Effect.gen(function* () {
              yield* sql`insert into flowing values (${1})`
              const rows = [...(yield* Stream.runCollect(stream))]
              return [rows.length, (yield* sql`select count(*)::int as n from flowing where n = ${"1"}`)[0]?.["n"]]
            })
            const [rows, before = 0] = yield* sql.withTransaction(read)
            assert.strictEqual(rows, 20)
            assert.deepStrictEqual(yield* sql`select count(*)::int as n from flowing`, [{ n: before }])
          }
        })
    )

    it.effect("a placeholder comes back as what it was given, whatever type that was before", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const day = { months: 0, days: 1, microseconds: 0n }
        const never = new Date(Number.NaN)
        const given: ReadonlyArray<readonly [value: unknown, back: unknown]> = [
          [PgTypes.interval(day), day],
          ["1 day", "1 day"],
          [PgTypes.interval(day), day],
          [new Date(0), new Date(0)],
          [PgTypes.array([day], PgTypes.OID.interval).pipe(Result.getOrThrow), [day]],
          [
            [1, 2],
            [1, 2]
          ],
          [true, true]
        ]
        for (const [value, back] of given) {
          const query = sql`select ${value} as v, 'infinity'::timestamptz as never`
          assert.deepStrictEqual(yield* query, [{ v: back, never }])
          assert.deepStrictEqual([...(yield* Stream.runCollect(query.stream))], [{ v: back, never }])
        }
      })
    )

    it.effect("a column comes back as what it is after its type was changed, alone and in a stream", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const day = { months: 0, days: 1, microseconds: 0n }
        const never = new Date(Number.NaN)
        for (const name of ["alone", "streamed"]) {
          const query = sql`select * from ${sql(name)}`
          const rows = name === "alone" ? query : Stream.runCollect(query.stream)
          const change = (a: string, n: string) =>
            sql.unsafe(`alter table ${name} alter a type ${a}, alter n type ${n}`)
          yield* sql`create table ${sql(name)} (a interval, n int)`
          yield* sql`insert into ${sql(name)} values ('1 day', 5)`
          assert.deepStrictEqual([...(yield* rows)], [{ a: day, n: 5 }])
          yield* change("text", "text using 'x'")
          assert.deepStrictEqual([...(yield* rows)], [{ a: "1 day", n: "x" }])
          yield* change("timestamptz using 'infinity'", "date[] using '{infinity}'")
          assert.deepStrictEqual([...(yield* rows)], [{ a: never, n: ["infinity"] }])
          yield* change("interval using '1 day'", "text")
          assert.deepStrictEqual([...(yield* rows)], [{ a: day, n: "{infinity}" }])
        }
      })
    )

    it.effect("the times of an array that has an infinite one are read in the session's time zone", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const ats = sql`select array['infinity'::timestamptz, '2026-02-01 03:04:05.678Z', '2026-02-01 03:04:05.678901Z'] as ats`
        const at = new Date("2026-02-01T03:04:05.678Z")
        for (const zone of ["UTC", "Asia/Tokyo", "America/New_York", "Asia/Kathmandu"]) {
          const rows = yield* sql.withTransaction(Effect.andThen(sql.unsafe(`set local timezone = '${zone}'`), ats))
          assert.deepStrictEqual(rows, [{ ats: [new Date(Number.NaN), at, at] }], zone)
        }
      })
    )

    it.effect("intervals and octets mean the same under every setting of the session", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const interval = (months: number, days: number, microseconds: bigint) => ({ months, days, microseconds })
        const spans: ReadonlyArray<PgTypes.Interval> = [
          interval(14, -3, 14_706_789_000n),
          interval(-14, 3, -14_706_789_000n),
          interval(-14, 3, 14_706_789_000n),
          interval(-1, -3, 1n),
          interval(-57, 0, 0n),
          interval(0, 0, 0n),
          interval(0, 0, -1n),
          interval(0, -1, 7_380_000_000n),
          interval(0, -1, -500_000n),
          interval(0, 1, 0n),
          interval(2_136_000_000, 0, 0n),
          interval(0, 0, 2n ** 63n - 1n)
        ]
        const octets = [Uint8Array.of(92, 0, 255, 39, 34, 120), null, Uint8Array.of(), Uint8Array.of(92, 120)]
        const settings = ["postgres", "postgres_verbose", "sql_standard", "iso_8601"].map(
          (style) => `intervalstyle = ${style}`
        )
        for (const setting of [...settings, "bytea_output = escape", "bytea_output = hex"]) {
          const all = PgTypes.array(spans, PgTypes.OID.interval).pipe(Result.getOrThrow)
          const read = (span: PgTypes.Interval) =>
            sql`select ${PgTypes.interval(span)} as span, ${octets} as octets, ${all} as "all"`
          for (const span of spans) {
            const rows = yield* sql.withTransaction(Effect.andThen(sql.unsafe(`set local ${setting}`), read(span)))
            assert.deepStrictEqual(rows, [{ span, octets, all: spans }], setting)
          }
        }
      })
    )

    it.effect("dates and times beside what is not returned are the same in every DateStyle and zone", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table styled (span interval, day date, wall timestamp, at timestamptz, days date[],
          walls timestamp[], ats timestamptz[])`
        const far = new Date(Number.NaN)
        const at = new Date("2026-02-01T03:04:05.678Z")
        const old = new Date("-000043-02-03T04:05:06Z")
        const rows = [
          { span: hours(1), day: "2026-02-01", wall: at, at, days: ["2026-02-01", null], walls: [at], ats: [at, null] },
          {
            span: null,
            day: "infinity",
            wall: far,
            at: far,
            days: ["-infinity", "-0043-02-03"],
            walls: [far, old],
            ats: [old, far]
          },
          { span: null, day: "-0043-02-03", wall: old, at: old, days: [], walls: [], ats: null }
        ]
        const insert = sql`insert into styled values
          (${"1 hour"}, '2026-02-01', '2026-02-01 03:04:05.678', '2026-02-01 03:04:05.678Z', '{2026-02-01,null}',
            '{2026-02-01 03:04:05.678}', '{2026-02-01 03:04:05.678Z,null}'),
          (null, 'infinity', '-infinity', 'infinity', '{-infinity,0044-02-03 BC}', '{infinity,0044-02-03 04:05:06 BC}',
            '{0044-02-03 04:05:06Z BC,infinity}'),
          (null, '0044-02-03 BC', '0044-02-03 04:05:06 BC', '0044-02-03 04:05:06Z BC', '{}', '{}', null) returning *`
        const select = sql`select * from styled`
        for (const style of ["ISO, DMY", "SQL, DMY", "SQL, MDY", "German", "Postgres, MDY"]) {
          for (const zone of ["UTC", "Asia/Kathmandu", "America/St_Johns"]) {
            const read = Effect.gen(function* () {
              yield* sql.unsafe(`set local datestyle = '${style}'`)
              yield* sql.unsafe(`set local timezone = '${zone}'`)
              yield* sql`delete from styled`
              const streamed = Effect.map(Stream.runCollect(select.stream), (all) => [...all])
              return [yield* insert, yield* select, yield* streamed]
            })
            assert.deepStrictEqual(yield* sql.withTransaction(read), [rows, rows, rows], `${style} ${zone}`)
          }
        }
      })
    )

    it.effect("a write whose result can't be read has run, and is not to be retried", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table nested (label text, spans interval[])`
        const error = yield* Effect.flip(sql`insert into nested values (${"a"}, '{{1 hour}}') returning spans`)
        assert.include(error.message, "The result can't be read: an array came back in an unknown form.")
        assert.strictEqual(error.reason._tag, "UnknownError")
        assert.isFalse(error.isRetryable)
        assert.deepInclude(error.reason.cause, { didRun: "yes" })
        assert.deepStrictEqual(yield* sql`select label from nested`, [{ label: "a" }])
      })
    )

    it.effect(
      "infinite intervals, which PostgreSQL has since version 17, have the largest parts, as with @effect/sql-pg",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const [server] = yield* sql`select current_setting('server_version_num')::int >= 170000 as "hasThem"`
          const ever = { months: 2147483647, days: 2147483647, microseconds: 2n ** 63n - 1n }
          const never = { months: -2147483648, days: -2147483648, microseconds: -(2n ** 63n) }
          const spans = sql`select 'infinity'::interval as a, ${PgTypes.interval(ever)} as b, ${PgTypes.interval(never)} as c`
          if (server?.["hasThem"] === true) assert.deepStrictEqual(yield* spans, [{ a: ever, b: ever, c: never }])
          else assert.include((yield* Effect.flip(spans)).message, "interval")
        })
    )

    it.effect("what a write returns comes back after a column was added, or its type was changed", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table changing (a interval, label text)`
        const insert = sql`insert into changing (a, label) values ('1 hour', ${"x"}) returning *`
        assert.deepStrictEqual(yield* insert, [{ a: hours(1), label: "x" }])
        yield* sql`alter table changing add b int default 7`
        assert.deepStrictEqual(yield* insert, [{ a: hours(1), label: "x", b: 7 }])
        yield* sql`alter table changing alter a type text`
        assert.deepStrictEqual(yield* insert, [{ a: "1 hour", label: "x", b: 7 }])
        yield* sql`alter table changing drop a, add a interval default '1 hour'`
        assert.strictEqual((yield* sql`select count(*)::int as n from changing`)[0]?.["n"], 3)
      })
    )

    it.effect("infinite dates and times come back in a stream, beside types that are not returned", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const query = sql`select n, case n when ${3}::int then 'infinity' else date '2026-01-01' + n end::timestamptz as at,
          case n when 2 then '-infinity' else date '2026-01-01' end as day, interval '1 hour' as span
          from generate_series(1, ${40}::int) n`
        const expected = Array.from({ length: 40 }, (_, index) => ({
          n: index + 1,
          at: index === 2 ? new Date(Number.NaN) : new Date(Date.UTC(2026, 0, 2 + index)),
          day: index === 1 ? "-infinity" : "2026-01-01",
          span: hours(1)
        }))
        assert.deepStrictEqual([...(yield* Stream.runCollect(query.stream))], expected)
        assert.deepStrictEqual([...(yield* Stream.runCollect(query.stream))], expected)
        assert.deepStrictEqual([...(yield* sql.withTransaction(Stream.runCollect(query.stream)))], expected)
        assert.deepStrictEqual(yield* query, expected)
      })
    )

    it.effect("an infinite time behind the first page fails with advice, and comes back in the next run", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const query = sql`select case n when ${30}::int then 'infinity' else date '2026-01-01' end as day
          from generate_series(1, 100) n`
        const seen: Array<unknown> = []
        const error = yield* Effect.flip(Stream.runForEach(query.stream, (row) => Effect.sync(() => seen.push(row))))
        assert.include(error.message, "run the stream again, or cast the column to text")
        assert.strictEqual(seen.length, 16)
        const rows = yield* Stream.runCollect(query.stream)
        assert.strictEqual(rows.length, 100)
        assert.deepStrictEqual(rows[29], { day: "infinity" })
      })
    )
  })
}
