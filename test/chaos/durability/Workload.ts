/** What is done to a database while its disk is watched: statements of every kind that moves files about. */
import { Effect } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { query } from "../../local/calls.ts"
import type { Random } from "./Random.ts"

/** Statements that take effect together. */
export interface Step {
  readonly name: string
  readonly statements: ReadonlyArray<string>
}

export const prepared: Step = {
  name: "create",
  statements: [
    "create table ledger (id int primary key, body text not null)",
    "create index ledger_body on ledger (left(body, 20))",
    "create table notes (id int primary key, body text not null)"
  ]
}

/** 33 bytes a row, and so many that they are not compressed away. */
const long = (rows: number) => `(select string_agg(md5(random()::text), ' ') from generate_series(1, ${rows}))`

const insert = (table: string, count: number, width: number) =>
  `insert into ${table} select coalesce((select max(id) from ${table}), 0) + i, ${long(width)} from generate_series(1, ${count}) i`

const of = (name: string, ...statements: ReadonlyArray<string>): Step => ({ name, statements })

const kinds: ReadonlyArray<(number: number, random: Random) => Step> = [
  () => of("insert", insert("ledger", 1, 3)),
  () => of("insert", insert("notes", 1, 1)),
  () => of("insert many", insert("ledger", 300, 4)),
  // Longer than a segment of the log.
  () => of("insert long", insert("notes", 1, 25_000)),
  (_, random) => of("update", `update ledger set body = body || '+' where id % 7 = ${Math.floor(random() * 7)}`),
  (_, random) => of("delete", `delete from ledger where id % 11 = ${Math.floor(random() * 11)}`),
  () => of("transaction", insert("ledger", 5, 2), insert("notes", 5, 2), "delete from ledger where id % 13 = 1"),
  () => of("checkpoint", "checkpoint"),
  () => of("vacuum", "vacuum ledger"),
  () => of("reindex", "reindex table ledger"),
  () => of("rewrite", "vacuum full ledger"),
  (number) => of("table", `create table extra${number} as select i from generate_series(1, 100) i`),
  (number) => of("alter", `alter table notes add column c${number} int not null default ${number}`),
  () => of("truncate", "truncate notes", insert("notes", 2, 1))
]

export const steps = (count: number, random: Random): ReadonlyArray<Step> =>
  Array.from({ length: count }, (_, number) => {
    const kind = kinds[Math.floor(random() * kinds.length)] ?? kinds[0]
    return kind?.(number, random) ?? prepared
  })

/** Runs a step, in a transaction if it has several statements. */
export const run = Effect.fnUntraced(function* ({ statements: [first = "", ...others] }: Step) {
  const api = yield* DataApi
  if (others.length === 0) return yield* api.executeStatement({ sql: first })
  const { transactionId } = yield* api.beginTransaction({})
  for (const sql of [first, ...others]) yield* api.executeStatement({ sql, transactionId })
  return yield* api.commitTransaction({ transactionId })
})

const digestOf = (table: string) =>
  `(select count(*) || ' ' || coalesce(sum(hashtextextended(id || body, 0)), 0) from ${table})`

/** What is in the tables, in one line. */
export const digest = Effect.map(
  query(
    `select concat_ws(', ', ${digestOf("ledger")}, ${digestOf("notes")}, (select count(*) from pg_class where relname like 'extra%'))`
  ),
  ([record]) => JSON.stringify(record)
)

/** Counts every table by its rows and by its index, which have to say the same. */
export const counts = Effect.gen(function* () {
  const api = yield* DataApi
  const { transactionId } = yield* api.beginTransaction({})
  const counted = (other: string, table: string) =>
    Effect.gen(function* () {
      for (const way of ["seqscan", "bitmapscan", "indexscan", "indexonlyscan"])
        yield* api.executeStatement({
          sql: `set local enable_${way} = ${other.includes(way) ? "off" : "on"}`,
          transactionId
        })
      const sql = `select count(*), coalesce(sum(id), 0) from ${table} where id > -1`
      return JSON.stringify((yield* api.executeStatement({ sql, transactionId })).records)
    })
  const found: Array<readonly [string, string, string]> = []
  for (const table of ["ledger", "notes"])
    found.push([
      table,
      yield* counted("indexscan indexonlyscan bitmapscan", table),
      yield* counted("seqscan bitmapscan", table)
    ])
  yield* api.rollbackTransaction({ transactionId })
  return found
})
