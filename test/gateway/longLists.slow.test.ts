/** Lists that would make a statement longer than the service takes: through the gateway as with a direct connection. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Array as Arr, Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import pg from "pg"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

// ALEX_LONG=1: as many as a program of `@effect/sql-pg` may pass in one statement.
const COUNT = process.env["ALEX_LONG"] === "1" ? 9000 : 4000
const numbers = Arr.makeBy(COUNT, (n) => n)
const uuid = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}`
const texts = ["", "it's", '"q" \\ {}', "é😀", ":x $1 ?", "null", "NULL", "{}"]

/** A value of each type, as a program passes it to `pg`. */
const types: Readonly<Record<string, (n: number) => unknown>> = {
  uuid,
  mood: (n) => (n % 2 === 0 ? "sad" : "very happy"),
  date: (n) => `20${String(10 + (n % 80))}-01-02`,
  timestamptz: (n) => new Date(n * 1000),
  "numeric(30,10)": (n) => `${n}.0000000001`,
  jsonb: (n) => JSON.stringify({ n, list: [null, "x"] }),
  text: (n) => texts[n % texts.length],
  int8: (n) => 9007199254740993n + BigInt(n),
  int4: (n) => n,
  float8: (n) => n / 7,
  bool: (n) => n % 2 === 0,
  bytea: (n) => Buffer.from([n % 256, 0, 255]),
  "text[]": (n) => [`${n}`, null, "a,b", '"'],
  "int4[]": (n) => (n % 3 === 0 ? [] : [n, null]),
  inet: (n) => `10.0.${n % 256}.1`,
  interval: (n) => `${n} minutes`,
  regclass: () => "pg_class"
}

const marks = (from: number, to: number, after = "") =>
  Array.from({ length: to - from }, (_, n) => `$${from + n + 1}${after}`).join(", ")

/** The casts of a parameter to a type, or to one like it, as programs write them. */
const castsOf: Readonly<Record<string, ReadonlyArray<string>>> = {
  uuid: ["::uuid", "::UUID"],
  date: ["::date", "::timestamp"],
  timestamptz: ["::timestamptz"],
  text: ["::text", "::varchar"],
  int8: ["::bigint", " :: int8 "],
  int4: ["::int", "::INTEGER", "::bigint", "::smallint"],
  float8: ["::int"]
}

type Query = (text: string, values?: ReadonlyArray<unknown>) => Promise<pg.QueryResult>

/** What a query came to: its rows in one order, since that of a write depends on the plan, or the SQLSTATE and the message of its failure. */
const outcome = async (query: Promise<pg.QueryResult>): Promise<unknown> => {
  try {
    const { command, rowCount, rows } = await query
    return { command, rowCount, rows: rows.map((row) => JSON.stringify(row)).sort() }
  } catch (error) {
    return error instanceof pg.DatabaseError ? `${error.code} ${error.message}` : String(error)
  }
}

/** PostgreSQL itself compares arrays and rows with no more elements than its stack is deep. */
const incomparable = new Set(["regclass", "text[]", "int4[]"])

/** Everything that a list can be in, for one type. */
const ofType = async (query: Query, type: string, valueAt: (n: number) => unknown) => {
  await query(`create table t (id int primary key, v ${type})`)
  const value = (n: number) => (n % 10 === 9 ? null : valueAt(n))
  const pairs = numbers.flatMap((n) => [n, value(n)])
  const rows = numbers.map((n) => `($${2 * n + 1}, $${2 * n + 2})`).join(", ")
  const seen: Array<unknown> = []
  const run = async (text: string, values: ReadonlyArray<unknown>) => seen.push(await outcome(query(text, values)))
  await run(`insert into t (id, v) values ${rows}`, pairs)
  await run(
    `insert into t (id, v) values ${rows} on conflict (id) do update set v = excluded.v where t.id < 5 returning *`,
    pairs
  )
  const all = numbers.map(valueAt)
  if (!incomparable.has(type)) {
    await run(`select count(*), max(id) from t where v in (${marks(0, COUNT)})`, all)
    await run(`select id from t where id < $${COUNT + 1} and v not in (${marks(0, COUNT)}) order by id`, [...all, 50])
    await run(`select id from t where v in (${marks(0, COUNT)}) order by id`, numbers.map(value))
    for (const cast of castsOf[type] ?? []) {
      await run(`select count(*), max(id) from t where v in (${marks(0, COUNT, cast)}) and id > $${COUNT + 1}`, [
        ...numbers.map((n) => (type === "float8" ? n : value(n))),
        5
      ])
    }
    const some = numbers
      .slice(0, 1500)
      .map((n) => `($${2 * n + 1}, $${2 * n + 2})`)
      .join(", ")
    await run(`select count(*) from t where (id, v) in (${some})`, pairs.slice(0, 3000))
  }
  await run(
    `update t set v = d.v::${type} from (values ${rows}) d (id, v) where d.id::int = t.id + 1 and t.id < 10 returning t.*`,
    pairs.map((one, at) => (at % 2 === 0 ? `${one}` : one))
  )
  await run(
    `delete from t where id in (${marks(0, COUNT)}) returning id, v`,
    numbers.map((n) => n * 2)
  )
  await run("select count(*), count(v) from t", [])
  await query("drop table t")
  return seen
}

const ofPg = (url: string) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      return client
    }),
    (client) =>
      Effect.promise(async () => {
        const query: Query = (text, values = []) => client.query(text, [...values])
        const seen: Record<string, unknown> = {}
        await query("create type mood as enum ('sad', 'very happy')")
        for (const [type, valueAt] of Object.entries(types)) seen[type] = await ofType(query, type, valueAt)
        await query("begin")
        seen["in a transaction"] = await ofType(query, "uuid", uuid)
        await query("commit")
        await query("create table t (id int primary key)")
        seen["wrong"] = [
          await outcome(
            query(
              `select 1 where 1 in (${marks(0, COUNT)})`,
              numbers.map((n) => (n === 70 ? "x" : n))
            )
          ),
          await outcome(
            query(
              `insert into t values ${Arr.map(numbers, (n) => `($${n + 1})`).join(", ")}`,
              numbers.map((n) => n % 3000)
            )
          ),
          await outcome(query(`select nothing from pg_class where oid in (${marks(0, COUNT)})`, numbers))
        ]
        await query("drop table t")
        await query("drop type mood")
        return seen
      }),
    (client) => Effect.promise(() => client.end())
  )

const ofSqlPg = (url: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`create table p (id int, key uuid, label text)`
    yield* sql`insert into p ${sql.insert(Arr.map(numbers, (n) => ({ id: n, key: uuid(n), label: n % 3 === 0 ? null : `${n}` })))}`
    const found = yield* sql`select * from p where ${sql.in("key", numbers.map(uuid))} and id < ${20} order by id`
    const none = yield* sql`select id from p where id not in ${sql.in(numbers)}`
    const updated = yield* sql.withTransaction(
      sql`update p set label = data.label from ${sql.updateValues(
        Arr.map(numbers, (n) => ({ id: n, label: `l${n}` })),
        "data"
      )} where p.id = data.id and p.id < 3 returning p.id, p.label`
    )
    yield* sql`drop table p`
    return { found, none, updated: [...updated].sort((a, b) => Number(a["id"]) - Number(b["id"])) }
  }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url) })))

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)))

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("long lists through the gateway"),
  () => {
    layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds", excludeTestServices: true })((it) => {
      it.effect(
        "give a program of pg what they give it with a direct connection",
        () =>
          Effect.gen(function* () {
            const { directUrl, url } = yield* TestGateway
            const direct = yield* ofPg(directUrl)
            const through = yield* ofPg(url)
            for (const [type, expected] of Object.entries(direct)) {
              assert.deepStrictEqual(plain(through[type]), plain(expected), type)
            }
          }),
        300_000
      )
      it.effect(
        "and one of @effect/sql-pg",
        () =>
          Effect.gen(function* () {
            const { directUrl, url } = yield* TestGateway
            assert.deepStrictEqual(yield* ofSqlPg(url), yield* ofSqlPg(directUrl))
          }),
        120_000
      )
    })
  }
)
