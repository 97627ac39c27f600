import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestConsole } from "effect/testing"
import { describe, inject } from "vitest"
import { run } from "../../src/cli/run.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { commandLine } from "../CommandLine.ts"

/** An empty folder, with an empty `--dotenv` in it, so that no `.env` of a developer's is read. */
class Folder extends Context.Service<Folder, string>()("test/cli/commands/Folder") {
  static readonly layer = Layer.effect(
    Folder,
    Effect.acquireRelease(
      Effect.sync(() => {
        const folder = mkdtempSync(join(tmpdir(), "alex-cli-"))
        writeFileSync(join(folder, "empty.env"), "")
        return folder
      }),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
  )
}

/** Runs a command in this process; its exit code, and what it printed. */
const alexDb = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>> = {}
) {
  const folder = yield* Folder
  const before = { log: (yield* TestConsole.logLines).length, error: (yield* TestConsole.errorLines).length }
  const environment = { ALEX_DB_DIR: join(folder, "db"), ...variables }
  const exit = yield* run([...args, "--dotenv", join(folder, "empty.env")]).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment)),
    Effect.exit
  )
  const printed = (lines: ReadonlyArray<unknown>, from: number) => lines.slice(from).map(String).join("\n")
  const failure = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  return {
    code: failure === undefined ? 0 : failure._tag === "Fail" ? failure.error.code : -1,
    out: printed(yield* TestConsole.logLines, before.log),
    err: printed(yield* TestConsole.errorLines, before.error)
  }
})

/** The database of the commands, while none of them runs. */
const onFolder = (folder: string) =>
  DataApiSql.layer().pipe(
    Layer.provide(LocalDataApi.layer({ dataDir: join(folder, "db"), snapshot: inject("snapshot"), durability: "fast" }))
  )

/** A name that would write to the clipboard, forge a line and turn the letters around. */
const attack = "<script>\u001b]52;c;cm0=\u0007\nVerified: all is well.\u202e"

const parsed = (json: string) => JSON.parse(json)

layer(Folder.layer, { timeout: "60 seconds" })("the command line", (it) => {
  it.effect("says in one line on stderr that it does not know a command, what was meant, and exits 2", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* alexDb(["verfy"])
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      assert.match(err, /^alex-db: Unknown subcommand "verfy" .*verify\. Run alex-db --help$/)
    })
  )

  it.effect("exits 2 for a flag or a value that it does not know", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* alexDb(["verify", "--sideways"])).code, 2)
      assert.strictEqual((yield* alexDb(["verify", "--backend", "mysql"])).code, 2)
    })
  )

  it.effect("exits 2 for a number outside its range, before anything is done with the others", () =>
    Effect.gen(function* () {
      for (const wrong of [
        ["reset", "--users", "-5"],
        ["reset", "--positions", "-1", "--users", "2"],
        ["jobs", "list", "--limit", "0"],
        ["agent-calls", "--limit", "-1"],
        ["gateway", "--port", "-1"],
        ["gateway", "--port", "65536"],
        ["gateway", "--max-connections", "0"],
        ["serve", "--port", "70000"],
        ["mcp", "--http", "65536"],
        ["mcp", "--user", "ann", "--call-seconds", "0"],
        ["mcp", "--user", "ann", "--max-result", "0"],
        ["mcp", "--http", "0", "--session-minutes", "-1"]
      ]) {
        const { code, err } = yield* alexDb(wrong)
        assert.strictEqual(code, 2, wrong.join(" "))
        assert.match(err, /^alex-db: Invalid value for flag --[a-z-]+: "-?\d+"\. Expected a number (from|of at least) /)
      }
    })
  )

  it.effect("prints help on request, and that is no failure", () =>
    Effect.gen(function* () {
      const { code, out } = yield* alexDb(["reset", "--help"])
      assert.strictEqual(code, 0)
      assert.include(out, "--with-test-data")
    })
  )

  it.effect("says in one line what is missing or wrong, and exits 1", () =>
    Effect.gen(function* () {
      const failures = [
        { result: yield* alexDb(["migrate"], { ALEX_DB_BACKEND: "postgres" }), says: "DATABASE_URL" },
        { result: yield* alexDb(["verify"], { AURORA_CLUSTER_ARN: "arn" }), says: "AURORA_SECRET_ARN" },
        { result: yield* alexDb(["up"], { ALEX_DB_DIR: "/dev/null/db" }), says: "/dev/null/db" },
        {
          result: yield* alexDb(["seed"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" }),
          says: "Nothing listens"
        }
      ]
      for (const { result, says } of failures) {
        assert.strictEqual(result.code, 1)
        const lines = result.err.split("\n").filter((line) => !/^(Database|Variables): /.test(line))
        assert.lengthOf(lines, 1, result.err)
        assert.include(lines[0], says)
        assert.notMatch(result.err, /\n\s+at /)
      }
    })
  )

  it.effect("brings a database up from nothing, and finds it in place the next time", () =>
    Effect.gen(function* () {
      const first = yield* alexDb(["up"])
      assert.strictEqual(first.code, 0)
      for (const said of ["8 tables", "22 instruments, every allocation at 100", "1 user, 3 accounts, 5 positions"]) {
        assert.include(first.out, said)
      }
      for (const name of ["idx_accounts_user", "update_jobs_updated_at"]) assert.include(first.out, name)
      assert.include(first.err, "Database: embedded")
      assert.include((yield* alexDb(["up"])).out, "Everything was in place already")
    })
  )

  it.effect("prints one JSON document, whatever the command", () =>
    Effect.gen(function* () {
      const verified = yield* alexDb(["verify", "--json"])
      assert.strictEqual(verified.code, 0)
      assert.deepInclude(parsed(verified.out), { ok: true, drift: [], findings: [] })
      assert.strictEqual(parsed((yield* alexDb(["migrate", "status", "--json"])).out).current, true)
      assert.strictEqual(parsed((yield* alexDb(["reset", "--with-test-data", "--json"])).out).testData.positions, 5)
    })
  )

  it.effect("prints a failure as a document where --json is on, however it is written", () =>
    Effect.gen(function* () {
      const failing = (...flags: ReadonlyArray<string>) => alexDb(["restore", "absent.jsonl", ...flags])
      for (const flags of [["--json"], ["--json=true"], ["--json=1"], ["--json=yes"], ["--json", "on"]]) {
        const { code, out } = yield* failing(...flags)
        assert.strictEqual(code, 1, flags.join(" "))
        assert.deepInclude(parsed(out), { ok: false, code: "file" })
      }
      for (const flags of [["--json=false"], ["--json=0"], ["--json", "no"], []]) {
        const { code, out } = yield* failing(...flags)
        assert.deepStrictEqual([code, out], [1, ""], flags.join(" "))
      }
    })
  )

  it.effect(
    "prints one document, and no help, where --json is on and no command is named, or one that is unknown",
    () =>
      Effect.gen(function* () {
        for (const wrong of [
          [],
          ["--backend", "embedded"],
          ["jobs"],
          ["migrates"],
          ["jobs", "lists"],
          ["help", "migrates"]
        ]) {
          for (const args of [
            ["--json", ...wrong],
            [...wrong, "--json"]
          ]) {
            const { code, err, out } = yield* alexDb(args)
            assert.strictEqual(code, 2, args.join(" "))
            assert.deepInclude(parsed(out), { ok: false, code: "usage" }, args.join(" "))
            assert.match(err, /^alex-db: [^\n]+ --help[^\n]*$/, args.join(" "))
          }
        }
        for (const args of [
          [],
          ["jobs"],
          ["jobs", "--json=false"],
          ["jobs", "--json", "--help"],
          ["help", "jobs", "--json"]
        ]) {
          const { code, out } = yield* alexDb(args)
          assert.strictEqual(code, 0, args.join(" "))
          assert.include(out, "\nUSAGE\n", args.join(" "))
        }
      })
  )

  it.effect("shows what a reset would drop, and drops nothing with --dry-run", () =>
    Effect.gen(function* () {
      const { out } = yield* alexDb(["reset", "--dry-run"])
      assert.match(out, /Reset drops 9 tables and 2 functions of "alex" at \S+db:/)
      assert.include(out, "users: 1 row\n")
      const { err } = yield* alexDb(["reset", "--with-test-data"])
      assert.include(err, "positions: 5 rows")
      assert.strictEqual(parsed((yield* alexDb(["reset", "--dry-run", "--json"])).out).mustConfirm, null)
    })
  )

  it.effect("refuses a seed file with a mistake before anything is written", () =>
    Effect.gen(function* () {
      const file = join(yield* Folder, "seed.json")
      writeFileSync(file, JSON.stringify([{ symbol: "SPY", name: "x", instrument_type: "etf", current_price: "abc" }]))
      const { code, err } = yield* alexDb(["seed", "--file", file])
      assert.strictEqual(code, 1)
      for (const word of [file, "SPY", "current_price", "Nothing was written"]) assert.include(err, word)
    })
  )

  it.effect("exits 3 when an allocation is off, names the instrument, and writes the page all the same", () =>
    Effect.gen(function* () {
      const folder = yield* Folder
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`alter table instruments drop constraint instruments_allocation_regions_check`
        yield* sql`update instruments set allocation_regions = '{"europe": 50}', name = ${attack} where symbol = 'QQQ'`
      }).pipe(Effect.provide(onFolder(folder)))
      const page = join(folder, "report.html")
      const { code, out } = yield* alexDb(["verify", "--html", page])
      assert.strictEqual(code, 3)
      assert.include(out, "QQQ: allocation_regions sums to 50, expected 100")
      assert.include(out, String.raw`<script>\x1b]52;c;cm0=\x07\nVerified: all is well.\u202e`)
      assert.notMatch(out, /^Verified|\p{Cf}/mu)
      assert.notInclude(out, "\u001b]")
      assert.include(out, "missing: constraint instruments.instruments_allocation_regions_check")
      const html = readFileSync(page, "utf8")
      assert.include(html, "QQQ: allocation_regions sums to 50")
      assert.notMatch(html, /<script|https?:\/\/|\p{Cf}/u)
      assert.notInclude(html, "\u001b")
    })
  )

  it.effect("lists jobs that hang, makes them pending again, and exits 3 where one is refused", () =>
    Effect.gen(function* () {
      const folder = yield* Folder
      const user = "test_user_001"
      const [hanging, fresh] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"]
      yield* Effect.flatMap(
        SqlClient.SqlClient,
        (sql) => sql`INSERT INTO jobs (id, clerk_user_id, job_type, status, started_at, error_message) VALUES
          (${hanging}::uuid, ${user}::varchar, 'risk_assessment', 'running', now() - interval '2 hours', NULL),
          (${fresh}::uuid, ${user}::varchar, 'of another program', 'running', now(), ${attack}::text)`
      ).pipe(Effect.provide(onFolder(folder)))
      assert.include((yield* alexDb(["verify"])).out, "alex-db jobs requeue --stuck")
      assert.strictEqual((yield* alexDb(["jobs", "list", "--status", "failed"])).out, "There is no failed job.")
      const long = yield* alexDb(["jobs", "list", "--stuck", "--running-for", "3h"])
      assert.strictEqual(long.out, "There is no stuck job.")
      const all = yield* alexDb(["jobs", "list", "--status", "running"])
      assert.include(all.out, fresh)
      assert.notInclude(all.out, "\u001b]52")
      const stuck = parsed((yield* alexDb(["jobs", "list", "--stuck", "--json"])).out)
      assert.deepStrictEqual(
        stuck.jobs.map((job: { readonly id: string }) => job.id),
        [hanging]
      )
      const refused = yield* alexDb(["jobs", "requeue", fresh, "33333333-3333-4333-8333-333333333333", "nonsense"])
      assert.strictEqual(refused.code, 3)
      assert.match(refused.out, /refused: 2{8}.*running and can't become pending.*There is no job 3{8}.*nonsense/s)
      const done = yield* alexDb(["jobs", "requeue", "--stuck"])
      assert.deepStrictEqual([done.code, done.out], [0, `pending again: ${hanging}\n1 job pending again.`])
      assert.strictEqual((yield* alexDb(["jobs", "cancel", hanging, fresh, "--reason", "Not needed"])).code, 0)
      const cancelled = parsed((yield* alexDb(["jobs", "list", "--status", "cancelled", "--json"])).out)
      assert.deepStrictEqual(
        cancelled.jobs.map((job: { readonly error_message: string }) => job.error_message),
        ["Not needed", "Not needed"]
      )
      for (const wrong of [
        ["requeue"],
        ["requeue", "--stuck", fresh],
        ["list", "--running-for", "soon"],
        ["list", "--limit", "0"],
        ["cancel"]
      ]) {
        assert.strictEqual((yield* alexDb(["jobs", ...wrong])).code, 2, wrong.join(" "))
      }
    })
  )

  it.effect("stores what every portfolio is worth today, for the history", () =>
    Effect.gen(function* () {
      const first = yield* alexDb(["snapshot"])
      assert.match(first.out, /^The portfolios of 1 user in .* have a snapshot of today\.$/)
      assert.deepInclude(parsed((yield* alexDb(["snapshot", "--user", "test_user_001", "--json"])).out), { users: 1 })
      assert.match((yield* alexDb(["snapshot", "--user", "nobody"])).out, /^No user/)
      assert.strictEqual((yield* alexDb(["snapshot", "--user", ""])).code, 2)
    })
  )

  it.effect("lists what agents wrote, and forgets what is old", () =>
    Effect.gen(function* () {
      yield* Effect.flatMap(
        SqlClient.SqlClient,
        (sql) => sql`INSERT INTO agent_calls (clerk_user_id, tool, arguments, outcome, called_at, milliseconds, bytes)
          SELECT who, 'set_position', repeat('0f', 32), 'ok', now() - age * interval '1 day', 12, 345
          FROM unnest(ARRAY['ann', 'bob']) AS who, unnest(ARRAY[1, 100]) AS age`
      ).pipe(Effect.provide(onFolder(yield* Folder)))
      assert.match((yield* alexDb(["agent-calls"])).out, /ann +set_position .* ok +12 +345 +0f0f0f0f0f0f/)
      const two = parsed((yield* alexDb(["agent-calls", "--user", "ann", "--limit", "1", "--json"])).out)
      assert.deepInclude(two, { more: true })
      assert.deepStrictEqual(
        two.calls.map((call: { readonly clerk_user_id: string }) => call.clerk_user_id),
        ["ann"]
      )
      assert.strictEqual((yield* alexDb(["agent-calls", "--prune", "90d"])).out.trim(), "2 calls deleted.")
      assert.deepInclude(parsed((yield* alexDb(["agent-calls", "--prune", "12h", "--json"])).out), {
        pruned: 2,
        days: 0.5
      })
      assert.match((yield* alexDb(["agent-calls"])).out, /^No agent/)
      const unreadable = "33333333-3333-4333-8333-333333333333"
      yield* Effect.flatMap(
        SqlClient.SqlClient,
        (
          sql
        ) => sql`INSERT INTO agent_calls (id, clerk_user_id, tool, arguments, outcome, called_at, milliseconds, bytes)
          VALUES (${unreadable}::uuid, 'ann', 'of another program', '', 'ok', 'infinity', 0, 0)`
      ).pipe(Effect.provide(onFolder(yield* Folder)))
      const lines = (yield* alexDb(["agent-calls"])).out.split("\n")
      assert.strictEqual(lines[0], "No agent has written anything that can be read.")
      assert.match(lines[1] ?? "", new RegExp(`^can't be read: ${unreadable}: called_at: `))
      const report = parsed((yield* alexDb(["agent-calls", "--json"])).out)
      assert.deepInclude(report, { calls: [], more: false })
      assert.strictEqual(report.unreadable[0].id, unreadable)
      assert.match((yield* alexDb(["agent-calls", "--prune", "1000000s"])).err, /a whole number of up to six digits/)
      for (const wrong of [
        ["--prune", "soon"],
        ["--prune", "1000000s"],
        ["--limit", "0"],
        ["--user", "ann", "--prune", "1d"],
        ["--user", ""]
      ]) {
        assert.strictEqual((yield* alexDb(["agent-calls", ...wrong])).code, 2, wrong.join(" "))
      }
    })
  )

  it.effect("exits 3 when check can't reach the database, with the fix", () =>
    Effect.gen(function* () {
      const { code, out } = yield* alexDb(["check"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" })
      assert.strictEqual(code, 3)
      assert.include(out, "Fix: Start PostgreSQL")
    })
  )

  it.effect("exits 3 when migrations are pending, and says what to do where they are missed", () =>
    Effect.gen(function* () {
      const other = { ALEX_DB_DIR: join(yield* Folder, "other") }
      const { code, out } = yield* alexDb(["migrate", "status"], other)
      assert.strictEqual(code, 3)
      assert.include(out, "pending")
      const seed = yield* alexDb(["seed"], other)
      assert.strictEqual(seed.code, 1)
      assert.include(seed.err, "The database has not been migrated. Run alex-db migrate")
    })
  )

  it.effect("refuses to reset or bring up a database that is not local, without having reached it", () =>
    Effect.gen(function* () {
      const production = { DATABASE_URL: "postgres://db.invalid/production" }
      const reset = yield* alexDb(["reset"], production)
      assert.strictEqual(reset.code, 1)
      assert.include(reset.err, "--confirm production")
      assert.strictEqual((yield* alexDb(["up"], production)).code, 1)
    })
  )
})

describe("the executable", () => {
  it("exits with the command's code and prints no stack trace", () => {
    const folder = mkdtempSync(join(tmpdir(), "alex-cli-"))
    const { status, stderr, stdout } = spawnSync(process.execPath, [commandLine(), "nonsense"], {
      cwd: folder,
      encoding: "utf8"
    })
    assert.strictEqual(status, 2)
    assert.strictEqual(stdout, "")
    assert.match(stderr, /^alex-db: .*\n$/)
    assert.notMatch(stderr, /\n\s+at |Warning/)
    assert.isFalse(existsSync(join(folder, ".alex-db")))
    rmSync(folder, { recursive: true })
  })

  it.skipIf(process.platform === "win32").each([
    ["migrate status --backend embedded", "The data folder can't be .alex-db: the working folder was removed"],
    ["verify --html report.html", "The working folder was removed"],
    ["migrate --folder own", "The working folder was removed"]
  ])("says so where its working folder was removed: %s", (command, expected) => {
    const folder = mkdtempSync(join(tmpdir(), "alex-cli-"))
    const script = `cd "$1" && rmdir "$1" && exec "$2" "$3" ${command} --json`
    const { status, stdout } = spawnSync("sh", ["-c", script, "sh", folder, process.execPath, commandLine()], {
      encoding: "utf8"
    })
    assert.strictEqual(status, 1)
    const { code, problem } = JSON.parse(stdout)
    assert.strictEqual(code, "folder")
    assert.include(problem, expected)
  })
})
