/** Drivers of the extended protocol through the gateway: what they get is what they get with a direct connection. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import pg from "pg"
import postgres from "postgres"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

/** Values of every common type, in text and in binary. */
const values = `
  select true as b, 1::int2 as i2, -7::int4 as i4, 9007199254740993::int8 as i8, 0.1::float4 as f4, -1e300::float8 as f8,
    123456789.000100::numeric as n, -0.00001::numeric as small, 'NaN'::numeric as nan, 0::numeric as zero,
    'ä€😀'::text as t, 'v'::varchar(3) as v, 'c'::char(3) as c, '\\x00ff10'::bytea as bytes,
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as u, date '2020-02-29' as d, date '0044-03-15 BC' as bc,
    time '23:59:59.999999' as tm, timestamp '1969-12-31 23:59:59.5' as ts, timestamptz '2020-01-01 00:00:00.123456+02' as tz,
    '{"a": [1, null]}'::json as j, '{"a": [1, null]}'::jsonb as jb, 4294967295::oid as o,
    array[1,null,3]::int4[] as ia, array['a','b,"c',null,'']::text[] as ta, array[array[1,2],array[3,4]]::int8[] as ma,
    array[1.5,null]::numeric[] as na, array[true,false] as ba, array[date '2020-01-01'] as da, '{}'::int4[] as ea,
    null::int4 as nothing, 'infinity'::timestamptz as inf, interval '1 day 02:03:04' as iv, '1.5'::money as m,
    int4range(1, 5) as r, 'pg_class'::regclass as rc, row(1, 'a') as rec`

const ofPg = Effect.fnUntraced(function* (url: string) {
  const client = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const made = new pg.Client({ connectionString: url })
      await made.connect()
      return made
    }),
    (made) => Effect.promise(() => made.end())
  )
  return (text: string, parameters: Array<unknown> = []) => Effect.promise(() => client.query(text, parameters))
})

/** What postgres.js reads and writes by one connection, and what it says of an error. */
const ofPostgresJs = async (address: string, prepare = ""): Promise<unknown> => {
  const sql = postgres(address, { max: 1, onnotice: () => undefined })
  const codeOf = (error: unknown) => (error instanceof postgres.PostgresError ? error.code : String(error))
  try {
    if (prepare !== "") await sql.unsafe(prepare).simple()
    const read = await sql.unsafe(values)
    await sql`create table if not exists streamed(id int primary key, name text, tags text[], data jsonb)`
    await sql`truncate streamed`
    const rows = [
      { id: 1, name: "a", tags: ["x", 'y"'], data: sql.json({ k: [1, null] }) },
      { id: 2, name: "b", tags: [], data: sql.json({}) }
    ]
    const inserted = await sql`insert into streamed ${sql(rows)} returning *`
    const failed = await sql
      .begin(async (tx) => {
        await tx`insert into streamed values (3, 'c')`
        await tx`select 1/0`
      })
      .catch(codeOf)
    const nested = await sql.begin(async (tx) => {
      await tx`insert into streamed values (4, 'd')`
      const inner = await tx.savepoint((save) => save`insert into streamed values (4, 'again')`).catch(codeOf)
      return [inner, [...(await tx`update streamed set name = ${"e"} where id = ${4} returning id, name`)]]
    })
    const level = await sql.begin("read only", (tx) => tx`delete from streamed`).catch(codeOf)
    const twice = await sql`insert into streamed values (1, 'again')`.catch(codeOf)
    const pages: Array<unknown> = []
    for await (const page of sql`select * from generate_series(1, 25) g`.cursor(10)) pages.push([...page])
    const copied: Array<string> = []
    for await (const chunk of await sql`copy (select id, name from streamed order by id) to stdout`.readable())
      copied.push(String(chunk))
    const several = await sql`select 1 as a; select 'b' as b`.simple()
    const all = await sql`select id, name, tags, data from streamed where id = any(${[1, 2, 3, 4]}) order by id`
    return [[...read], [...inserted], failed, nested, level, twice, pages, copied.join(""), several, [...all]]
  } finally {
    await sql.end()
  }
}

const outcomes = Effect.fnUntraced(function* (url: string) {
  const query = yield* ofPg(url)
  const read = yield* query(values)
  const bound = yield* query(
    "select $1::int + 1 as a, $2::text as b, $3::timestamptz as c, $4::jsonb as d, $5::int[] as e",
    [41, "x", new Date(0), { k: [1] }, [1, null]]
  )
  yield* query("create table if not exists kept(id int primary key, at timestamptz, data jsonb, tags text[])")
  yield* query("truncate kept")
  const inserted = yield* query("insert into kept values ($1, $2, $3, $4) returning *", [
    1,
    new Date(5),
    { a: 1 },
    ["x"]
  ])
  const updated = yield* query("update kept set tags = tags || $1 where id = $2", [["y"], 1])
  yield* query("begin")
  yield* query("insert into kept values ($1)", [2])
  yield* query("rollback")
  const counted = yield* query("select count(*)::int as n from kept where id = any($1)", [[1, 2]])
  const show = yield* query("show server_version")
  return [read, bound, inserted, updated, counted, show].map(({ command, fields, rowCount, rows }) => ({
    command,
    rowCount,
    rows,
    fields: fields.map(({ dataTypeID, dataTypeModifier, dataTypeSize, name }) => [
      name,
      dataTypeID,
      dataTypeSize,
      dataTypeModifier
    ])
  }))
})

const url = TestDatabase.postgresUrl ?? ""

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("drivers through the gateway"), () => {
  layer(gateway(url), { timeout: "60 seconds" })((it) => {
    it.effect("node-postgres reads and writes the same", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const direct = yield* outcomes(directUrl)
        assert.deepStrictEqual(yield* outcomes(url), direct)
      }).pipe(Effect.scoped)
    )

    it.effect("node-postgres gets PostgreSQL's errors", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const refused = Effect.fnUntraced(function* (address: string) {
          const query = yield* ofPg(address)
          const errors: Array<unknown> = []
          for (const [text, parameters] of [
            ["select nope from pg_class where oid = $1", [1]],
            ["select 1/$1::int", [0]],
            ["select $1::int", ["x"]],
            ["select $1::varchar", [Buffer.from([0x41, 0x00])]],
            ["selekt $1", [1]],
            ["select 1; select 2", [1]],
            ["select $1 + $2", [1]]
          ] as const) {
            const exit = yield* Effect.exit(query(text, [...parameters]))
            const error = exit._tag === "Failure" ? exit.cause.reasons[0] : undefined
            const cause = error?._tag === "Die" && error.defect instanceof pg.DatabaseError ? error.defect : undefined
            errors.push([text, cause?.code, cause?.message, cause?.position, cause?.severity])
          }
          return errors
        })
        const direct = yield* refused(directUrl)
        assert.deepStrictEqual(yield* refused(url), direct)
      }).pipe(Effect.scoped)
    )

    it.effect("octets that are no text are refused as the text of a parameter, in PostgreSQL's words", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const refused = Effect.fnUntraced(function* (address: string) {
          const query = yield* ofPg(address)
          const said: Array<string> = []
          for (const type of ["text", "varchar", "bpchar", "name", "json"]) {
            for (const octets of [
              [0x41, 0xff],
              [0xed, 0xa0, 0x80],
              [0xc3],
              [0xc3, 0xa9, 0xe2, 0x28],
              [0xf9],
              [0x41, 0, 0xff]
            ]) {
              const exit = yield* Effect.exit(query(`select $1::${type}`, [Buffer.from(octets)]))
              said.push(/invalid byte sequence for encoding "UTF8": [0-9a-fx ]+/.exec(String(exit))?.[0] ?? "accepted")
            }
          }
          return said
        })
        const direct = yield* refused(directUrl)
        assert.notInclude(direct, "accepted")
        assert.deepStrictEqual(yield* refused(url), direct)
      }).pipe(Effect.scoped)
    )

    it.effect("a statement whose types are known is one request", () =>
      Effect.gen(function* () {
        const { calls, url } = yield* TestGateway
        const query = yield* ofPg(url)
        yield* query("select $1::int as a", [1])
        const before = calls.length
        yield* query("select $1::int as a", [2])
        assert.deepStrictEqual(calls.slice(before), ["executeStatement"])
        // Also where the values are written into the statement.
        yield* query("select relname from pg_class where oid = 1259 and relname = 'pg_class'")
        const written = calls.length
        const { rows } = yield* query("select relname from pg_class where oid = 1249 and relname = 'pg_attribute'")
        assert.deepStrictEqual(rows, [{ relname: "pg_attribute" }])
        assert.deepStrictEqual(calls.slice(written), ["executeStatement"])
      }).pipe(Effect.scoped)
    )

    it.effect("postgres.js reads, writes, streams by cursor and runs transactions", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const direct = yield* Effect.promise(() => ofPostgresJs(directUrl))
        assert.deepStrictEqual(yield* Effect.promise(() => ofPostgresJs(url)), direct)
      })
    )

    it.effect("settings that a client connects with hold, in both forms of the options", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const startupOptions = "-c work_mem=123kB --lock-timeout=456ms -c search_path=a,\\ public"
        const through = (address: string) =>
          Effect.gen(function* () {
            const sql = yield* PgClient.make({ url: Redacted.make(address), maxConnections: 1, startupOptions })
            return yield* Effect.forEach(["work_mem", "lock_timeout", "search_path"], (name) =>
              sql.unsafe(`show ${name}`)
            )
          }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))
        const direct = yield* through(directUrl)
        assert.deepStrictEqual(direct[0], [{ work_mem: "123kB" }])
        assert.deepStrictEqual(yield* through(url), direct)
      })
    )

    it.effect("@effect/sql-pg reads binary values, streams, and rolls back", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const through = (address: string) =>
          Effect.gen(function* () {
            const sql = yield* PgClient.make({ url: Redacted.make(address), maxConnections: 1 })
            const read = yield* sql.unsafe(
              values.replace(/array\[array.*?as ma,/s, "").replace(/interval.*$/s, "1 as last")
            )
            const bound = yield* sql`select ${1} + 1 as a, ${"x"} as b, ${new Date(0)}::timestamptz as c`
            const failed = yield* Effect.exit(sql.withTransaction(sql`select 1/0`))
            const after = yield* sql`select 'still here' as t`
            return [read, bound, failed._tag, after]
          }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))
        const direct = yield* through(directUrl)
        assert.deepStrictEqual(yield* through(url), direct)
      })
    )
  })

  layer(gateway(TestDatabase.postgresUrl ?? "", { wholeSession: true }), { timeout: "60 seconds" })(
    "with --session",
    (it) => {
      it.effect("postgres.js has a session of its own", () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          const own = "create temp table streamed(id int primary key, name text, tags text[], data jsonb)"
          const direct = yield* Effect.promise(() => ofPostgresJs(directUrl, own))
          assert.deepStrictEqual(yield* Effect.promise(() => ofPostgresJs(url, own)), direct)
        })
      )
    }
  )
})
