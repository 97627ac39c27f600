/** Moves Alex's rows from an embedded database of another PostgreSQL version into a folder of this version. */
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Layer, Option, Schema } from "effect"
import * as DataPlace from "../../../local/folder/DataPlace.ts"
import { openers, otherVersion, postgresMajor } from "../../../local/folder/OtherVersion.ts"
import * as TakeFolder from "../../../local/folder/TakeFolder.ts"
import {
  Backup,
  Catalogue,
  CopyDatabase,
  Drift,
  Migrate,
  Progress,
  Restore,
  RestoreTarget
} from "../../../operations/index.ts"
import { layerConfigured, unoptimized } from "../../database.ts"
import { Refused } from "../../Outcome.ts"
import { layer as layerProgress } from "../../output/progressLine.ts"
import * as InstalledPglite from "./InstalledPglite.ts"
import * as OlderFolder from "./OlderFolder.ts"
import * as Place from "./UpgradePlace.ts"

/**
 * What `upgrade` did; `kept` is the old folder, `with` the package that read it. Both are null if there was nothing to
 * do.
 */
export const UpgradeReport = Schema.Struct({
  directory: Schema.String,
  from: Schema.Int,
  to: Schema.Int,
  with: Schema.NullOr(Schema.String),
  kept: Schema.NullOr(Schema.String),
  /** What is in the old folder and not in the new one. */
  leftBehind: Schema.Array(Schema.String),
  restored: Schema.NullOr(Restore.RestoreReport)
})
export type UpgradeReport = typeof UpgradeReport.Type

export interface UpgradeOptions {
  /** The package that npm installs to open the folder; by default the version that is known to open it. */
  readonly with: string | undefined
  /** Continues although something can't be carried over. */
  readonly leaveBehind: boolean
  /** The name of the new database, if the old folder has none. */
  readonly database: string
  readonly version: string
}

const steps = ["installing", "copying", "looking at", "carrying over", "renaming"] as const

const step = (name: (typeof steps)[number], text: string) =>
  Progress.report({ operation: "upgrade", done: steps.indexOf(name), total: steps.length, text: `${name} ${text}` })

/** How many things a message lists; `--json` has all of them afterwards. */
const mostListed = 20

const refuseToLeave = (directory: string, left: ReadonlyArray<string>) => {
  const more = left.length > mostListed ? `; and ${left.length - mostListed} more` : ""
  const problem = `${directory} holds objects that are not Alex's or differ from the migrations, and an upgrade does not carry them over: ${left.slice(0, mostListed).join("; ")}${more}. The folder is as it was`
  const fix = "To go on without them, add --leave-behind: the old folder is kept, with all of them"
  return new Refused({ code: "left-behind", problem, fix })
}

/** The header of a backup of the old database; one of the original Python module is migrated first, in the copy. */
const headerOf = Effect.fnUntraced(function* (version: string) {
  const header = Backup.withSource({}, ({ header }) => Effect.succeed(header))
  const found = yield* header
  if (found.migrations.length > 0) return found
  yield* Migrate.migrate({ version })
  return yield* header
})

/** The objects of the old database that the new one lacks, or that differ in it. */
const lostBetween = (fresh: Catalogue.Catalogue, old: Catalogue.Catalogue): ReadonlyArray<string> => {
  const { additions, differences } = Drift.compare(fresh, old)
  return [...differences.filter(({ kind }) => kind !== "missing"), ...additions].map(({ kind, object }) =>
    kind === "different" ? `${object} (differs)` : object
  )
}

/** Makes the new folder, with the rows of the old database. */
const carryOver = Effect.fnUntraced(function* (
  files: OlderFolder.OlderFiles,
  { database, others }: OlderFolder.Chosen,
  place: Place.UpgradePlace,
  options: UpgradeOptions
) {
  const described = Option.getOrUndefined(Place.databaseIn(place.directory))
  const reading = yield* Layer.build(OlderFolder.layer(files, database))
  const header = yield* Effect.provideContext(headerOf(options.version), reading)
  const old = yield* Effect.provideContext(Catalogue.read(), reading)
  const config = {
    _tag: "embedded" as const,
    why: "the upgraded folder",
    directory: place.fresh,
    database: described ?? options.database,
    durability: "full" as const
  }
  const { version } = options
  return yield* Effect.gen(function* () {
    yield* RestoreTarget.make(yield* RestoreTarget.placeOf(header), { version })
    const left = [...others, ...lostBetween(yield* Catalogue.read(), old)]
    if (left.length > 0 && !options.leaveBehind) return yield* refuseToLeave(place.given, left)
    yield* step("carrying over", "the rows")
    const restored = yield* CopyDatabase.copy(reading, { version, tool: `alex-database ${version}` })
    return { left, restored: { ...restored, location: place.given } }
  }).pipe(Effect.provide(layerConfigured(config)))
}, Effect.scoped)

/** The folder of the PGlite that opens the files: this package's own, or one that is installed for it. */
const packageFor = Effect.fnUntraced(function* (place: Place.UpgradePlace, files: Place.Files, spec: string) {
  if (files.major === postgresMajor) return dirname(dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite"))))
  yield* step("installing", spec)
  return yield* InstalledPglite.install(place.packages, spec, openers[files.major])
})

/** Does all that precedes the renaming, in a folder beside the old one. */
const prepare = Effect.fnUntraced(function* (
  place: Place.UpgradePlace,
  files: Place.Files,
  spec: string,
  options: UpgradeOptions
) {
  yield* Place.begin(place)
  // A folder that another program made has no lock, and nothing is written into it.
  if (!files.isBare) yield* TakeFolder.take(place.directory, undefined)
  const opener = yield* packageFor(place, files, spec)
  yield* step("copying", place.given)
  const unchanged = yield* Place.copyFiles(place, files)
  yield* step("looking at", place.given)
  const older = { package: opener, major: files.major, dataDir: place.old, location: place.given }
  const { choose } = OlderFolder
  const described = Option.getOrUndefined(Place.databaseIn(place.directory))
  const chosen = yield* choose(older, described).pipe(
    Effect.catchIf(
      (error) => error._tag === "LocalDataApiError" && options.with !== undefined,
      (error) => Effect.fail(InstalledPglite.notOpened(openers[files.major], spec, place.given, files.major, error))
    )
  )
  const carried = yield* carryOver(older, chosen, place, options)
  yield* unchanged
  return carried
}, Effect.scoped)

const upgradeOlder = Effect.fnUntraced(function* (
  place: Place.UpgradePlace,
  files: Place.Files,
  spec: string,
  options: UpgradeOptions
) {
  yield* unoptimized
  yield* Place.make(place)
  yield* TakeFolder.take(place.work, undefined)
  const carried = yield* Effect.onError(prepare(place, files, spec, options), () => Place.clear(place))
  yield* step("renaming", place.given)
  const kept = yield* Place.swap(place, files.major)
  yield* Place.clear(place)
  return { ...carried, kept }
}, Effect.scoped)

/** Finishes an upgrade that was cut off; fails if another process is upgrading the folder. */
const resumed = (place: Place.UpgradePlace) =>
  Place.isUnderWay(place)
    ? Effect.scoped(Effect.andThen(TakeFolder.take(place.work, undefined), Place.resume(place)))
    : Effect.succeed(undefined)

const holdsNone = (given: string) =>
  new Refused({
    code: "folder",
    problem: `${given} holds no embedded database`,
    fix: "Name the folder of one, as in ALEX_DB_DIR"
  })

/**
 * Upgrades a folder: reads a copy of it with the PGlite that opens it, puts Alex's rows into a new folder, compares
 * them, and puts the new folder in the old one's place. The old folder is only read until then, and is kept under
 * another name.
 *
 * @errors Refused, LocalDataApiError, FolderInUse, and those of a copy
 */
export const upgradeFolder = Effect.fnUntraced(function* (given: string, options: UpgradeOptions) {
  const folder = yield* DataPlace.read(given)
  if (folder === DataPlace.memory) return yield* holdsNone(given)
  const place = yield* Effect.mapError(
    Effect.try(() => Place.placeOf(folder)),
    () => holdsNone(given)
  )
  const finished = yield* resumed(place)
  const files = Place.filesIn(place.directory)
  if (files === undefined) return yield* holdsNone(given)
  const { major } = files
  const report = { directory: given, from: major, to: postgresMajor, with: null, kept: finished ?? null }
  const nothing: UpgradeReport = { ...report, leftBehind: [], restored: null }
  if (Place.isPresent(files)) return nothing
  const own = major === postgresMajor ? "the PGlite at hand" : undefined
  const spec = own ?? (yield* InstalledPglite.specOf(openers[major], options.with))
  if (spec === undefined) return yield* new Refused({ code: "folder", ...otherVersion(given, major) })
  const { kept, left, restored } = yield* upgradeOlder(place, files, spec, options)
  return { ...nothing, with: spec, kept, leftBehind: left, restored }
}, Effect.provide(layerProgress))
