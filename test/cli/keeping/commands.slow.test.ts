/** backup, restore, copy and upgrade as processes: what they print, ask, refuse and leave. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { describe, vi } from "vitest"
import { reports } from "../../../src/cli/output/reports.ts"
import { commandLine } from "../../CommandLine.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { alexDb, type Ended, folder } from "./Processes.ts"

// Each test runs several processes, on a machine that may have other work.
vi.setConfig({ testTimeout: 600_000 })

const ok = (ended: Ended) => {
  assert.strictEqual(ended.code, 0, ended.stderr)
  return ended.stdout.toString()
}

/** The one document on stdout, as the schema of the command's report says. */
const documentOf = <const Name extends "backup" | "copy" | "restore" | "restore --dry-run" | "upgrade">(
  name: Name,
  ended: Ended
) => Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.toCodecJson(reports[name])))(ok(ended))

const failureOf = ({ code, stdout }: Ended) => {
  assert.strictEqual(code, 1)
  return Schema.decodeUnknownEffect(Schema.fromJsonString(reports.failure))(stdout.toString())
}

it.live("a folder is backed up, restored, and copied into another; what is there is lost only when that is said", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    ok(yield* alexDb(["reset", "--with-test-data", "--json"], { cwd }))
    const backup = yield* documentOf("backup", yield* alexDb(["backup", "a.jsonl.gz", "--json"], { cwd }))
    assert.strictEqual(backup.rows, 31)
    assert.strictEqual(statSync(join(cwd, "a.jsonl.gz")).mode & 0o777, 0o600)
    assert.isFalse(existsSync(join(cwd, "a.jsonl.gz.partial")))

    const refused = yield* failureOf(yield* alexDb(["restore", "a.jsonl.gz", "--json"], { cwd }))
    assert.match(refused.problem, /"alex" at \.alex-db: it holds rows: instruments \(22\), users \(1\)/)
    assert.match(refused.fix, /add --replace$/)
    const plan = yield* documentOf(
      "restore --dry-run",
      yield* alexDb(["restore", "a.jsonl.gz", "--dry-run", "--json"], { cwd })
    )
    assert.deepStrictEqual([plan.tables.length, plan.contents?.length], [4, 8])
    const restored = yield* documentOf(
      "restore",
      yield* alexDb(["restore", "a.jsonl.gz", "--replace", "--json"], { cwd })
    )
    assert.deepStrictEqual(restored.tables, backup.tables)

    symlinkSync(".alex-db", join(cwd, "link"))
    for (const to of ["embedded:.alex-db", "./.alex-db/", "link"]) {
      const same = yield* alexDb(["copy", "--from", ".alex-db", "--to", to], { cwd })
      assert.strictEqual(same.code, 2, same.stderr)
      assert.include(same.stderr, "--from and --to are the same database")
    }
    const copied = yield* documentOf(
      "copy",
      yield* alexDb(["copy", "--from", ".alex-db", "--to", "embedded:b", "--json"], { cwd })
    )
    assert.deepStrictEqual(copied.tables, backup.tables)
    writeFileSync(join(cwd, "c.env"), "ALEX_DB_DIR=c\n")
    const anonymous = yield* alexDb(["copy", "--from", "b", "--to", "c.env", "--anonymize", "--json"], { cwd })
    assert.strictEqual((yield* documentOf("copy", anonymous)).rows, 31)
    const again = yield* alexDb(["backup", "-"], { cwd, env: { ALEX_DB_DIR: "c" } })
    assert.notInclude(ok(again), "test_user_001")
    ok(yield* alexDb(["snapshot"], { cwd, env: { ALEX_DB_DIR: "b" } }))
    const anew = ["copy", "--from", "b", "--to", "c.env", "--anonymize", "--replace", "--json"]
    const valued = yield* documentOf("copy", yield* alexDb(anew, { cwd }))
    assert.strictEqual(valued.tables.find(({ name }) => name === "portfolio_snapshots")?.rows, 1)
    const none = yield* alexDb(["copy", "--from", ".env.nowhere", "--to", "c"], { cwd })
    assert.strictEqual(none.code, 2)
    const unchanged = yield* documentOf("upgrade", yield* alexDb(["upgrade", "c", "--json"], { cwd }))
    assert.isNull(unchanged.kept)
  })
)

it.live("a backup goes through pipes, and a cut or foreign one is refused with its line", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    ok(yield* alexDb(["reset", "--with-test-data"], { cwd }))
    const written = yield* alexDb(["backup", "-"], { cwd })
    const text = ok(written)
    assert.lengthOf(text.trimEnd().split("\n"), 33)
    assert.include(written.stderr, "backed up: 31 rows")
    const nowhere = ["-c", '"$@" >&-', "sh", process.execPath, commandLine(), "backup", "-"]
    const closed = spawnSync("sh", nowhere, { cwd, env: { PATH: process.env.PATH }, encoding: "utf8" })
    assert.match(
      closed.stderr,
      /backed up: 31 rows .* into \/dev\/null\.\nwarn: nothing of the backup is kept: stdout is closed/
    )
    const env = { ALEX_DB_DIR: "piped" }
    const restored = yield* documentOf(
      "restore",
      yield* alexDb(["restore", "-", "--json"], { cwd, env, input: written.stdout })
    )
    assert.strictEqual(restored.rows, 31)
    // What a shell writes as <(...) can be read once.
    writeFileSync(join(cwd, "piped.jsonl"), written.stdout)
    const through = (...flags: ReadonlyArray<string>) => {
      const line = 'mkfifo once; cat piped.jsonl > once & "$@"; code=$?; rm once; kill $! 2>/dev/null; exit $code'
      const args = ["-c", line, "sh", process.execPath, commandLine(), "restore", "once", ...flags]
      return spawnSync("sh", args, { cwd, env: { PATH: process.env.PATH, ...env }, encoding: "utf8", timeout: 60_000 })
    }
    assert.include(through("--replace").stdout, "verified: counts and hashes are the same")
    assert.include(through("--dry-run").stdout, "A restore with --replace loses these rows")
    assert.deepStrictEqual(
      [through("--resume")].map(({ status, stderr }) => [status, stderr.includes("which a pipe does not allow")]),
      [[2, true]]
    )
    const cut = written.stdout.subarray(0, -100)
    const gone = yield* failureOf(yield* alexDb(["restore", "-", "--json", "--replace"], { cwd, env, input: cut }))
    assert.match(gone.problem, /^-, line 33: the file ends in the middle of the line: it is incomplete/)
    // The transaction was rolled back: what was there still is.
    assert.strictEqual(
      ok(yield* alexDb(["backup", "-"], { cwd, env }))
        .trimEnd()
        .split("\n").length,
      33
    )
    const foreign = yield* failureOf(yield* alexDb(["restore", "package.json", "--json"], { cwd: process.cwd() }))
    assert.match(foreign.problem, /^package\.json, line 1: this is not a backup of alex-db/)
    const both = yield* alexDb(["backup", "-", "--json"], { cwd })
    assert.strictEqual(both.code, 2)
  })
)

it.live("an interrupted backup leaves what is there alone, and a file that says that it is incomplete", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    ok(yield* alexDb(["reset", "--with-test-data", "--users", "400", "--positions", "10"], { cwd }))
    writeFileSync(join(cwd, "a.jsonl"), "the one before")
    let stopped = false
    const ended = yield* alexDb(["backup", "a.jsonl"], {
      cwd,
      on: (child) => {
        const look = setInterval(() => {
          if (!existsSync(join(cwd, "a.jsonl.partial")) || statSync(join(cwd, "a.jsonl.partial")).size === 0) return
          stopped = child.kill("SIGINT")
          clearInterval(look)
        }, 1)
        child.on("close", () => clearInterval(look))
      }
    })
    assert.isTrue(stopped)
    // A process that had written everything by then was not stopped any more.
    if (ended.code === 0) return assert.notInclude(readdirSync(cwd), "a.jsonl.partial")
    assert.strictEqual(ended.code, 130, ended.stderr)
    assert.strictEqual(readFileSync(join(cwd, "a.jsonl"), "utf8"), "the one before")
    assert.include(ended.stderr, "a.jsonl.partial is incomplete, and a.jsonl is as it was")
    const partial = yield* failureOf(yield* alexDb(["restore", "a.jsonl.partial", "--replace", "--json"], { cwd }))
    assert.match(partial.problem, /^a\.jsonl\.partial, line \d+: the file ends .*incomplete/)
  })
)

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("PostgreSQL by URL"), () => {
  it.live("a folder goes into PostgreSQL and back, and no password is printed", () =>
    Effect.gen(function* () {
      const cwd = yield* folder
      const url = new URL(Redacted.value(yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "")))
      url.password = "a-secret-word"
      writeFileSync(join(cwd, "server.env"), `DATABASE_URL=${url}\n`)
      ok(yield* alexDb(["reset", "--with-test-data"], { cwd }))
      const there = yield* alexDb(["copy", "--from", ".alex-db", "--to", url.href, "--json"], { cwd })
      const back = yield* alexDb(["copy", "--from", "server.env", "--to", "embedded:back", "--json"], { cwd })
      assert.deepStrictEqual((yield* documentOf("copy", there)).tables, (yield* documentOf("copy", back)).tables)
      for (const { stderr, stdout } of [there, back]) assert.notInclude(stderr + stdout, "a-secret-word")
    })
  )
})

it.live("a folder that nothing opens is said to be one, and stays as it is", () =>
  Effect.gen(function* () {
    const cwd = yield* folder
    const none = yield* failureOf(yield* alexDb(["upgrade", "absent", "--json"], { cwd }))
    assert.match(none.problem, /absent holds no embedded database/)
    writeFileSync(join(cwd, "file"), "")
    symlinkSync("round", join(cwd, "round"))
    for (const ALEX_DB_DIR of ["file", "file/below", "round", "memory://", "~/absent"]) {
      const found = yield* failureOf(yield* alexDb(["upgrade", "--json"], { cwd, env: { ALEX_DB_DIR, HOME: cwd } }))
      assert.deepStrictEqual([found.code, found.problem], ["folder", `${ALEX_DB_DIR} holds no embedded database`])
    }
    for (const name of ["file", "round"]) rmSync(join(cwd, name))
    mkdirSync(join(cwd, "old", "pgdata"), { recursive: true })
    writeFileSync(join(cwd, "old", "pgdata", "PG_VERSION"), "15\n")
    const old = yield* failureOf(yield* alexDb(["upgrade", "old", "--json"], { cwd }))
    assert.match(
      `${old.problem} ${old.fix}`,
      /was made by PostgreSQL 15, but this is PostgreSQL 18 alex-db upgrade knows no PGlite/
    )
    writeFileSync(join(cwd, "old", "pgdata", "PG_VERSION"), "99\n")
    const below = yield* failureOf(
      yield* alexDb(["upgrade", "--json"], { cwd, env: { ALEX_DB_DIR: "~/old", HOME: cwd } })
    )
    assert.match(below.problem, /old was made by PostgreSQL 99/, "a file of variables may name the home folder")
    const newer = yield* failureOf(yield* alexDb(["upgrade", "old", "--json"], { cwd }))
    assert.match(`${newer.problem} ${newer.fix}`, /Update alex-database to a version that has PostgreSQL 99/)
    assert.deepStrictEqual(readdirSync(cwd, { recursive: true }).sort(), ["old", "old/pgdata", "old/pgdata/PG_VERSION"])
  })
)
