/** Random programs of statements, within transactions and savepoints, with errors: on this driver as on `@effect/sql-pg`. */
import { inspect } from "node:util"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Layer, Predicate, Result } from "effect"
import { SqlError } from "effect/sql"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiPgClient from "../../../src/data-api/PgClient.ts"
import * as TestDatabase from "../../TestDatabase.ts"

// ALEX_LONG=1: on PostgreSQL alone, which is faster.
const long = process.env["ALEX_LONG"] === "1"
const programs = long ? 300 : 30
const SEED = 1

interface Random {
  /** A whole number below a bound. */
  (below: number): number
  /** Whether to take a value that is refused, one time in so many. */
  readonly wrong: (of: number) => boolean
}

const generator = (seed: number): Random => {
  let state = seed >>> 0
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Object.assign(next, { wrong: (of: number) => next(of) === 0 })
}

/** With one value that is refused at most: which of several is refused first is not the same. */
const once = (random: Random): Random => {
  let left = 1
  return Object.assign((below: number) => random(below), { wrong: (of: number) => random(of) === 0 && left-- > 0 })
}

/** Without values that are refused: where no row is, this driver does not read them, which is documented. */
const fine = (random: Random): Random => Object.assign((below: number) => random(below), { wrong: () => false })

const one = <A>(random: Random, items: ReadonlyArray<A>): A => items[random(items.length)] ?? assert.fail("no item")

const uuid = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}`

const schema = [
  "create type mood as enum ('sad', 'ok')",
  "create domain brief as varchar(8) check (value <> 'bad')",
  `create table things (id int primary key, key uuid unique, label text, code varchar(6), at timestamptz, day date, amount numeric(12,3),
    big int8, small int2, real8 float8, flag bool not null default false, doc jsonb, raw json, bytes bytea, tags text[], ns int[],
    feeling mood, short brief, clock time, address inet, constraint things_amount check (amount < 100000))`,
  "create table parts (n serial primary key, thing int constraint parts_thing references things, note text)"
]

/** Values of each column: fine ones, edges, NULL and a few that are refused. */
const values: Readonly<Record<string, (sql: PgClient.PgClient, random: Random) => unknown>> = {
  key: (_, random) => (random.wrong(30) ? "no uuid" : uuid(random(40))),
  label: (_, random) =>
    one(random, ["", "it's", 'é😀 \\ "', ":x $1 ?", "null", "a".repeat(random(300)), 1.5, "\u2028"]),
  code: (_, random) => one(random, ["", "c1", "123456", random.wrong(20) ? "too long" : "x"]),
  at: (_, random) =>
    one(random, [
      new Date(random(1e9) * 1000),
      "2026-01-02T03:04:05.678901Z",
      "1969-12-31 23:59:59+05:45",
      random.wrong(20) ? "yesterdayish" : "2000-01-01"
    ]),
  day: (_, random) => one(random, ["2026-02-28", "0001-01-01", random.wrong(20) ? "2026-02-30" : "1999-12-31"]),
  amount: (_, random) =>
    one(random, [
      "1.5",
      7,
      0.125,
      "99999.999",
      -3,
      random.wrong(15) ? "123456789012" : "0",
      random.wrong(15) ? 100001 : 5,
      random.wrong(9) ? "NaN" : 4
    ]),
  big: (_, random) => one(random, [9007199254740993n, -9223372036854775808n, 5, "12", random.wrong(20) ? "12x" : 0]),
  small: (_, random) => one(random, [1, -32768, random.wrong(12) ? 40000 : 3, "7"]),
  real8: (_, random) => one(random, [0.1, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 5, "2.5"]),
  flag: (_, random) => one(random, [true, false, "t", true, random.wrong(20) ? "maybe" : "off"]),
  doc: (sql, random) =>
    one(random, [
      sql.json({ a: [1, null, "é"], b: { c: random(9) } }),
      sql.json([]),
      sql.json(null),
      '{"x": 1}',
      random.wrong(15) ? "{" : "[1]"
    ]),
  raw: (sql, random) => one(random, [sql.json({ z: 1, a: 2 }), '{"b":1,  "a":2}']),
  bytes: (_, random) =>
    one(random, [new Uint8Array(0), Uint8Array.of(0, 255, 92), new Uint8Array(random(500)), "\\x00ff"]),
  tags: (_, random) => one<unknown>(random, [[], ["a,b", '"', "", null], ["x"], "{y,z}"]),
  ns: (_, random) => one<unknown>(random, [[], [1, -2], [1, null], "{3}"]),
  feeling: (_, random) => one(random, ["sad", "ok", random.wrong(15) ? "angry" : "ok"]),
  short: (_, random) => one(random, ["abc", random.wrong(15) ? "bad" : "ok", random.wrong(15) ? "much too long" : "x"]),
  clock: (_, random) => one(random, ["03:04:05", "23:59:59.999999"]),
  address: (_, random) => one(random, ["10.0.0.1", "::1", random.wrong(20) ? "10.0.0.300" : "10.1.0.0/16"])
}
const columns = Object.keys(values)

const rowOf = (sql: PgClient.PgClient, random: Random, id: number, chosen: ReadonlyArray<string>) => {
  const row: Record<string, unknown> = { id }
  for (const column of chosen) row[column] = column !== "flag" && random(8) === 0 ? null : values[column]?.(sql, random)
  return row
}

const someColumns = (random: Random) => columns.filter(() => random(3) === 0)

/** Rows without refused values, so that long ones run. */
const longRows = (sql: PgClient.PgClient, random: Random, from: number, count: number) =>
  Arr.makeBy(count, (n) => ({
    id: from + n,
    label: n % 7 === 0 ? null : `l${n} é`,
    amount: `${n % 1000}.5`,
    doc: sql.json({ n }),
    feeling: n % 2 === 0 ? "sad" : "ok",
    day: "2026-01-02",
    bytes: Uint8Array.of(n % 256),
    tags: n % 3 === 0 ? [] : [`${n}`, random(2) === 0 ? "q" : null]
  }))

const where = (sql: PgClient.PgClient, random: Random) => {
  const column = one(
    random,
    columns.filter((name) => !/^(?:raw|doc|tags|ns)$/.test(name))
  )
  const value = () => values[column]?.(sql, fine(random))
  return one(random, [
    () => sql`${sql(column)} = ${value()}`,
    () => sql`${sql(column)} is distinct from ${value()}`,
    () => sql`${sql(column)} in ${sql.in([value(), value(), value()])}`,
    () => sql`${sql(column)} not in ${sql.in([value()])}`,
    () => sql`${sql(column)} between ${value()} and ${value()}`,
    () => sql`coalesce(${sql(column)}, ${value()}) = ${value()}`,
    () =>
      sql.in(
        "id",
        Arr.makeBy(random(30), () => random(60))
      ),
    () =>
      sql.in(
        "id",
        Arr.makeBy(random(3) === 0 ? 7000 : 5, (n) => n)
      ),
    () => sql.and([sql`id > ${random(20)}`, sql.or([sql`label like ${"%é%"}`, sql`flag = ${random(2) === 0}`])]),
    () => sql`tags @> ${["x"]}`,
    () => sql`${random(9)} = any(ns)`,
    () => sql`doc ->> ${"a"} is not null`,
    () => sql`doc @> ${sql.json({ a: [1] })}`
  ])()
}

type Sql = PgClient.PgClient

/** One statement. */
const statement = (sql: Sql, all: Random): Effect.Effect<unknown, SqlError.SqlError> => {
  const random = once(all)
  const chosen = someColumns(random)
  const forms: ReadonlyArray<() => Effect.Effect<unknown, SqlError.SqlError>> = [
    () => sql`insert into things ${sql.insert(rowOf(sql, random, random(60), chosen))} returning *`,
    () => sql`insert into things ${sql.insert(rowOf(sql, random, 100 + random(60), chosen))}`,
    () =>
      sql`insert into things ${sql.insert(Arr.makeBy(1 + random(5), (n) => rowOf(sql, random, 200 + random(40) * 5 + n, chosen)))} on conflict do nothing returning id`,
    () =>
      sql`insert into things ${sql.insert(rowOf(sql, random, random(60), chosen))} on conflict (id) do update set label = excluded.label || ${"!"}, amount = things.amount + ${random(9)} returning id, label, amount`,
    () =>
      sql`insert into things ${sql.insert(longRows(sql, random, 10_000 + random(3) * 500, 1200))} on conflict (id) do update set label = excluded.label returning id`,
    () =>
      sql`update things set ${sql.update(rowOf(sql, fine(random), 0, chosen.length === 0 ? ["label"] : chosen), ["id"])} where ${where(sql, random)} returning id`,
    () =>
      sql`update things set label = data.label from ${sql.updateValues(
        Arr.makeBy(1 + random(4), (n) => ({ id: random(60) + n, label: `u${n}` })),
        "data"
      )} where things.id = data.id returning things.id`,
    () => sql`delete from things where ${where(sql, random)} and id < ${random(80)} returning id, at, big, real8`,
    () => sql`select * from things where ${where(sql, random)} order by id limit ${random(20)}`,
    () => sql`select id, label, doc, tags from things where ${where(sql, random)} order by id`,
    () =>
      sql`select count(*) as n, sum(amount) as total, max(at) as latest, array_agg(id order by id) as ids from things where ${where(sql, random)}`,
    () => sql`select id from things where ${where(sql, random)} order by id`.values,
    () =>
      Effect.map(sql`update things set small = small + ${1} where id < ${random(60)}`.raw, (raw) =>
        typeof raw === "object" && raw !== null && "rowCount" in raw ? raw.rowCount : raw
      ),
    () =>
      sql`insert into parts ${sql.insert({ thing: random(90), note: random(3) === 0 ? null : one(random, ["é", "x"]) })} returning thing, note`,
    () => sql`delete from things where id = ${random(60)} returning id`,
    () => sql`select ${random(5)} / ${random(5)} as n`,
    () => sql`select ${"a"}::text || id from things where id = ${"x"} or id = ${1}`,
    () => sql`select * from nowhere where a = ${1}`,
    () =>
      sql`with moved as (delete from parts where thing = ${random(60)} returning thing, note) insert into parts (thing, note) select thing, coalesce(note, ${"moved"}) from moved returning thing, note`,
    () =>
      sql`select t.id, p.note from things t left join parts p on p.thing = t.id and p.note = ${"é"} where t.id < ${30} order by t.id, p.n`,
    () =>
      sql`select repeat(coalesce(label, ${"none"}), ${1000}) as long from things where id >= ${9000} order by id limit ${400}`
  ]
  return one(random, forms)()
}

/** Rows in one order: that of a write depends on the plan. */
const inOneOrder = (rows: unknown): unknown =>
  Array.isArray(rows) ? rows.map((row) => inspect(row, { depth: 9, maxStringLength: 2000 })).sort() : rows

/** What a failure tells a program, without the words that differ. */
const told = (error: unknown): unknown => {
  if (!SqlError.isSqlError(error)) return String(error)
  const { reason } = error
  const cause = reason.cause
  return {
    reason: reason._tag,
    isRetryable: error.isRetryable,
    code: Predicate.hasProperty(cause, "code") ? cause.code : undefined,
    constraint: Predicate.hasProperty(cause, "constraint") ? cause.constraint : undefined
  }
}

/** A program: statements and nested transactions; what fails within a transaction ends it. */
const program = (sql: Sql, random: Random, depth: number, trace: Array<unknown>): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const length = 2 + random(5)
    for (let at = 0; at < length; at++) {
      if (depth < 3 && random(4) === 0) {
        const fails = random(3) === 0
        const body = program(sql, random, depth + 1, trace)
        const nested = sql.withTransaction(fails ? Effect.andThen(body, Effect.fail("own failure")) : body)
        const result = yield* Effect.result(nested)
        trace.push([depth, Result.isSuccess(result) ? "committed" : told(result.failure)])
        continue
      }
      const result = yield* Effect.result(statement(sql, random))
      trace.push([depth, Result.isSuccess(result) ? inOneOrder(result.success) : told(result.failure)])
      // Outside of a transaction the next statement runs; within one the failure ends it.
      if (Result.isFailure(result) && depth > 0) return yield* Effect.fail(result.failure)
    }
  })

const { postgresUrl } = TestDatabase

const traceOf = (client: Layer.Layer<PgClient.PgClient, unknown>) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    for (const text of schema) yield* sql.unsafe(text)
    const traces: Array<ReadonlyArray<unknown>> = []
    for (let n = 0; n < programs; n++) {
      const trace: Array<unknown> = []
      yield* program(sql, generator(SEED * 100_003 + n), 0, trace)
      const state = yield* sql`select md5(string_agg(t::text, ',' order by id)) as things from things t`
      const parts =
        yield* sql`select md5(string_agg(coalesce(thing::text, '') || coalesce(note, ''), ',' order by thing, note)) as parts from parts`
      trace.push(["state", state, parts])
      traces.push(trace)
    }
    return traces
  }).pipe(Effect.provide(client))

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("random programs"), () => {
  it.live(
    "give the same results, failures and states as on @effect/sql-pg",
    () =>
      Effect.gen(function* () {
        const native = yield* traceOf(PgClient.layer({ url: yield* TestDatabase.freshDatabase(postgresUrl ?? "") }))
        const dataApi = (api: Layer.Layer<DataApi, unknown>) => DataApiPgClient.layer().pipe(Layer.provide(api))
        const server = TestDatabase.layerPostgres(postgresUrl ?? "")
        for (const api of long ? [server] : [server, TestDatabase.layer()]) {
          const driver = yield* traceOf(dataApi(api))
          for (const [n, trace] of native.entries()) {
            for (const [at, step] of trace.entries())
              assert.deepStrictEqual(driver[n]?.[at], step, `program ${n}, step ${at}`)
          }
        }
      }),
    long ? 600_000 : 120_000
  )
})
