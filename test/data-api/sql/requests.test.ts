/** How many requests the types of parameters cost, and that they are asked for as seldom as can be. */
import { PgTypes } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Array as Arr, Cause, Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { DataApi, type ExecuteStatementRequest } from "../../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const sent: Array<string> = []

const counted = Layer.effect(
  DataApi,
  Effect.map(DataApi, (api) => ({
    ...api,
    executeStatement: (request: ExecuteStatementRequest) =>
      Effect.suspend(() => {
        sent.push(request.sql)
        return api.executeStatement(request)
      })
  }))
).pipe(Layer.provide(Layer.orDie(TestDatabase.layer())))

/** The requests of an effect, without those that begin and end a transaction. */
const requests = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const before = sent.length
    return Effect.map(effect, () => sent.length - before)
  })

const id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

const table = Effect.fnUntraced(function* (name: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table ${sql(name)} (id uuid, n int, day date, tags text[], doc jsonb)`
  return { sql, name: sql(name) }
})

layer(DataApiSql.layer().pipe(Layer.provide(counted)), { timeout: "60 seconds", excludeTestServices: true })(
  "requests for the types of parameters",
  (it) => {
    it.effect("outside a transaction the first use takes two, and every later one takes one", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("alone")
        const find = (key: string) => sql`select n from ${name} where id = ${key}`
        assert.strictEqual(yield* requests(find(id)), 2)
        assert.strictEqual(yield* requests(find("00000000-0000-0000-0000-000000000000")), 1)
        assert.strictEqual(yield* requests(sql.withTransaction(find(id))), 1)
      })
    )

    it.effect("inside a transaction the first use takes three, and every later one takes one", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("inside")
        const find = sql`select n from ${name} where id = ${id}`
        assert.strictEqual(yield* requests(sql.withTransaction(find)), 3)
        assert.strictEqual(yield* requests(sql.withTransaction(Effect.andThen(find, find))), 2)
        assert.strictEqual(yield* requests(find), 1)
      })
    )

    it.effect("lists and rows of any length are asked for once, with a NULL or without", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("lists")
        const within = (length: number) =>
          sql`select n from ${name} where id in ${sql.in(Array.from({ length }, () => id))}`
        assert.strictEqual(yield* requests(within(1)), 2)
        for (const length of [2, 3, 50]) assert.strictEqual(yield* requests(within(length)), 1)
        const rows = (...days: readonly [string | null, ...Array<string | null>]) =>
          sql`insert into ${name} ${sql.insert(Arr.map(days, (day, n) => ({ id, n, day })))}`
        assert.strictEqual(yield* requests(rows("2026-01-01")), 2)
        assert.strictEqual(yield* requests(rows("2026-01-01", null, "2026-01-02")), 1)
        assert.strictEqual(yield* requests(rows(null, "2026-01-02")), 1)
      })
    )

    it.effect("statements that differ only in constants are asked for once", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("constants")
        const find = (n: number, worker: string) =>
          sql`select n from ${name} where id = ${id} and n < ${sql.literal(String(n))}
            and tags[1] is distinct from ${sql.literal(`'${worker}'`)} and day < now() + interval '${sql.literal(String(n))} days'`
        assert.strictEqual(yield* requests(find(1, "a")), 2)
        for (const [n, worker] of [
          [2, "b"],
          [30, "it''s c"]
        ] as const) {
          assert.strictEqual(yield* requests(find(n, worker)), 1)
        }
        assert.strictEqual(yield* requests(sql.withTransaction(find(4, "d"))), 1)
        assert.strictEqual(yield* requests(find(3_000_000_000, "e").pipe(Effect.ignore)), 2)
      })
    )

    it.effect("many fibers that use a statement first at the same time ask once", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("fibers")
        const find = sql`select n from ${name} where id = ${id}`
        assert.strictEqual(
          yield* requests(
            Effect.all(
              Arr.makeBy(20, () => find),
              { concurrency: "unbounded", discard: true }
            )
          ),
          21
        )
      })
    )

    it.effect("what has a type, or a cast, is not asked for", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("typed")
        for (const statement of [
          sql`select n from ${name} where id = ${PgTypes.uuid(id)}`,
          sql`select n from ${name} where id = ${id}::uuid and day = cast(${"2026-01-01"} as date)`,
          sql`select n from ${name} where id = any(${[id]}::uuid[])`,
          sql`insert into ${name} (id, n, day) values (${null}, ${7}, ${undefined})`,
          sql`insert into ${name} (n, doc) values (${7}, ${{ a: 1 }})`
        ]) {
          assert.strictEqual(yield* requests(statement), 1)
        }
      })
    )

    it.effect("a type that has changed since is learnt again", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("altered")
        const insert = (value: string) => sql`insert into ${name} (n) values (${value})`
        yield* insert("1")
        yield* sql`alter table ${name} alter n type text`
        assert.strictEqual(yield* requests(insert("many")), 3)
        assert.strictEqual(yield* requests(insert("more")), 1)
        assert.deepStrictEqual(yield* sql`select n from ${name} order by 1`, [{ n: "1" }, { n: "many" }, { n: "more" }])
      })
    )

    it.effect("within a transaction a type that has changed fails the statement with its own error", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("changed")
        const insert = (value: string) => sql`insert into ${name} (n) values (${value})`
        yield* insert("1")
        yield* sql`alter table ${name} alter n type text`
        const error = yield* Effect.flip(sql.withTransaction(insert("many")))
        assert.match(error.message, /invalid input syntax for type integer.*22P02/)
        yield* sql.withTransaction(insert("many"))
        assert.deepStrictEqual(yield* sql`select n from ${name} order by 1`, [{ n: "1" }, { n: "many" }])
      })
    )

    it.effect("columns that come back as text are remembered, also after a failure of another kind", () =>
      Effect.gen(function* () {
        const { sql } = yield* table("remembered")
        const divide = (n: number) => sql`select interval '1 hour' as span, 6 / ${n} as v`
        const expected = [{ span: { months: 0, days: 0, microseconds: 3_600_000_000n }, v: 3 }]
        assert.deepStrictEqual(yield* divide(2), expected)
        assert.strictEqual(yield* requests(divide(2)), 1)
        assert.match((yield* Effect.flip(divide(0))).message, /division by zero/)
        assert.strictEqual(yield* requests(divide(2)), 1)
        assert.deepStrictEqual(yield* divide(2), expected)
      })
    )

    it.effect("what a transaction makes or sets is seen there, and nowhere else", () =>
      Effect.gen(function* () {
        const { sql } = yield* table("shown")
        yield* sql`create schema other`
        yield* sql`create table other.shown (id date)`
        const find = (key: string) => sql`select id from shown where id = ${key}`
        yield* find(id)
        const elsewhere = sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`set local search_path to other`
            yield* find("2026-01-01")
            yield* sql`create temporary table shown (id int) on commit drop`
            yield* find("12")
          })
        )
        assert.strictEqual(yield* requests(elsewhere), 2 + 6)
        assert.strictEqual(yield* requests(elsewhere), 2 + 2)
        assert.strictEqual(yield* requests(find(id)), 1)
      })
    )

    it.effect("a statement that does not parse gives its own error, with its own position", () =>
      Effect.gen(function* () {
        const { sql } = yield* table("broken")
        const error = yield* Effect.flip(sql`select n fro broken where id = ${id}`)
        assert.match(error.message, /syntax error at or near "broken"; Position: 14; SQLState: 42601/)
        // As text, the string would be compared with a uuid.
        const grouped = sql`select n from broken group by id having id = ${id}`
        for (const run of [grouped, sql.withTransaction(grouped)]) {
          assert.match((yield* Effect.flip(run)).message, /"broken.n" must appear in the GROUP BY clause.*42803/)
        }
        const inside = yield* Effect.flip(sql.withTransaction(sql`select n from nowhere where id = ${id}`))
        assert.match(inside.message, /relation "nowhere" does not exist; Position: 15; SQLState: 42P01/)
      })
    )

    it.effect("a write returns what the service does not, where the server says its types", () =>
      Effect.gen(function* () {
        const { sql } = yield* table("returning")
        yield* sql`create table spans (id int generated always as identity, span interval, "a ""b" money, note text)`
        const insert = (span: string, note: string) =>
          sql`insert into spans (span, "a ""b", note) values (${span}, ${"1.50"}, ${note}) returning *, span, id as id`
        const expected = (id: number, note: string, days: number) => ({
          id,
          span: { months: 0, days, microseconds: 0n },
          'a "b': "$1.50",
          note
        })
        assert.deepStrictEqual(yield* insert("1 day", "x"), [expected(1, "x", 1)])
        assert.strictEqual(yield* requests(insert("2 days", "y")), 1)
        const update = (note: string) => sql`update spans set note = ${note} where id > ${1} returning span`
        const raw = yield* sql.withTransaction(update("z").raw)
        assert.deepInclude(raw, { rowCount: 1, rows: [{ span: { months: 0, days: 2, microseconds: 0n } }] })
        assert.deepStrictEqual(yield* sql`delete from spans where note = ${"nobody"} returning span`, [])
      })
    )

    it.effect("a stream infers types, and reads what the service does not return", () =>
      Effect.gen(function* () {
        const { sql } = yield* table("streamed")
        const rows = (until: string) =>
          sql`select n, n * ${"1 day"}::interval as span from generate_series(1, ${40}::int) as n
              where now() - n * interval '1 day' > ${until}`
        const expected = Array.from({ length: 40 }, (_, index) => ({
          n: index + 1,
          span: { months: 0, days: index + 1, microseconds: 0n }
        }))
        const streamed = Stream.runCollect(rows("2001-01-01").stream)
        assert.deepStrictEqual(yield* streamed, expected)
        assert.deepStrictEqual(yield* sql.withTransaction(streamed), expected)
      })
    )

    it.effect("no parameter's value is in the text of a request, nor in the words of the driver's own failures", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("secret")
        const secret = "s3cr3t-value"
        const before = sent.length
        const attempts = [
          sql`select * from ${name} where tags[1] = ${secret} and doc ->> 'a' = ${secret}`,
          sql`insert into ${name} (tags, doc) values (${[secret]}, ${{ secret }})`,
          sql`select count(${secret}), concat(${secret}), ${secret} is null`,
          sql`select ${secret} from no_such_table`,
          sql.withTransaction(sql`update ${name} set tags = ${[secret]} where doc ->> 'a' <> ${secret}`),
          sql`select n from ${name} where ${sql.in("doc", [secret, { secret }])}`,
          sql`insert into ${name} (doc) values (${[]}, ${secret})`
        ]
        for (const attempt of attempts) {
          const exit = yield* Effect.exit(attempt)
          if (exit._tag === "Failure") assert.notInclude(Cause.pretty(exit.cause), secret)
        }
        assert.isAbove(sent.length - before, attempts.length)
        assert.deepStrictEqual(
          sent.filter((text) => text.includes(secret)),
          []
        )
      })
    )

    it.effect("an array that PostgreSQL can't see to be one is asked for a second time, once", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("unseen")
        const find = sql`select u from unnest(${["a"]}) u left join ${name} on id = ${id}`
        assert.strictEqual(yield* requests(find), 3)
        assert.strictEqual(yield* requests(find), 1)
        assert.strictEqual(yield* requests(sql.withTransaction(find)), 1)
      })
    )

    it.effect("an empty array is not stored as an empty object", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("empty")
        const error = yield* Effect.flip(sql`insert into ${name} (doc) values (${[]})`)
        assert.match(error.message, /sql\.json/)
        yield* sql`insert into ${name} (tags) values (${[]})`
        assert.deepStrictEqual(yield* sql`select doc, tags from ${name}`, [{ doc: null, tags: [] }])
      })
    )
  }
)

layer(DataApiSql.layer({ parameterTypes: "text" }).pipe(Layer.provide(counted)), {
  timeout: "60 seconds",
  excludeTestServices: true
})("parameterTypes: text", (it) => {
  it.effect("asks for nothing, and a string is text", () =>
    Effect.gen(function* () {
      const { name, sql } = yield* table("plain")
      assert.strictEqual(yield* requests(sql`select ${"a"} as a`), 1)
      const error = yield* Effect.flip(sql`select n from ${name} where id = ${id}`)
      assert.match(error.message, /uuid = text/)
    })
  )
})

layer(DataApiSql.layer({ statementCacheSize: 2 }).pipe(Layer.provide(counted)), {
  timeout: "60 seconds",
  excludeTestServices: true
})("a cache of two statements", (it) => {
  it.effect("forgets the one that was not used for the longest time", () =>
    Effect.gen(function* () {
      const { name, sql } = yield* table("cached")
      const finds = ["id", "day", "n"].map((column) => sql`select n from ${name} where ${sql(column)}::text = ${"1"}`)
      for (const find of finds) assert.strictEqual(yield* requests(Effect.exit(find)), 2)
      assert.strictEqual(yield* requests(Effect.exit(finds[2] ?? sql``)), 1)
      assert.strictEqual(yield* requests(Effect.exit(finds[0] ?? sql``)), 2)
      assert.strictEqual(yield* requests(Effect.exit(finds[1] ?? sql``)), 2)
    })
  )
})

layer(DataApiSql.layer().pipe(Layer.provide(counted)), { timeout: "60 seconds", excludeTestServices: true })(
  "where PostgreSQL can't be asked",
  (it) => {
    it.effect("a string in a text that leaves no room for the question is text", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("long")
        const note = sql.literal(`/* ${"x".repeat(64_000)} */`)
        const find = sql`select ${"a"} || ${"b"} as v ${note}`
        assert.strictEqual(yield* requests(find), 1)
        assert.deepStrictEqual(yield* find, [{ v: "ab" }])
        assert.deepStrictEqual(yield* sql.withTransaction(find), [{ v: "ab" }])
        const error = yield* Effect.flip(sql`select n from ${name} where id = ${id} ${note}`)
        assert.match(error.message, /uuid = text/)
        assert.deepStrictEqual(yield* sql`select n from ${name} where id = ${id}::uuid ${note}`, [])
      })
    )

    // Last: the database is without plpgsql afterwards.
    it.effect("without plpgsql a string is text, and nothing more is asked", () =>
      Effect.gen(function* () {
        const { name, sql } = yield* table("bare")
        yield* sql`drop extension plpgsql cascade`
        const find = sql`select ${"a"} || ${"b"} as v`
        assert.strictEqual(yield* requests(find), 2)
        assert.deepStrictEqual(yield* find, [{ v: "ab" }])
        assert.deepStrictEqual(yield* sql.withTransaction(sql`select upper(${"a"}) as v`), [{ v: "A" }])
        const other = sql`select n from ${name} where id = ${id}`
        assert.strictEqual(yield* requests(Effect.flip(other)), 1)
        assert.match((yield* Effect.flip(other)).message, /uuid = text/)
        assert.deepStrictEqual(yield* sql`select n from ${name} where id = ${id}::uuid`, [])
      })
    )
  }
)

layer(DataApiSql.layer().pipe(Layer.provide(Layer.fresh(counted))), {
  timeout: "60 seconds",
  excludeTestServices: true
})("without plpgsql, first in a transaction", (it) => {
  it.effect("fails that transaction alone", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`drop extension if exists plpgsql cascade`
      const find = sql.withTransaction(sql`select ${"a"} || ${"b"} as v`)
      assert.match((yield* Effect.flip(find)).message, /language "plpgsql" does not exist/)
      assert.deepStrictEqual(yield* find, [{ v: "ab" }])
    })
  )
})
