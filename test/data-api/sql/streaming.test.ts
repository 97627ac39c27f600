import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { DataApi, type ExecuteStatementResponse } from "../../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { layerPostgres, onPostgres, postgresUrl } from "../../TestDatabase.ts"

// ALEX_LONG=1: 200 MB, and the memory that it takes.
const long = process.env["ALEX_LONG"] === "1"
const megabytes = long ? 200 : 10

/** Octets of an answer as the service counts them. */
const octets = ({ records = [] }: ExecuteStatementResponse): number =>
  records.reduce(
    (sum, row) =>
      row.reduce(
        (bytes, field) => bytes + 4 + ("stringValue" in field ? Buffer.byteLength(field.stringValue) : 8),
        sum + 2
      ),
    0
  )

setFlagsFromString("--expose-gc")
const collectGarbage: unknown = runInNewContext("gc")

/** Octets that are in use, without what only waits to be collected. */
const held = (): number => {
  if (typeof collectGarbage === "function") collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

describe.skipIf(postgresUrl === undefined)(onPostgres("streaming"), () => {
  it.live(
    `${megabytes} MB stream in pages below the limit${long ? ", in less than 100 MB of memory" : ""}`,
    () => {
      const pages: Array<number> = []
      let failures = 0
      const watched = Layer.effect(
        DataApi,
        Effect.map(DataApi, (api) =>
          DataApi.of({
            ...api,
            executeStatement: (request) =>
              api.executeStatement(request).pipe(
                Effect.tap((answer) => Effect.sync(() => pages.push(octets(answer)))),
                Effect.tapError(() => Effect.sync(() => failures++))
              )
          })
        )
      ).pipe(Layer.provide(layerPostgres(postgresUrl ?? "")))
      return Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const rows = megabytes * 1000
        const baseline = held()
        let most = baseline
        const count = yield* sql<{ n: number; text: string }>`
          select n, repeat(chr(97 + n % 26), 990) as text from generate_series(1, ${rows}) as n`.stream.pipe(
          Stream.runFold(
            () => 0,
            (seen, row) => {
              if (row.n !== seen + 1 || row.text.length !== 990) throw new Error(`row ${row.n} is wrong`)
              if (seen % 5000 === 0) most = Math.max(most, held())
              return seen + 1
            }
          )
        )
        assert.strictEqual(count, rows)
        assert.strictEqual(failures, 0)
        const largest = Math.max(...pages)
        assert.isBelow(largest, 1_048_576)
        const grown = (most - baseline) / 1e6
        process.stdout.write(
          `streaming: ${megabytes} MB in ${pages.length} requests, the largest ${largest} octets, ${grown.toFixed(0)} MB of memory\n`
        )
        if (long) assert.isBelow(grown, 100)
      }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(watched))))
    },
    120_000
  )
})
