/** Commands as processes against a local Data API server: killed after one of their requests, stopped, all at once. */
import { type ChildProcess, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import { DataApi } from "../../src/data-api/DataApi.ts"
import type { DataApiError } from "../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { defaultTarget } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { Migrate, Reset, Verify } from "../../src/operations/index.ts"
import { commandLine } from "../CommandLine.ts"
import { around, execute } from "../operations/TestOperations.ts"
import * as TestDatabase from "../TestDatabase.ts"

/** With `ALEX_LONG=1` after every single request, else after a few of them. */
const isLong = process.env.ALEX_LONG === "1"

interface Ended {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
  readonly stderr: string
  /** Requests that were carried out; the answer to the last one reached nobody where the process was killed. */
  readonly requests: number
}

/** A signal, sent after so many requests. */
interface Kill {
  readonly signal: NodeJS.Signals
  readonly after: number
}

/** Runs `alex-db` as a process of its own, against the server. */
class Commands extends Context.Service<
  Commands,
  { readonly run: (args: ReadonlyArray<string>, kill?: Kill) => Effect.Effect<Ended> }
>()("test/cli/processes/Commands") {}

/** The `DataApi` behind the server: counts the requests of the process that runs, and kills it after the last one. */
class Killer {
  #child: ChildProcess | undefined
  #kill: Kill | undefined
  #open = new Set<string>()
  requests = 0

  aim(child: ChildProcess, kill: Kill | undefined): void {
    this.#child = child
    this.#kill = kill
    this.requests = 0
  }

  readonly #note = <A>(call: Effect.Effect<A, DataApiError>) =>
    Effect.tap(call, () =>
      Effect.sync(() => {
        this.requests++
        if (this.requests === this.#kill?.after) this.#child?.kill(this.#kill.signal)
      })
    )

  wrap(api: DataApi["Service"]): DataApi["Service"] {
    const ended = (id: string) => Effect.sync(() => this.#open.delete(id))
    return {
      executeStatement: (input) => this.#note(api.executeStatement(input)),
      batchExecuteStatement: (input) => this.#note(api.batchExecuteStatement(input)),
      beginTransaction: (input) =>
        this.#note(
          Effect.tap(api.beginTransaction(input), ({ transactionId }) =>
            Effect.sync(() => this.#open.add(transactionId))
          )
        ),
      commitTransaction: (input) =>
        this.#note(Effect.tap(api.commitTransaction(input), () => ended(input.transactionId))),
      rollbackTransaction: (input) =>
        this.#note(Effect.tap(api.rollbackTransaction(input), () => ended(input.transactionId)))
    }
  }

  /** Ends the transactions of a process that is dead, as the service does after 3 minutes. */
  readonly bury = Effect.fnUntraced({ self: this }, function* (this: Killer, api: DataApi["Service"]) {
    for (const transactionId of this.#open) yield* Effect.ignore(api.rollbackTransaction({ transactionId }))
    this.#open.clear()
  })
}

const served = (databaseName: string) =>
  Layer.effect(
    Commands,
    Effect.gen(function* () {
      const api = yield* DataApi
      const killer = new Killer()
      const { url } = yield* HttpServer.make({ port: 0 }).pipe(Effect.provideService(DataApi, killer.wrap(api)))
      const { resourceArn, secretArn } = defaultTarget("us-east-1")
      const env = {
        PATH: process.env.PATH,
        AWS_ENDPOINT_URL_RDS_DATA: url,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AURORA_CLUSTER_ARN: resourceArn,
        AURORA_SECRET_ARN: secretArn,
        AURORA_DATABASE: databaseName
      }
      const runToItsEnd = (args: ReadonlyArray<string>, kill: Kill | undefined) =>
        Effect.callback<Ended>((resume) => {
          const child = spawn(process.execPath, [commandLine(), ...args], {
            cwd: tmpdir(),
            env,
            stdio: ["ignore", "ignore", "pipe"]
          })
          let stderr = ""
          child.stderr.on("data", (chunk) => {
            stderr += chunk
          })
          child.on("close", (code, signal) => {
            resume(Effect.succeed({ code, signal, stderr, requests: killer.requests }))
          })
          killer.aim(child, kill)
          return Effect.sync(() => child.kill("SIGKILL"))
        })
      return {
        run: (args, kill) =>
          Effect.tap(runToItsEnd(args, kill), ({ signal }) => (signal === null ? Effect.void : killer.bury(api)))
      }
    })
  )

const database = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "postgres://127.0.0.1"), (url) =>
    Layer.merge(served(new URL(Redacted.value(url)).pathname.slice(1)), DataApiSql.layer()).pipe(
      Layer.provide(LocalDataApi.layerPostgres({ url }))
    )
  )
).pipe(Layer.merge(around))

/** Kills the command after each of these requests, and lets it run to its end each time; how many kills. */
const killAfter = Effect.fnUntraced(function* <E, R>(
  args: ReadonlyArray<string>,
  options: { readonly prepare: Effect.Effect<unknown, E, R>; readonly few: ReadonlyArray<number> }
) {
  const { run } = yield* Commands
  for (let kills = 0; ; kills++) {
    const requests = isLong ? kills + 1 : options.few[kills]
    if (requests === undefined) return kills
    yield* options.prepare
    const killed = yield* run(args, { signal: "SIGKILL", after: requests })
    if (isLong && killed.signal === null) {
      assert.deepStrictEqual([killed.code, killed.requests], [0, kills], killed.stderr)
      return kills
    }
    assert.deepStrictEqual([killed.signal, killed.requests], ["SIGKILL", requests], killed.stderr)
    const again = yield* run(args)
    assert.strictEqual(again.code, 0, again.stderr)
    const { drift, findings, ok } = yield* Verify.verify()
    assert.deepStrictEqual({ drift, findings, ok }, { drift: [], findings: [], ok: true }, `killed after ${requests}`)
  }
})

const empty = execute("drop schema public cascade", "create schema public")

const commands: ReadonlyArray<{
  readonly args: ReadonlyArray<string>
  readonly prepare: Effect.Effect<unknown, unknown, Layer.Success<typeof database>>
  /** Requests after which the short form kills. */
  readonly few: ReadonlyArray<number>
  /** Requests that the command takes at least: the whole form kills as often. */
  readonly atLeast: number
}> = [
  { args: ["migrate"], prepare: empty, few: [5, 40], atLeast: 50 },
  { args: ["seed"], prepare: Effect.andThen(empty, Migrate.migrate({ packed: true })), few: [1], atLeast: 1 },
  { args: ["reset", "--with-test-data"], prepare: Reset.reset({ withTestData: true }), few: [4, 20], atLeast: 20 }
]

const times = isLong ? "every single request" : "a few of its requests"

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("commands as processes"), () => {
  layer(database, { timeout: "60 seconds", excludeTestServices: true })((it) => {
    for (const { args, atLeast, few, prepare } of commands) {
      it.effect(
        `${args.join(" ")} killed after ${times} leaves nothing half done, and the next run finishes it`,
        () =>
          Effect.gen(function* () {
            const kills = yield* killAfter(args, { prepare, few })
            process.stderr.write(
              `alex-db ${args.join(" ")}: ${kills} kills, each followed by a run and a clean verify\n`
            )
            assert.isAtLeast(kills, isLong ? atLeast : few.length)
          }),
        isLong ? 3_600_000 : 120_000
      )
    }

    it.effect(
      "migrate stopped by Ctrl-C rolls back what it had begun, and says where it was",
      () =>
        Effect.gen(function* () {
          const { run } = yield* Commands
          yield* empty
          const { code, stderr } = yield* run(["migrate"], { signal: "SIGINT", after: 10 })
          assert.strictEqual(code, 130)
          assert.match(stderr, /^Stopped at: migrate \d+\/\d+ 001_schemas: CREATE/m)
          assert.match(stderr, /^alex-db: Stopped by SIGINT; open transactions were rolled back\. /m)
          const sql = yield* SqlClient.SqlClient
          assert.deepStrictEqual(
            yield* sql`select relname from pg_class where relnamespace = 'public'::regnamespace`,
            []
          )
        }),
      120_000
    )

    const together = isLong ? 8 : 3
    it.effect(
      `${together} processes that migrate an empty database at the same moment all exit 0, and each migration is applied once`,
      () =>
        Effect.gen(function* () {
          const { run } = yield* Commands
          yield* empty
          const all = Array.from({ length: together }, () => run(["migrate"]))
          for (const { code, stderr } of yield* Effect.all(all, { concurrency: "unbounded" }))
            assert.strictEqual(code, 0, stderr)
          const { drift, findings } = yield* Verify.verify()
          assert.deepStrictEqual({ drift, findings }, { drift: [], findings: [] })
        }),
      300_000
    )
  })
})
