/** What a network between the driver and the service may do to INSERTs, and what becomes of them. */
import { ExecuteStatementCommand, RDSDataClient } from "@aws-sdk/client-rds-data"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { DataApiError } from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { clusterArn, credentials, overAws, overHttp, secretArn } from "./backends.ts"
import { faultyProxy } from "./FaultyProxy.ts"

// ALEX_LONG=1: 1,000 INSERTs and a pause of 40 seconds, in two minutes.
const long = process.env["ALEX_LONG"] === "1"
const inserts = long ? 1000 : 200
const pause = long ? 40_000 : 1000

const numbers = Array.from({ length: inserts }, (_, n) => n)

type Report = "done" | "not run" | "unknown"

const reportOf = (exit: Exit.Exit<unknown, SqlError.SqlError>): Report => {
  if (Exit.isSuccess(exit)) return "done"
  const error = Exit.findErrorOption(exit)
  const cause = error._tag === "Some" ? error.value.reason.cause : undefined
  return cause instanceof DataApiError && cause.reason._tag !== "OutcomeUnknown" && cause.didRun !== "unknown"
    ? "not run"
    : "unknown"
}

/** How often each number is in the table, through the untroubled server. */
const countsAt = (url: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ n: number; times: number }>`select n, count(*)::int as times from marks group by n`
    return new Map(rows.map(({ n, times }) => [n, times]))
  }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(overHttp(url)))))

const served = Effect.gen(function* () {
  const { url } = yield* HttpServer.make({ port: 0 })
  yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table marks (n int)`).pipe(
    Effect.provide(DataApiSql.layer().pipe(Layer.provide(overHttp(url))))
  )
  return url
})

for (const [name, over] of [
  ["AwsDataApi", overAws],
  ["HttpDataApi", overHttp]
] as const) {
  it.live(
    `${name}: of ${inserts} INSERTs over a bad network none is run twice, and each is reported as what it was`,
    () =>
      Effect.gen(function* () {
        const url = yield* served
        const faulty = yield* faultyProxy(url, 7, pause)
        const reports = yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          return yield* Effect.forEach(
            numbers,
            (n) => Effect.map(Effect.exit(sql`insert into marks values (${n})`), reportOf),
            { concurrency: 16 }
          )
        }).pipe(
          Effect.provide(
            DataApiSql.layer().pipe(
              Layer.provide(RetryPolicy.layer({ firstDelay: "20 millis" })),
              Layer.provide(over(faulty))
            )
          )
        )
        const counts = yield* countsAt(url)
        for (const n of numbers) {
          const times = counts.get(n) ?? 0
          if (reports[n] === "done") assert.strictEqual(times, 1, `INSERT ${n} was reported as done`)
          else if (reports[n] === "not run") assert.strictEqual(times, 0, `INSERT ${n} was reported as not run`)
          else assert.isAtMost(times, 1, `INSERT ${n} was reported as unknown`)
        }
        const sum = (report: Report) => reports.filter((found) => found === report).length
        assert.isAbove(sum("done"), inserts * 0.6)
        const twice = [...counts.values()].filter((times) => times > 1).length
        process.stdout.write(
          `${name}: ${sum("done")} done, ${sum("not run")} not run, ${sum("unknown")} unknown, ${twice} run twice\n`
        )
      }).pipe(Effect.provide(TestDatabase.layer())),
    long ? 200_000 : 60_000
  )
}

it.live(
  `the AWS SDK's default retries run some of ${inserts} INSERTs twice over the same network`,
  () =>
    Effect.gen(function* () {
      const url = yield* served
      const faulty = yield* faultyProxy(url, 7, 0)
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new RDSDataClient({ endpoint: faulty, region: "us-east-1", credentials })),
        (opened) => Effect.sync(() => opened.destroy())
      )
      const insert = (n: number) =>
        Effect.exit(
          Effect.tryPromise(() =>
            client.send(
              new ExecuteStatementCommand({
                resourceArn: clusterArn,
                secretArn,
                database: "alex",
                sql: "insert into marks values (:n)",
                parameters: [{ name: "n", value: { longValue: n } }]
              })
            )
          )
        )
      const exits = yield* Effect.forEach(numbers, insert, { concurrency: 16 })
      const counts = yield* countsAt(url)
      const twice = [...counts.values()].filter((times) => times > 1).length
      const failedButRan = exits.filter((exit, n) => Exit.isFailure(exit) && counts.has(n)).length
      process.stdout.write(`The SDK's defaults: ${twice} run twice, ${failedButRan} reported as failed that had run\n`)
      assert.isAbove(twice, 0)
    }).pipe(Effect.provide(TestDatabase.layer())),
  120_000
)
