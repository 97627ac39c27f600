/** Jobs live through workers that are killed: each is done, and none by two at once. */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId } from "../../src/domain/index.ts"
import * as Repositories from "../../src/repository/index.ts"
import { Jobs, Users } from "../../src/repository/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { embedded, migrate, skipWithoutPostgres } from "./TestRepositories.ts"

const long = process.env["ALEX_LONG"] !== undefined
const sizes = long ? { jobs: 1000, workers: 8, kills: 12 } : { jobs: 200, workers: 4, kills: 4 }
const kind = "killed"

const setUp = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const user = ClerkUserId.make("queue_user")
  yield* (yield* Users).create({ clerk_user_id: user })
  yield* sql`CREATE TABLE work_log (
    job uuid, attempt int, began timestamptz DEFAULT clock_timestamp(), ended timestamptz, PRIMARY KEY (job, attempt)
  )`
  yield* sql`INSERT INTO jobs (clerk_user_id, job_type)
    SELECT ${user}::varchar, ${kind}::varchar FROM generate_series(1, ${sizes.jobs}::int)`
})

const completed = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly done: number }>`
    SELECT count(*)::int AS done FROM jobs WHERE job_type = ${kind}::varchar AND status = 'completed'`
  return row?.done ?? 0
})

/** Kills, spread over the work, until all is done. */
const killing = Effect.fnUntraced(function* <R>(kill: (n: number) => Effect.Effect<void, never, R>) {
  let kills = 0
  for (let done = yield* completed; done < sizes.jobs; done = yield* completed) {
    if (kills < sizes.kills && done >= (sizes.jobs * (kills + 1)) / (sizes.kills + 2)) yield* kill(kills++)
    yield* Effect.sleep("20 millis")
  }
  return kills
})

/** What the log of the attempts says, once all is done. */
const judged = Effect.fnUntraced(function* (where: string, kills: number) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql`
    SELECT
      (SELECT count(*)::int FROM jobs WHERE job_type = ${kind}::varchar) AS jobs,
      (SELECT count(*)::int FROM jobs WHERE job_type = ${kind}::varchar AND status = 'completed') AS completed,
      (SELECT count(*)::int FROM work_log) AS attempts,
      (SELECT count(*)::int FROM work_log a JOIN work_log b USING (job)
        WHERE a.attempt < b.attempt AND a.ended > b.began) AS at_once,
      (SELECT count(*)::int FROM jobs JOIN work_log ON job = id AND attempt = attempts
        WHERE report_payload ->> 'content' <> 'attempt ' || attempt) AS wrong_result`
  process.stderr.write(`Queue ${where}: ${sizes.workers} workers, ${kills} kills: ${JSON.stringify(row)}\n`)
  assert.deepInclude(row, { jobs: sizes.jobs, completed: sizes.jobs, at_once: 0, wrong_result: 0 })
  assert.isAtLeast(kills, sizes.kills - 1)
})

layer(embedded, { timeout: "60 seconds", excludeTestServices: true })("the queue on the embedded database", (it) => {
  it.effect(
    "does every job once, though workers are killed between their steps",
    () =>
      Effect.gen(function* () {
        yield* setUp
        const sql = yield* SqlClient.SqlClient
        const jobs = yield* Jobs
        // A fiber can't be killed: this worker gives nothing back when it is interrupted, as if it were.
        const worker = Effect.gen(function* () {
          for (;;) {
            const [claimed] = yield* jobs.claim({ types: [kind], lease: "1 second", maxAttempts: 100 })
            if (claimed === undefined) {
              yield* Effect.sleep("20 millis")
              continue
            }
            const { attach, complete, id, number } = claimed
            yield* sql`INSERT INTO work_log (job, attempt) VALUES (${id}::uuid, ${number}::int)`
            yield* Effect.sleep("5 millis")
            yield* attach({ report_payload: { content: `attempt ${number}` } })
            yield* sql`UPDATE work_log SET ended = clock_timestamp() WHERE job = ${id}::uuid AND attempt = ${number}::int`
            yield* complete()
          }
        })
        const start = Effect.forkChild(Effect.orDie(worker))
        const workers = yield* Effect.all(Array.from({ length: sizes.workers }, () => start))
        const kills = yield* killing((n) =>
          Effect.gen(function* () {
            const victim = workers[n % workers.length]
            if (victim !== undefined) yield* Fiber.interrupt(victim)
            workers[n % workers.length] = yield* start
          })
        )
        yield* Fiber.interruptAll(workers)
        yield* judged("embedded", kills)
      }),
    120_000
  )
})

class Url extends Context.Service<Url, string>()("test/repository/queue/Url") {}

const onPostgres = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "postgres://127.0.0.1"), (url) =>
    Repositories.layer.pipe(
      Layer.provideMerge(Layer.effectDiscard(migrate())),
      Layer.provideMerge(PgClient.layer({ url, maxConnections: 4 })),
      Layer.merge(Layer.succeed(Url, Redacted.value(url)))
    )
  )
)

/** A worker process, killed at the end of the test if not before. */
const workerProcess = (url: string): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [fileURLToPath(new URL("queueWorker.ts", import.meta.url)), url, kind], {
        stdio: ["ignore", "inherit", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

if (TestDatabase.postgresUrl === undefined) skipWithoutPostgres("the queue under kills")
else {
  layer(onPostgres, { timeout: "60 seconds", excludeTestServices: true })("the queue on PostgreSQL", (it) => {
    it.effect(
      "does every job once, though worker processes are killed",
      () =>
        Effect.gen(function* () {
          yield* setUp
          const url = yield* Url
          const workers = yield* Effect.all(Array.from({ length: sizes.workers }, () => workerProcess(url)))
          const kills = yield* killing((n) =>
            Effect.gen(function* () {
              workers[n % workers.length]?.kill("SIGKILL")
              workers[n % workers.length] = yield* workerProcess(url)
            })
          )
          yield* judged("on PostgreSQL", kills)
        }),
      180_000
    )
  })
}
