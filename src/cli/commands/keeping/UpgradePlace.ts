/**
 * The folder that is upgraded, and those beside it.
 *
 * ```
 * .alex-db/              the old folder, which is read, and renamed at the end
 * .alex-db.upgrade/      the working folder; it exists only during an upgrade
 *   upgrade.json         marks it and, once the new folder is complete, holds the old one's future name
 *   package/             PGlite of the old version
 *   old/                 a copy of PostgreSQL's files, which that version opens
 *   new/                 the new folder, until it takes the old one's place
 * .alex-db.postgres17/   the old folder afterwards
 * ```
 */
import { constants, existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs"
import { cp, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Option, Schema } from "effect"
import { syncFolder } from "../../../local/folder/Archive.ts"
import * as OpenFailure from "../../../local/folder/OpenFailure.ts"
import { postgresMajor } from "../../../local/folder/OtherVersion.ts"
import { Refused } from "../../Outcome.ts"

export interface UpgradePlace {
  /** The path as it was given. */
  readonly given: string
  readonly directory: string
  readonly work: string
  readonly packages: string
  readonly old: string
  readonly fresh: string
}

/** Resolves symbolic links, whether or not the path exists. */
const linked = (path: string): string =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? linked(resolve(dirname(path), readlinkSync(path)))
    : resolve(path)

/** If the path is a link to the folder, the link stays and leads to the new folder. */
export const placeOf = (given: string): UpgradePlace => {
  const directory = linked(given)
  const work = `${directory}.upgrade`
  return {
    given,
    directory,
    work,
    packages: join(work, "package"),
    old: join(work, "old"),
    fresh: join(work, "new")
  }
}

/** PostgreSQL's files in a folder: in `pgdata`, or in the folder itself where another program on PGlite made it. */
export interface Files {
  readonly pgdata: string
  readonly major: number
  readonly isBare: boolean
}

/** The files in a folder, if there are any. */
export const filesIn = (directory: string): Files | undefined => {
  for (const pgdata of [join(directory, "pgdata"), directory]) {
    const file = join(pgdata, "PG_VERSION")
    if (!existsSync(file)) continue
    const major = Number.parseInt(readFileSync(file, "utf8"), 10)
    return Number.isNaN(major) ? undefined : { pgdata, major, isBare: pgdata === directory }
  }
  return undefined
}

const Description = Schema.fromJsonString(Schema.Struct({ database: Schema.String }))

/** The name of the database in the folder's `database.json`, if there is one. */
export const databaseIn = (directory: string): Option.Option<string> => {
  const file = join(directory, "database.json")
  const text = existsSync(file) ? Option.some(readFileSync(file, "utf8")) : Option.none()
  return Option.map(Option.flatMap(text, Schema.decodeOption(Description)), ({ database }) => database)
}

/** An upgrade in progress; `kept`, the old folder's future name, is set once the new folder is complete. */
const Note = Schema.fromJsonString(Schema.Struct({ upgrade: Schema.String, kept: Schema.NullOr(Schema.String) }))

const noteFile = ({ work }: UpgradePlace) => join(work, "upgrade.json")

const noteIn = (place: UpgradePlace): Option.Option<typeof Note.Type> => {
  const file = noteFile(place)
  return existsSync(file) ? Schema.decodeOption(Note)(readFileSync(file, "utf8")) : Option.none()
}

const writeNote = async (place: UpgradePlace, kept: string | null): Promise<void> => {
  const file = noteFile(place)
  await writeFile(`${file}.partial`, `${JSON.stringify({ upgrade: place.directory, kept })}\n`, { flush: true })
  await rename(`${file}.partial`, file)
  await syncFolder(place.work)
}

/** Runs an operation on files; the failure, such as a full disk or a missing permission, names the folder. */
export const attempt = <A>(dataDir: string, what: "read" | "written", run: () => Promise<A>) =>
  Effect.tryPromise(run).pipe(
    Effect.catch(({ cause }) => Effect.flatMap(OpenFailure.explain({ dataDir, what, cause }), Effect.fail))
  )

/** Every file with its size and time, which a write changes. */
const listing = async (folder: string): Promise<string> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  const lines: Array<string> = []
  for (const path of paths.sort()) {
    const { mtimeMs, size } = await stat(path)
    lines.push(`${path} ${size} ${mtimeMs}`)
  }
  return lines.join("\n")
}

/** Leaves locks out. PGlite before 0.4 leaves `postmaster.pid` behind even when it is closed. */
const isCopied = (path: string): boolean => !/[\\/](?:lock\.(?:db|json)|postmaster\.pid)$/.test(path)

const inUse = ({ given }: UpgradePlace) =>
  new Refused({
    code: "folder",
    problem: `${given} is in use: its files change while it is upgraded; it is as it was`,
    fix: "Stop the program that has it open, and run alex-db upgrade again"
  })

/**
 * Removes what an earlier run left in the working folder, and marks the upgrade as begun. The caller holds its lock.
 */
export const begin = Effect.fnUntraced(function* (place: UpgradePlace) {
  yield* attempt(place.work, "written", async () => {
    await remove([place.packages, place.old, place.fresh])
    await writeNote(place, null)
  })
})

/** Makes the working folder; fails if something else has its name. */
export const make = Effect.fnUntraced(function* (place: UpgradePlace) {
  const { work } = place
  if (existsSync(work) && Option.isNone(noteIn(place))) {
    const inside = yield* attempt(work, "read", () => readdir(work))
    const problem = `${work} exists, and was not left by an upgrade`
    const isOurs = inside.every((name) => /^(?:lock\.(?:db|json)|upgrade\.json\.partial)$/.test(name))
    if (!isOurs) return yield* new Refused({ code: "folder", problem, fix: "Rename it" })
  }
  yield* attempt(work, "written", () => mkdir(work, { recursive: true }))
})

const remove = async (paths: ReadonlyArray<string>): Promise<void> => {
  for (const path of paths) await rm(path, { recursive: true, force: true })
}

/** Removes the working folder, its note last. The next upgrade removes what can't be removed now. */
export const clear = ({ fresh, old, packages, work }: UpgradePlace) =>
  Effect.ignore(Effect.tryPromise(() => remove([packages, old, fresh, work])))

/** Copies PostgreSQL's files; returns a check that fails if they have changed since the copy began. */
export const copyFiles = Effect.fnUntraced(function* (place: UpgradePlace, { pgdata }: Files) {
  const before = yield* attempt(place.given, "read", () => listing(pgdata))
  yield* attempt(place.work, "written", () =>
    cp(pgdata, place.old, {
      recursive: true,
      // A copied link would lead to the original file, which must not be written to.
      dereference: true,
      mode: constants.COPYFILE_FICLONE,
      filter: isCopied
    })
  )
  const unchanged = Effect.gen(function* () {
    if ((yield* attempt(place.given, "read", () => listing(pgdata))) !== before) return yield* inUse(place)
  })
  yield* unchanged
  return unchanged
})

/** A free name for the old folder, beside the new one. */
const keptName = (directory: string, major: number): string => {
  const name = `${directory}.postgres${major}`
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}-${number}`
    if (!existsSync(free)) return free
  }
}

/**
 * Puts the new folder in the old one's place; returns the old one's new name. The next run finishes one that was cut
 * off here.
 */
export const swap = Effect.fnUntraced(function* (place: UpgradePlace, major: number) {
  const { directory, fresh, given } = place
  const kept = keptName(directory, major)
  yield* attempt(place.work, "written", () => writeNote(place, kept))
  yield* Effect.tryPromise(() => rename(directory, kept)).pipe(
    Effect.catch(({ cause }) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      const problem = `${given} can't be renamed, and is as it was: ${why}`
      const fix = "Copy it to a folder that can be renamed, and upgrade that"
      return Effect.andThen(clear(place), new Refused({ code: "folder", problem, fix, cause }))
    })
  )
  yield* attempt(given, "written", async () => {
    await syncFolder(dirname(directory))
    await rename(fresh, directory)
    await syncFolder(dirname(directory))
  })
  return kept
})

/** Whether an upgrade of the folder is under way, or was cut off. */
export const isUnderWay = (place: UpgradePlace): boolean => Option.isSome(noteIn(place))

/**
 * Finishes an upgrade that was cut off while it renamed. Does nothing if the old folder is still in its place: it is
 * then upgraded from the start.
 *
 * @errors Refused, LocalDataApiError
 */
export const resume = Effect.fnUntraced(function* (place: UpgradePlace) {
  const note = noteIn(place)
  const kept = Option.isSome(note) ? note.value.kept : null
  if (kept === null || !existsSync(kept)) return undefined
  const { directory, fresh } = place
  if (existsSync(fresh)) {
    if (existsSync(directory)) {
      const problem = `An upgrade was cut off after it renamed the old folder to ${kept}, and ${directory} was created since; the upgraded one is ${fresh}`
      const fix = `Rename ${directory}, which is not the upgraded folder, and run alex-db upgrade again`
      return yield* new Refused({ code: "folder", problem, fix })
    }
    yield* attempt(directory, "written", async () => {
      await rename(fresh, directory)
      await syncFolder(dirname(directory))
    })
  }
  yield* clear(place)
  return kept
})

/** Whether a folder needs no upgrade. */
export const isPresent = (files: Files): boolean => files.major === postgresMajor && !files.isBare
