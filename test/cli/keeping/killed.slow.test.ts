/** Restores that are killed: one transaction leaves nothing, a run with --resume goes on, and no row is there twice. */
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import type { DataApiError } from "../../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { Backup, Migrate, Reset } from "../../../src/operations/index.ts"
import { target } from "../../clients/ServedDatabase.ts"
import { around, embedded, execute } from "../../operations/TestOperations.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { alexDb, folder } from "./Processes.ts"

/** With `ALEX_LONG=1` after every single request, else after a few of them. */
const isLong = process.env.ALEX_LONG === "1"

/** Rows of some megabytes, so that they travel in several requests. */
const written = Effect.fnUntraced(function* (file: string) {
  const backup = Effect.gen(function* () {
    yield* Reset.reset({ withTestData: true, users: 10 })
    yield* execute(`
      insert into jobs (clerk_user_id, job_type, status, report_payload)
      select clerk_user_id, 'portfolio_analysis', 'completed', jsonb_build_object('n', n, 'text', repeat(md5(n::text) || E' "\\u2028\\\\', 1500))
      from users, generate_series(1, 8) n`)
    return yield* Backup.backup(file)
  })
  return yield* backup.pipe(Effect.provide(Layer.fresh(embedded)))
})

/** Counts and hashes of what is there, and whether a restore is unfinished. */
const found = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const marker = yield* sql`select to_regclass('alex_restore') is not null as unfinished`
  const { sums } = yield* Backup.withSource({}, ({ rows, sums }) =>
    Effect.map(Effect.andThen(Stream.runDrain(rows), sums), (sums) => ({ sums }))
  )
  return { sums, marker }
})

const emptied = execute(
  "truncate users, accounts, positions, instruments, jobs, portfolio_snapshots, price_history",
  "drop table if exists alex_restore"
)

/** The `DataApi` behind the server: kills the process after so many of its requests, and ends what that had begun. */
const killing = (api: DataApi["Service"]) => {
  const open = new Set<string>()
  let child: ChildProcess | undefined
  let left = Number.POSITIVE_INFINITY
  const note = <A>(call: Effect.Effect<A, DataApiError>) =>
    Effect.tap(call, () => Effect.sync(() => (--left === 0 ? child?.kill("SIGKILL") : undefined)))
  const wrapped: DataApi["Service"] = {
    executeStatement: (input) => note(api.executeStatement(input)),
    batchExecuteStatement: (input) => note(api.batchExecuteStatement(input)),
    beginTransaction: (input) =>
      note(Effect.tap(api.beginTransaction(input), ({ transactionId }) => Effect.sync(() => open.add(transactionId)))),
    commitTransaction: (input) => note(api.commitTransaction(input)),
    rollbackTransaction: (input) => note(api.rollbackTransaction(input))
  }
  return {
    wrapped,
    aim: (after: number) => (running: ChildProcess) => {
      child = running
      left = after
    },
    /** As the service does after 3 minutes without a call. */
    bury: Effect.gen(function* () {
      for (const transactionId of open) yield* Effect.ignore(api.rollbackTransaction({ transactionId }))
      open.clear()
    })
  }
}

const served = Effect.fnUntraced(function* (database: string) {
  const { aim, bury, wrapped } = killing(yield* DataApi)
  const { url } = yield* HttpServer.make({ port: 0 }).pipe(Effect.provideService(DataApi, wrapped))
  const env = {
    AWS_ENDPOINT_URL_RDS_DATA: url,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AURORA_CLUSTER_ARN: target.resourceArn,
    AURORA_SECRET_ARN: target.secretArn,
    AURORA_DATABASE: database
  }
  /** Runs the command, kills it after so many requests, and says whether it was. */
  const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, after = Number.POSITIVE_INFINITY) {
    const ended = yield* alexDb(args, { cwd: yield* folder, env, on: aim(after) })
    yield* bury
    if (ended.signal === null) assert.strictEqual(ended.code, 0, ended.stderr)
    return ended.signal === "SIGKILL"
  })
  return run
})

/** The name of the database behind the server. */
class HttpDatabase extends Context.Service<HttpDatabase, { readonly name: string }>()("test/keeping/HttpDatabase") {}

const server = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "postgres://127.0.0.1"), (url) =>
    DataApiSql.layer().pipe(
      Layer.provideMerge(LocalDataApi.layerPostgres({ url })),
      Layer.merge(Layer.succeed(HttpDatabase, { name: new URL(Redacted.value(url)).pathname.slice(1) }))
    )
  )
).pipe(Layer.merge(around))

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("over the Data API"), () => {
  it.live(
    "killed after any of its requests, a restore with --resume goes on, and one without leaves nothing",
    () =>
      Effect.gen(function* () {
        const run = yield* served((yield* HttpDatabase).name)
        const file = join(yield* folder, "alex.jsonl.gz")
        const { tables } = yield* written(file)
        yield* Migrate.migrate({ packed: true })
        const whole = { sums: tables, marker: [{ unfinished: false }] }
        let kills = 0
        for (const after of isLong ? Array.from({ length: 200 }, (_, index) => index + 1) : [14, 40]) {
          yield* emptied
          const killed = yield* run(["restore", file, "--resume"], after)
          if (killed) yield* run(["restore", file, "--resume"])
          assert.deepStrictEqual(yield* found, whole, `killed after ${after} requests`)
          if (!killed) break
          kills++
        }
        for (const after of isLong ? Array.from({ length: 60 }, (_, index) => index + 1) : [20]) {
          yield* emptied
          if (!(yield* run(["restore", file], after))) break
          const { marker, sums } = yield* found
          assert.deepStrictEqual(marker, [{ unfinished: false }])
          // The answer to the commit may be what the process did not live to hear.
          if (sums.some(({ rows }) => rows > 0)) assert.deepStrictEqual(sums, tables)
          kills++
        }
        process.stdout.write(`${kills} restores killed over the Data API\n`)
      }).pipe(Effect.provide(server)),
    isLong ? 3_600_000 : 600_000
  )

  it.live(
    "killed again and again, a restore comes to its end",
    () =>
      Effect.gen(function* () {
        const run = yield* served((yield* HttpDatabase).name)
        const path = yield* folder
        const file = join(path, "alex.jsonl.gz")
        const { tables } = yield* written(file)
        let kills = 0
        // More than the requests that come before the rows, or none would ever be written.
        while (yield* run(["restore", file, "--resume"], kills === 0 ? 60 : 34 + 6 * kills)) kills++
        assert.isAbove(kills, 2)
        assert.deepStrictEqual(yield* found, { sums: tables, marker: [{ unfinished: false }] })
        // One that is complete has nothing left to do, whether or not the process lived to hear of it.
        yield* run(["restore", file, "--resume"])
        process.stdout.write(`A restore that was killed ${kills} times came to its end\n`)
      }).pipe(Effect.provide(server)),
    600_000
  )
})

it.live(
  "in a folder, killed at any moment, a restore with --resume goes on, and the folder opens",
  () =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = join(path, "alex.jsonl.gz")
      const { rows, tables } = yield* written(file)
      let kills = 0
      for (const wait of isLong ? Array.from({ length: 20 }, (_, index) => 1000 + index * 300) : [1500, 3500]) {
        const { signal } = yield* alexDb(["restore", file, "--resume"], {
          cwd: path,
          on: (child) => void setTimeout(() => child.kill("SIGKILL"), wait)
        })
        if (signal === null) break
        kills++
      }
      const last = yield* alexDb(["restore", file, "--resume", "--json", "--replace"], { cwd: path })
      assert.strictEqual(last.code, 0, last.stderr)
      const Report = Schema.fromJsonString(Schema.Struct({ rows: Schema.Int, tables: Schema.Unknown }))
      const report = yield* Schema.decodeEffect(Report)(last.stdout.toString())
      assert.deepStrictEqual(report, { rows, tables })
      process.stdout.write(`${kills} restores into a folder killed\n`)
    }),
  600_000
)
