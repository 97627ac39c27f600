/** A worker on jobs, as a process of its own that a test can kill: `node queueWorker.ts URL KIND`. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { Jobs } from "../../src/repository/index.ts"

const [, , url = "", kind = ""] = process.argv

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const jobs = yield* Jobs
  yield* jobs
    .work(
      { types: [kind], lease: "2 seconds", pollEvery: "50 millis", maxAttempts: 100 },
      Effect.fnUntraced(function* ({ attach, id, number }) {
        yield* sql`INSERT INTO work_log (job, attempt) VALUES (${id}::uuid, ${number}::int)`
        yield* Effect.sleep("5 millis")
        yield* attach({ report_payload: { content: `attempt ${number}` } })
        yield* sql`UPDATE work_log SET ended = clock_timestamp() WHERE job = ${id}::uuid AND attempt = ${number}::int`
      })
    )
    .pipe(Stream.runDrain)
})

const layer = Jobs.layer.pipe(Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })))

await Effect.runPromise(Effect.provide(program, layer))
