/** Folders of older versions of PGlite, as npm installs them, are upgraded: nothing of them is lost, at whatever step it ends. */
import type { ChildProcess } from "node:child_process"
import { createHash } from "node:crypto"
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { afterAll, beforeAll, describe, vi } from "vitest"
import * as Place from "../../../src/cli/commands/keeping/UpgradePlace.ts"
import { upgradeFolder } from "../../../src/cli/commands/keeping/upgradeFolder.ts"
import { reports } from "../../../src/cli/output/reports.ts"
import { openers, postgresMajor } from "../../../src/local/folder/OtherVersion.ts"
import * as TakeFolder from "../../../src/local/folder/TakeFolder.ts"
import { originalDatabase } from "../../operations/OriginalDatabase.ts"
import * as Older from "./OlderFolders.ts"
import { alexDb, type Ended, folder } from "./Processes.ts"

// Each test runs processes that open several databases, on a machine that may have other work.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 900_000 })

/** With `ALEX_LONG=1` every version's folders, and a run is killed at each of its steps and at many moments between. */
const isLong = process.env.ALEX_LONG === "1"

const upgraded = (ended: Ended) => {
  assert.strictEqual(ended.code, 0, ended.stderr)
  return Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.toCodecJson(reports.upgrade)))(ended.stdout.toString())
}

const failureOf = ({ code, stderr, stdout }: Ended) => {
  assert.strictEqual(code, 1, stderr)
  return Schema.decodeUnknownEffect(Schema.fromJsonString(reports.failure))(stdout.toString())
}

/** Every file of a folder with the hash of what is in it, but for the lock. */
const stateOf = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => !/(?:^|\/)lock\.(?:db|json)$/.test(path) && statSync(join(directory, path)).isFile())
    .map(
      (path) =>
        `${path} ${createHash("sha256")
          .update(readFileSync(join(directory, path)))
          .digest("hex")}`
    )
    .sort()

it("the table names one version for each PostgreSQL, and its hash", () => {
  for (const [major, { integrity, version }] of Object.entries(openers)) {
    assert.isBelow(Number(major), postgresMajor)
    assert.match(version, /^\d+\.\d+\.\d+$/)
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/)
  }
})

describe("renames that were cut off", () => {
  const options = { with: undefined, leaveBehind: false, database: "alex", version: "0" }
  const at = Effect.fnUntraced(function* (states: { readonly fresh: boolean; readonly directory: boolean }) {
    const place = Place.placeOf(join(yield* folder, "data"))
    const present = (directory: string) => {
      mkdirSync(join(directory, "pgdata"), { recursive: true })
      writeFileSync(join(directory, "pgdata", "PG_VERSION"), `${postgresMajor}\n`)
    }
    const kept = `${place.directory}.postgres17`
    mkdirSync(kept)
    mkdirSync(place.work)
    writeFileSync(join(place.work, "upgrade.json"), JSON.stringify({ upgrade: place.directory, kept }))
    if (states.fresh) present(place.fresh)
    if (states.directory) present(place.directory)
    return { place, kept }
  })

  it.live("are finished by the next run", () =>
    Effect.gen(function* () {
      for (const states of [
        { fresh: true, directory: false },
        { fresh: false, directory: true }
      ]) {
        const { kept, place } = yield* at(states)
        const report = yield* upgradeFolder(place.directory, options)
        assert.strictEqual(report.kept, kept)
        assert.isTrue(existsSync(join(place.directory, "pgdata")))
        assert.isFalse(existsSync(place.work))
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("are not finished over a folder that has come into being since", () =>
    Effect.gen(function* () {
      const { place } = yield* at({ fresh: true, directory: true })
      const ended = yield* Effect.result(upgradeFolder(place.directory, options))
      assert.isTrue(Result.isFailure(ended))
      assert.match(String(Result.getFailure(ended)), /was created since; the upgraded one is .*upgrade\/new/)
      assert.isTrue(existsSync(join(place.fresh, "pgdata")))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

it.live("a folder that is in use, or changes meanwhile, is not upgraded", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    const place = Place.placeOf(join(cwd, "data"))
    const pgdata = join(place.directory, "pgdata")
    mkdirSync(pgdata, { recursive: true })
    writeFileSync(join(pgdata, "PG_VERSION"), "17\n")
    yield* TakeFolder.take(place.directory, undefined)
    const held = yield* failureOf(yield* alexDb(["upgrade", "data", "--json"], { cwd }))
    assert.match(held.problem, /is in use by process \d+/)
    assert.isFalse(existsSync(place.work))

    yield* Place.make(place)
    yield* Place.begin(place)
    const unchanged = yield* Place.copyFiles(place, { pgdata, major: 17, isBare: false })
    yield* unchanged
    utimesSync(join(pgdata, "PG_VERSION"), 1, 1)
    assert.match(String(yield* Effect.flip(unchanged)), /is in use: its files change while it is upgraded/)
  })
)

it.live("a folder of that name that is no upgrade's is left alone", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    mkdirSync(join(cwd, "data", "pgdata"), { recursive: true })
    writeFileSync(join(cwd, "data", "pgdata", "PG_VERSION"), "17\n")
    mkdirSync(join(cwd, "data.upgrade"))
    writeFileSync(join(cwd, "data.upgrade", "mine"), "")
    const failure = yield* failureOf(yield* alexDb(["upgrade", "data", "--json"], { cwd }))
    assert.match(failure.problem, /data\.upgrade exists, and was not left by an upgrade/)
    assert.deepStrictEqual(readdirSync(join(cwd, "data.upgrade")), ["mine"])
  })
)

it.live("without npm, or where it reaches no registry, the message says how to bring the package", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    mkdirSync(join(cwd, "data", "pgdata"), { recursive: true })
    writeFileSync(join(cwd, "data", "pgdata", "PG_VERSION"), "17\n")
    const env = { npm_config_registry: "http://127.0.0.1:9", npm_config_cache: join(cwd, "cache") }
    const offline = yield* failureOf(yield* alexDb(["upgrade", "data", "--json"], { cwd, env }))
    assert.strictEqual(offline.code, "npm")
    assert.match(offline.problem, /^npm did not install @electric-sql\/pglite@0\.4\.6: .*; the folder is as it was$/)
    assert.match(offline.fix, /run "npm pack @electric-sql\/pglite@0\.4\.6" there, .* give it to --with/)
    assert.isFalse(existsSync(join(cwd, "data.upgrade")))
    if (existsSync(join(dirname(process.execPath), "npm"))) {
      process.stderr.write("SKIPPED: without npm (it is beside node)\n")
      return
    }
    const none = yield* failureOf(yield* alexDb(["upgrade", "data", "--json"], { cwd, env: { PATH: cwd } }))
    assert.match(`${none.problem} ${none.fix}`, /npm can't be run .* Install npm, which comes with Node/)
  })
)

it.live("what --with names is found however it is written, or the message says what to give", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    mkdirSync(join(cwd, "data", "pgdata"), { recursive: true })
    writeFileSync(join(cwd, "data", "pgdata", "PG_VERSION"), "17\n")
    writeFileSync(join(cwd, "a file.tgz"), "no archive")
    const fix = 'Give --with @electric-sql/pglite@0.4.6, or the file that "npm pack @electric-sql/pglite@0.4.6" makes'
    const env = { npm_config_registry: "http://127.0.0.1:9", npm_config_cache: join(cwd, "cache") }
    const said = (given: string) =>
      Effect.flatMap(alexDb(["upgrade", "data", "--with", given, "--json"], { cwd, env }), failureOf)
    for (const given of [
      "a file.tgz",
      "./a file.tgz",
      "file:a file.tgz",
      pathToFileURL(join(cwd, "a file.tgz")).href
    ]) {
      const failure = yield* said(given)
      assert.match(failure.problem, /npm did not install \/.*\/a file\.tgz: .*archive/, given)
      assert.strictEqual(failure.fix, fix)
    }
    for (const given of ["absent.tgz", "./absent", "file:absent", ""]) {
      const failure = yield* said(given)
      assert.match(failure.problem, /^--with names (?:nothing|.*, which is not there); the folder is as it was$/)
      assert.strictEqual(failure.fix, fix)
    }
    const { problem } = yield* said("0.4.6")
    assert.match(problem, /npm did not install @electric-sql\/pglite@0\.4\.6: /)
  })
)

const versions = [
  { version: "0.2.17", major: 16, database: "template1" },
  { version: "0.3.16", major: 17, database: "template1" },
  { version: "0.4.6", major: 17, database: "postgres" }
] as const

const had = await Promise.all(versions.map(async (one) => ({ ...one, ...(await Older.olderPglite(one.version)) })))
const named = ({ major, missing, version }: (typeof had)[number]) =>
  `PostgreSQL ${major} by PGlite ${version}${missing === undefined ? "" : ` (skipped: ${missing})`}`

for (const one of had) {
  describe.skipIf(one.missing !== undefined)(named(one), () => {
    const older: Older.Older = { ...one, package: one.folder }

    it.live("a folder that PGlite made by itself is read by the version that opens it, and no value changes", () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const bare = join(cwd, "bare")
        yield* Effect.promise(() => Older.initialised(bare, older))
        const tables = yield* Older.inside(bare, older, Older.fill)
        const before = stateOf(bare)
        symlinkSync("bare", join(cwd, "data"))
        const env = { ALEX_DB_DIR: "data" }
        const other = yield* failureOf(yield* alexDb(["migrate", "--json"], { cwd, env }))
        assert.match(
          other.problem,
          new RegExp(`was made by PostgreSQL ${one.major}, but this is PostgreSQL 18. Run "alex-db upgrade`)
        )
        const report = yield* upgraded(yield* alexDb(["upgrade", "--json"], { cwd, env }))
        assert.strictEqual(report.with, `@electric-sql/pglite@${openers[one.major]?.version}`)
        assert.deepStrictEqual(report.restored?.tables, tables)
        assert.deepStrictEqual([report.from, report.leftBehind], [one.major, []])
        assert.strictEqual(report.kept, `${bare}.postgres${one.major}`)
        assert.deepStrictEqual(stateOf(`${bare}.postgres${one.major}`), before)
        assert.isTrue(lstatSync(join(cwd, "data")).isSymbolicLink())
        assert.deepStrictEqual(readdirSync(cwd).sort(), ["bare", `bare.postgres${one.major}`, "data"])
      })
    )
  })
}

const [last] = had.slice(-1)
const older: Older.Older = { package: last?.folder ?? "", major: 17, database: "postgres" }

describe.skipIf(last?.missing !== undefined)("a folder of alex-db's, of PostgreSQL 17", () => {
  const made = mkdtempSync(join(tmpdir(), "alex-upgrade-"))
  let tables: Effect.Success<ReturnType<typeof Older.ofAlexDb>>
  beforeAll(async () => {
    tables = await Effect.runPromise(Older.ofAlexDb(join(made, "data"), older))
  })
  afterAll(() => rmSync(made, { recursive: true, force: true }))

  const copied = Effect.map(folder, (cwd) => {
    const directory = join(cwd, "data")
    cpSync(join(made, "data"), directory, { recursive: true })
    return { cwd, directory, before: stateOf(directory) }
  })
  const alex = { ...older, database: "alex" }
  const others = [
    "create schema app",
    "create table app.notes (id serial primary key, body text)",
    "create view app.shown as select * from app.notes",
    "create role reporting",
    "grant select on users to reporting",
    "create table own (id int)",
    "create index mine on jobs (status)",
    "alter table users add constraint named check (display_name <> 'x')",
    "alter database alex set work_mem = '8MB'",
    "alter table users alter column display_name set default 'x'",
    // The new folder has what was dropped: nothing of the old one is left behind.
    "drop index idx_positions_symbol"
  ]

  it.live("what is not Alex's keeps it from being upgraded, or is left behind and named", () =>
    Effect.gen(function* () {
      const { cwd, directory } = yield* copied
      yield* Older.inside(join(directory, "pgdata"), alex, Older.run(...others))
      const template1 = { ...older, database: "template1" }
      yield* Older.inside(join(directory, "pgdata"), template1, Older.run("create table stray (id int)"))
      const before = stateOf(directory)
      const refused = yield* failureOf(yield* alexDb(["upgrade", "data", "--json"], { cwd }))
      assert.strictEqual(refused.code, "left-behind")
      assert.match(refused.problem, /schema app; .*The folder is as it was$/)
      assert.deepStrictEqual(stateOf(directory), before)
      assert.deepStrictEqual(readdirSync(cwd), ["data"])
      const { kept, leftBehind, restored } = yield* upgraded(
        yield* alexDb(["upgrade", "data", "--leave-behind", "--json"], { cwd })
      )
      assert.deepStrictEqual(restored?.tables, tables)
      assert.deepStrictEqual(stateOf(kept ?? ""), before)
      assert.deepStrictEqual([...leftBehind].sort(), [
        "column users.display_name (differs)",
        "constraint users.named",
        "index jobs.mine",
        "privilege users.reporting",
        "role reporting",
        "schema app",
        "sequence app.notes_id_seq",
        "settings of database alex",
        "table app.notes",
        "table own",
        "table stray of database template1",
        "view app.shown"
      ])
    })
  )

  it.live("a database of the original module is migrated in the copy, by a package that is brought along", () =>
    Effect.gen(function* () {
      const cwd = yield* folder
      yield* Effect.promise(() => Older.initialised(join(cwd, "data"), older))
      yield* Older.inside(join(cwd, "data"), older, Older.run(...originalDatabase))
      const before = stateOf(join(cwd, "data"))
      const report = yield* upgraded(yield* alexDb(["upgrade", "data", "--with", older.package, "--json"], { cwd }))
      assert.deepStrictEqual([report.restored?.rows, report.restored?.verified], [5, true])
      assert.deepStrictEqual(stateOf(report.kept ?? ""), before)
    })
  )

  it.live("a package of another version does not open it, and the message says which one does", () =>
    Effect.gen(function* () {
      const { before, cwd, directory } = yield* copied
      const present = dirname(dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite"))))
      const failure = yield* failureOf(yield* alexDb(["upgrade", "data", "--with", present, "--json"], { cwd }))
      assert.match(failure.problem, /does not open the files of PostgreSQL 17 in .*data; the folder is as it was$/)
      assert.include(failure.fix, "Give --with @electric-sql/pglite@0.4.6")
      assert.deepStrictEqual(stateOf(directory), before)
    })
  )

  /** What is there once a run has come so far. */
  const steps = ["upgrade/package/package.json", "upgrade/old/PG_VERSION", "upgrade/new/database.json", "postgres17"]

  /** Kills a process as soon as a file is there. */
  const killedAt = (file: string) => (child: ChildProcess) => {
    const look = setInterval(() => {
      if (!existsSync(file)) return
      child.kill("SIGKILL")
      clearInterval(look)
    }, 1)
    child.on("close", () => clearInterval(look))
  }

  it.live("a run that is killed leaves the folder as it was, and the next one does all of it", () =>
    Effect.gen(function* () {
      const { before, cwd, directory } = yield* copied
      const kept = `${directory}.postgres17`
      const asItWas = () => assert.deepStrictEqual(stateOf(existsSync(kept) ? kept : directory), before)
      for (const step of isLong ? steps : steps.slice(2, 3)) {
        if (existsSync(kept)) break
        const on = killedAt(`${directory}.${step}`)
        const { code, signal, stderr } = yield* alexDb(["upgrade", "data", "--json"], { cwd, on })
        assert.isTrue(signal === "SIGKILL" || code === 0, stderr)
        asItWas()
      }
      const moments = isLong && !existsSync(kept) ? Array.from({ length: 20 }, (_, index) => 300 * (index + 1)) : []
      for (const moment of moments) {
        if (existsSync(kept)) break
        const on = (child: ChildProcess) => void setTimeout(() => child.kill("SIGKILL"), moment)
        yield* alexDb(["upgrade", "data", "--json"], { cwd, on })
        asItWas()
      }
      const report = yield* upgraded(yield* alexDb(["upgrade", "data", "--json"], { cwd }))
      assert.strictEqual(report.kept ?? kept, kept)
      asItWas()
      assert.deepStrictEqual(readdirSync(cwd).sort(), ["data", "data.postgres17"])
      const env = { ALEX_DB_DIR: "data" }
      const backup = yield* alexDb(["backup", "a.jsonl", "--json"], { cwd, env })
      const { tables: there } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(reports.backup))(
        backup.stdout.toString()
      )
      assert.deepStrictEqual(there, tables)
      assert.isNull((yield* upgraded(yield* alexDb(["upgrade", "data", "--json"], { cwd }))).restored)
    })
  )
})

it.live(
  "a folder of PGlite's own and of this PostgreSQL is not opened among its files, and becomes one of alex-db's",
  () =>
    Effect.gen(function* () {
      const cwd = yield* folder
      const present = dirname(dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite"))))
      const older = { package: present, major: postgresMajor, database: "postgres" }
      yield* Effect.promise(() => Older.initialised(join(cwd, "bare"), older))
      const tables = yield* Older.inside(join(cwd, "bare"), older, Older.fill)
      const before = stateOf(join(cwd, "bare"))
      const failure = yield* failureOf(yield* alexDb(["migrate", "--json"], { cwd, env: { ALEX_DB_DIR: "bare" } }))
      assert.match(failure.problem, /is one of PGlite's own.* Run "alex-db upgrade /)
      assert.deepStrictEqual(stateOf(join(cwd, "bare")), before)
      const report = yield* upgraded(yield* alexDb(["upgrade", "bare", "--json"], { cwd }))
      assert.deepStrictEqual(report.restored?.tables, tables)
      assert.deepStrictEqual(stateOf(report.kept ?? ""), before)
    })
)
