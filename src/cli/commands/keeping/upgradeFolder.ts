/** Moves what is in the folder of an embedded database into one of this version of PostgreSQL. */
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { Data, Effect, Schema } from "effect"
import { openerOf, otherVersion, postgresMajor } from "../../../local/folder/OtherVersion.ts"
import * as TakeFolder from "../../../local/folder/TakeFolder.ts"
import { BackupFile, BackupReader, Progress, Restore } from "../../../operations/index.ts"
import { onConfigured } from "../../database.ts"
import { Refused } from "../../Outcome.ts"

/** What `upgrade` did; `kept` is the old folder, `with` the package that read it. Null where there was nothing to do. */
export const UpgradeReport = Schema.Struct({
  directory: Schema.String,
  from: Schema.Int,
  to: Schema.Int,
  with: Schema.NullOr(Schema.String),
  kept: Schema.NullOr(Schema.String),
  restored: Schema.NullOr(Restore.RestoreReport)
})
export type UpgradeReport = typeof UpgradeReport.Type

/** The other version of the package did not back the folder up. */
export class BackupFailed extends Data.TaggedError("BackupFailed")<{ readonly spec: string; readonly code: string }> {
  override get message(): string {
    return `${this.spec} did not back the folder up (${this.code}); what it said is above, and the folder is as it was`
  }
}

interface Names {
  readonly directory: string
  /** The backup, on its way from the one version to the other. */
  readonly file: string
  /** The new folder, until it takes the old one's place. */
  readonly fresh: string
}

const namesOf = (directory: string): Names => {
  const whole = resolve(directory)
  return { directory: whole, file: `${whole}.upgrade.jsonl.gz`, fresh: `${whole}.upgrade` }
}

const majorOf = (directory: string): number | undefined => {
  const file = join(directory, "pgdata", "PG_VERSION")
  return existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : undefined
}

const Description = Schema.fromJsonString(Schema.Struct({ database: Schema.String }))

/** The name of the database; the usual one where the folder does not say. */
const databaseOf = (directory: string): Effect.Effect<string> =>
  Effect.try(() => readFileSync(join(directory, "database.json"), "utf8")).pipe(
    Effect.flatMap(Schema.decodeEffect(Description)),
    Effect.match({ onFailure: () => "alex", onSuccess: ({ database }) => database })
  )

/** The old folder's name beside the new one: one that nothing has. */
const keptName = (directory: string, major: number): string => {
  const name = `${directory}.postgres${major}`
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}-${number}`
    if (!existsSync(free)) return free
  }
}

/** Has the other version of the package back the folder up; what it prints goes to stderr. */
const backUpWith = (spec: string, { directory, file }: Names, database: string) =>
  Effect.callback<void, BackupFailed>((resume) => {
    // By the Node that runs this, which is new enough.
    const path = [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter)
    const child = spawn("npx", ["--yes", "--package", spec, "alex-db", "backup", file], {
      // A package of that name in the project would be taken in place of the one that is asked for.
      cwd: tmpdir(),
      env: {
        ...process.env,
        PATH: path,
        ALEX_DB_BACKEND: "embedded",
        ALEX_DB_DIR: directory,
        AURORA_DATABASE: database
      },
      shell: process.platform === "win32",
      stdio: ["ignore", process.stderr, process.stderr]
    })
    child.on("error", ({ message }) => resume(Effect.fail(new BackupFailed({ spec, code: message }))))
    child.on("close", (code, signal) =>
      resume(code === 0 ? Effect.void : Effect.fail(new BackupFailed({ spec, code: signal ?? `exit code ${code}` })))
    )
    return Effect.sync(() => child.kill())
  })

/** Nobody else may have the folder. */
const unused = (directory: string) => Effect.scoped(TakeFolder.take(directory, undefined))

const restoreInto = Effect.fnUntraced(function* ({ file, fresh }: Names, database: string, version: string) {
  yield* Effect.tryPromise(() => rm(fresh, { recursive: true, force: true }))
  const config = {
    _tag: "embedded" as const,
    why: "the upgraded folder",
    directory: fresh,
    database,
    durability: "full" as const
  }
  return yield* onConfigured(config)(
    Effect.flatMap(BackupReader.read(file, BackupFile.octetsOf(file)), (backup) => Restore.restore(backup, { version }))
  )
})

/**
 * Upgrades a folder: backs it up with the version of the package that opens it, restores the backup into a new folder
 * with this one, and puts that in the old one's place, which is kept beside it.
 *
 * @param spec What npx is asked for; by default the version that is known to open the folder.
 * @errors Refused, BackupFailed, and those of a restore
 */
export const upgradeFolder = Effect.fnUntraced(function* (
  directory: string,
  spec: string | undefined,
  version: string
) {
  const names = namesOf(directory)
  // A run that was cut off between its two last steps.
  if (!existsSync(names.directory) && majorOf(names.fresh) === postgresMajor) {
    yield* Effect.tryPromise(() => rename(names.fresh, names.directory))
  }
  const major = majorOf(names.directory)
  if (major === undefined || Number.isNaN(major)) {
    const problem = `${directory} holds no embedded database`
    return yield* new Refused({ code: "folder", problem, fix: "Name the folder of one, as in ALEX_DB_DIR" })
  }
  const nothing: UpgradeReport = { directory, from: major, to: postgresMajor, with: null, kept: null, restored: null }
  if (major === postgresMajor) return nothing
  const opener = openerOf(major)
  const chosen = spec ?? (opener === undefined ? undefined : `alex-database@${opener}`)
  if (chosen === undefined) {
    const [problem = "", ...fix] = otherVersion(directory, major).split(". ")
    return yield* new Refused({ code: "folder", problem, fix: fix.join(". ").replace(/\.$/, "") })
  }
  yield* unused(names.directory)
  const database = yield* databaseOf(names.directory)
  const step = (done: number, text: string) => Progress.report({ operation: "upgrade", done, total: 3, text })
  yield* step(0, `backing up with ${chosen}`)
  yield* backUpWith(chosen, names, database)
  yield* step(1, "restoring")
  const restored = yield* restoreInto(names, database, version)
  yield* step(2, "renaming")
  const kept = keptName(names.directory, major)
  yield* Effect.tryPromise(async () => {
    await rename(names.directory, kept)
    await rename(names.fresh, names.directory)
    await rm(names.file)
  })
  const report: UpgradeReport = { directory, from: major, to: postgresMajor, with: chosen, kept, restored }
  return report
})
