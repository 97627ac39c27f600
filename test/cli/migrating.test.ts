/** `alex-db migrate` on a database that comes up late, and with migrations of the user's own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Redacted } from "effect"
import { TestConsole } from "effect/testing"
import { run } from "../../src/cli/run.ts"
import * as TestDatabase from "../TestDatabase.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const made = mkdtempSync(join(tmpdir(), "alex-migrating-"))
    writeFileSync(join(made, "empty.env"), "")
    return made
  }),
  (made) => Effect.sync(() => rmSync(made, { recursive: true }))
)

const alexDb = Effect.fnUntraced(function* (
  home: string,
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>
) {
  const before = (yield* TestConsole.logLines).length
  const exit = yield* run([...args, "--json", "--dotenv", join(home, "empty.env")]).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(variables)),
    Effect.exit
  )
  const [out = ""] = (yield* TestConsole.logLines).slice(before).map(String)
  const failure = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  return { code: failure?._tag === "Fail" ? failure.error.code : 0, document: JSON.parse(out) }
})

/** A port on which nobody listens until `open`: then everything goes to the PostgreSQL at `url`. */
const latePort = Effect.fnUntraced(function* (url: URL) {
  const server = createServer((client) => {
    const upstream = connect(Number(url.port === "" ? 5432 : url.port), url.hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      from.pipe(to)
      from.on("error", () => to.destroy())
    }
  })
  const listen = (port: number) =>
    Effect.callback<number>((resume) => {
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
  const close = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
  })
  const port = yield* listen(0)
  yield* close
  yield* Effect.addFinalizer(() => close)
  return { port, open: listen(port) }
})

// Commands wait for real time.
layer(TestConsole.layer, { timeout: "60 seconds", excludeTestServices: true })("alex-db migrate", (it) => {
  it.effect.skipIf(TestDatabase.postgresUrl === undefined)(
    TestDatabase.onPostgres("waits for a database that comes up while it waits, and then applies"),
    () =>
      Effect.gen(function* () {
        const home = yield* folder
        const url = new URL(Redacted.value(yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "")))
        const { open, port } = yield* latePort(url)
        const late = new URL(url)
        late.port = String(port)
        const variables = { DATABASE_URL: late.href }
        assert.strictEqual((yield* alexDb(home, ["migrate"], variables)).document.code, "network")
        const impatient = yield* alexDb(home, ["migrate", "--wait", "1s"], variables)
        assert.deepStrictEqual([impatient.code, impatient.document.code], [1, "network"])
        const waiting = yield* Effect.forkChild(alexDb(home, ["migrate", "--wait", "60s"], variables))
        yield* Effect.sleep("1500 millis")
        yield* open
        const { code, document } = yield* Fiber.join(waiting)
        assert.strictEqual(code, 0)
        assert.isAbove(document.applied.length, 3)
        assert.strictEqual((yield* alexDb(home, ["check", "--wait", "60s"], variables)).code, 0)
      }),
    120_000
  )

  it.effect("does not wait for what no waiting mends, and refuses a duration that is none", () =>
    Effect.gen(function* () {
      const home = yield* folder
      const variables = { ALEX_DB_DIR: "/dev/null/db" }
      assert.strictEqual((yield* alexDb(home, ["migrate", "--wait", "1h"], variables)).document.code, "folder")
      const wrong = yield* alexDb(home, ["migrate", "--wait", "soon"], variables)
      assert.deepStrictEqual([wrong.code, wrong.document.code], [2, "usage"])
    })
  )

  it.effect(
    "makes a file, applies the folder beside Alex's migrations, and tells of it",
    () =>
      Effect.gen(function* () {
        const home = yield* folder
        const own = join(home, "migrations")
        const variables = { ALEX_DB_DIR: join(home, "db") }
        const made = yield* alexDb(home, ["migrate", "new", "add reports", "--folder", own], variables)
        assert.strictEqual(made.document.name, "001_add_reports")
        writeFileSync(made.document.file, "create table reports (id integer);")
        yield* alexDb(home, ["migrate"], variables)
        const planned = yield* alexDb(home, ["migrate", "plan", "--folder", own], variables)
        assert.lengthOf(planned.document.statements, 1)
        const broken = join(home, "broken")
        const brokenOne = yield* alexDb(home, ["migrate", "new", "broken", "--folder", broken], variables)
        writeFileSync(brokenOne.document.file, "create table tried (id integer);\nselect nothing;")
        const tried = yield* alexDb(home, ["migrate", "plan", "--try", "--folder", broken], variables)
        assert.deepStrictEqual([tried.code, tried.document.code], [3, "migration-failed"])
        assert.match(
          tried.document.problem,
          /^own\/001_broken\.sql, line 2: .*\(SQLSTATE 42703\); it was only tried, and nothing was changed\. Statement: select nothing$/
        )
        const applied = yield* alexDb(home, ["migrate", "--folder", own], variables)
        assert.strictEqual(applied.document.applied[0]?.name, "own/001_add_reports")
        for (const args of [[], ["--folder", own]]) {
          assert.strictEqual((yield* alexDb(home, ["migrate", "status", ...args], variables)).code, 0)
        }
        const none = yield* alexDb(home, ["migrate", "--folder", join(home, "nowhere")], variables)
        assert.strictEqual(none.code, 1)
      }),
    120_000
  )
})
