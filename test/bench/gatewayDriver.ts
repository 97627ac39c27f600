/**
 * The driver's side of the gateway's bench, in a process of its own: the statements of pgbench by `SqlClient`, as many
 * at a time as pgbench has clients. Reads what to run from stdin and writes how many transactions that came to.
 *
 * Usage: node test/bench/gatewayDriver.ts ENDPOINT DATABASE SCALE
 */
import { createInterface } from "node:readline"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { DataApiSql, HttpDataApi, RetryPolicy } from "../../src/data-api/index.ts"
import { arns, credentials, region } from "./processes.ts"

const [endpoint = "", database = "", scale = "1"] = process.argv.slice(2)

const sqlLayer = DataApiSql.layer().pipe(
  Layer.provide(RetryPolicy.layer()),
  Layer.provide(
    HttpDataApi.layer({
      clusterArn: arns.resourceArn,
      secretArn: Redacted.make(arns.secretArn),
      database,
      region,
      endpoint,
      credentials: Effect.succeed({
        accessKeyId: credentials.accessKeyId,
        secretAccessKey: Redacted.make(credentials.secretAccessKey)
      })
    })
  )
)

const upTo = (limit: number): number => 1 + Math.floor(Math.random() * limit)

/** A statement with its values in the text, as pgbench's simple mode has them, or as parameters. */
type Send = (pieces: ReadonlyArray<string>, ...values: ReadonlyArray<number>) => Effect.Effect<unknown, unknown>

const sends = (sql: SqlClient.SqlClient): Readonly<Record<string, Send>> => ({
  simple: (pieces, ...values) => sql.unsafe(pieces.map((piece, index) => `${piece}${values[index] ?? ""}`).join("")),
  prepared: (pieces, ...values) =>
    sql.unsafe(pieces.map((piece, index) => piece + (index < values.length ? `$${index + 1}` : "")).join(""), values)
})

const select = (send: Send): Effect.Effect<unknown, unknown> =>
  Effect.suspend(() => send`SELECT abalance FROM pgbench_accounts WHERE aid = ${upTo(100_000 * Number(scale))};`)

const tpcB = (send: Send, sql: SqlClient.SqlClient): Effect.Effect<unknown, unknown> =>
  Effect.suspend(() => {
    const aid = upTo(100_000 * Number(scale))
    const bid = upTo(Number(scale))
    const tid = upTo(10 * Number(scale))
    const delta = upTo(10_001) - 5001
    return sql.withTransaction(
      Effect.all(
        [
          send`UPDATE pgbench_accounts SET abalance = abalance + ${delta} WHERE aid = ${aid};`,
          send`SELECT abalance FROM pgbench_accounts WHERE aid = ${aid};`,
          send`UPDATE pgbench_tellers SET tbalance = tbalance + ${delta} WHERE tid = ${tid};`,
          send`UPDATE pgbench_branches SET bbalance = bbalance + ${delta} WHERE bid = ${bid};`,
          send`INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (${tid}, ${bid}, ${aid}, ${delta}, CURRENT_TIMESTAMP);`
        ],
        { discard: true }
      )
    )
  })

/** Runs transactions until the time is over, so many at a time. */
const load = Effect.fnUntraced(function* (
  transaction: Effect.Effect<unknown, unknown>,
  clients: number,
  seconds: number
) {
  const end = performance.now() + seconds * 1000
  let count = 0
  const client = Effect.gen(function* () {
    while (performance.now() < end) {
      yield* transaction
      count++
    }
  })
  yield* Effect.all(
    Array.from({ length: clients }, () => client),
    { concurrency: "unbounded" }
  )
  return count
})

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const answer = async (line: string) => {
    const [mode = "", workload, clients, seconds] = line.split(" ")
    const send = sends(sql)[mode]
    if (send === undefined) return process.exit(2)
    const transaction = workload === "select" ? select(send) : tpcB(send, sql)
    const start = performance.now()
    const count = await run(load(transaction, Number(clients), Number(seconds)))
    process.stdout.write(`${(count * 1000) / (performance.now() - start)}\n`)
  }
  process.stdout.write("ready\n")
  yield* Effect.promise(async () => {
    for await (const line of createInterface({ input: process.stdin })) await answer(line)
  })
})

await Effect.runPromise(Effect.provide(program, sqlLayer))
