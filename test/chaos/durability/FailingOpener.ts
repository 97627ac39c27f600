/**
 * Opens, migrates, writes to and closes copies of a folder while its files fail, one case for each line of its input, and
 * says for each what came of it.
 */
import { cpSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { NodeServices } from "@effect/platform-node"
import { Cause, Effect, Exit, Layer, Logger, Scope } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { Unclosed } from "../../../src/local/folder/Unclosed.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { migrate } from "../../../src/operations/migrate/Migrate.ts"
import { type Failing, FailingFiles } from "./FailingFiles.ts"

/** When the files fail. */
export const phases = ["making", "opening", "migrating", "writing", "closing"] as const
export type Phase = (typeof phases)[number]

export interface Case {
  readonly phase: Phase
  /** Absent to count the calls only. */
  readonly failing?: Failing
}

export interface Outcome {
  /** What failed, in the words of its message. */
  readonly said: string | undefined
  readonly failedIn: Phase | undefined
  readonly sites: ReadonlyArray<string>
  readonly calls: number
  /** Calls that failed. */
  readonly failed: number
  /** Whether PostgreSQL says in the folder that it was shut down. */
  readonly isShutDown: boolean
  /** What is wrong with the folder once its files work again. */
  readonly after: string | undefined
}

const [, , root = "", snapshot = ""] = process.argv
const whole = join(root, "whole")
const folder = join(root, "tried")

const insert = "insert into kept values (501)"
const count = "select count(*), count(*) filter (where id = 501) from kept"

const execute = (sql: string) => Effect.flatMap(DataApi, (api) => api.executeStatement({ sql }))

const migrated = migrate({ packed: true }).pipe(Effect.provide(Layer.merge(DataApiSql.layer(), NodeServices.layer)))

/** Whether `pg_control` has the state of a database that was shut down. */
const shutDown = (): boolean => {
  try {
    return readFileSync(join(folder, "pgdata", "global", "pg_control")).readInt32LE(16) === 1
  } catch {
    return false
  }
}

/** Goes through the phases, with the files failing in one of them; stops where something fails. */
const through = Effect.fnUntraced(function* (files: FailingFiles, { failing, phase }: Case) {
  let at: Phase = phase === "making" ? "making" : "opening"
  let acknowledged = false
  let told: string | undefined
  const tell = ({ message }: { readonly message: string }) =>
    Effect.sync(() => {
      told = message
    })
  let seen = { sites: [] as ReadonlyArray<string>, calls: 0, failed: 0 }
  const during = <A, E, R>(name: Phase, effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      at = name
      if (name !== phase) return effect
      files.fail(failing)
      return Effect.ensuring(
        effect,
        Effect.sync(() => {
          seen = { sites: [...files.sites.keys()], calls: files.calls, failed: files.failed }
          files.fail(undefined)
        })
      )
    })
  const scope = yield* Scope.make()
  const exit = yield* Effect.gen(function* () {
    const context = yield* during(at, Layer.buildWithScope(LocalDataApi.layer({ dataDir: folder, snapshot }), scope))
    yield* Effect.gen(function* () {
      yield* during("migrating", migrated)
      if (phase === "making")
        yield* execute("create table if not exists kept as select g as id from generate_series(1, 500) g")
      yield* during("writing", execute(insert))
      acknowledged = true
    }).pipe(Effect.provide(context))
  }).pipe(Effect.provideService(Unclosed, tell), Effect.exit)
  const failedIn = Exit.isFailure(exit) ? at : undefined
  const closed = yield* Effect.exit(during("closing", Scope.close(scope, Exit.void)))
  const failure = Exit.isFailure(exit) ? exit.cause : Exit.isFailure(closed) ? closed.cause : undefined
  const squashed = failure === undefined ? undefined : Cause.squash(failure)
  const said = squashed instanceof Error ? squashed.message : squashed === undefined ? told : String(squashed)
  return {
    said: failure !== undefined && Cause.hasDies(failure) ? `DIED: ${said}` : said,
    failedIn,
    ...seen,
    isShutDown: shutDown(),
    acknowledged
  }
})

/** Opens the folder again when nothing fails, and looks for every row that was acknowledged. */
const lookedAt = (isMaking: boolean, acknowledged: boolean) =>
  Effect.gen(function* () {
    yield* migrated
    if (isMaking && !acknowledged) return undefined
    const { records } = yield* execute(count)
    const [all, last] = (records?.[0] ?? []).map((field) => ("longValue" in field ? Number(field.longValue) : 0))
    if ((all ?? 0) < 500) return `${all} rows of 500`
    return acknowledged && last !== 1 ? `the row that was acknowledged is there ${last} times` : undefined
  }).pipe(
    Effect.provide(LocalDataApi.layer({ dataDir: folder, snapshot, durability: "fast" })),
    Effect.catchCause((cause) => Effect.succeed(`it does not open: ${Cause.squash(cause)}`))
  )

const tried = Effect.fnUntraced(function* (files: FailingFiles, one: Case) {
  rmSync(folder, { recursive: true, force: true })
  if (one.phase !== "making") cpSync(whole, folder, { recursive: true })
  const { acknowledged, ...outcome } = yield* through(files, one)
  const after = yield* lookedAt(one.phase === "making", acknowledged)
  return { ...outcome, after } satisfies Outcome
})

if (import.meta.main) {
  const files = new FailingFiles(folder)
  files.install()
  for await (const line of createInterface(process.stdin)) {
    const one: Case = JSON.parse(line)
    const outcome = await Effect.runPromise(tried(files, one).pipe(Effect.provide(Logger.layer([]))))
    process.stdout.write(`${JSON.stringify(outcome)}\n`)
    // PGlite sets it when PostgreSQL ends.
    process.exitCode = 0
  }
}
