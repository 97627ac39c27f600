/** `alex-db mcp --http` from its flags to its end, and attempts on another user's data over stdio. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { inject, it } from "vitest"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as Repositories from "../../src/repository/index.ts"
import { attempts } from "../agent/attempts.ts"
import { type Person, person, stateOf } from "../agent/People.ts"
import { commandLine } from "../CommandLine.ts"
import { migrate } from "../repository/TestRepositories.ts"

const start = (directory: string, args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [commandLine(), "mcp", ...args], {
    cwd: tmpdir(),
    env: { ...process.env, ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: directory },
    stdio: ["pipe", "pipe", "pipe"]
  })

const http = ["--http", "0", "--issuer", "https://issuer.example"]
const jwks = ["--jwks", "http://127.0.0.1:1/jwks.json"]

describe("alex-db mcp --http", () => {
  it("says where it listens, asks for tokens, and ends with 0 at SIGTERM", async () => {
    const child = start("memory", [...http, ...jwks])
    const [line] = await new Promise<ReadonlyArray<string>>((resolve) => {
      let said = ""
      child.stderr?.on("data", (chunk) => {
        said += chunk
        const found = /http:\/\/[\d.]+:\d+\/mcp/.exec(said)
        if (found !== null) resolve(found)
      })
    })
    const url = line ?? assert.fail("no address")
    const asked = await fetch(url, { method: "POST" })
    assert.strictEqual(asked.status, 401)
    const token = `Bearer ${[{ alg: "RS256", kid: "x" }, {}].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.x`
    const unverified = await fetch(url, { method: "POST", headers: { authorization: token } })
    assert.strictEqual(unverified.status, 503)
    const ended = once(child, "close")
    child.kill("SIGTERM")
    assert.deepStrictEqual(await ended, [0, null])
  }, 120_000)

  it.each([
    ["--jwks is missing", http],
    ["--jwks is not a URL", [...http, "--jwks", "keys"]],
    ["could be changed on its way", [...http, "--jwks", "http://issuer.example/jwks.json"]],
    ["--issuer is missing", ["--http", "0", ...jwks]],
    ["belong to one user", [...http, ...jwks, "--user", "x"]],
    ["does not know", [...http, ...jwks, "--allow", "all"]],
    ["--user is missing", []]
  ])(
    "is a wrong usage where %s",
    async (said, args) => {
      const child = start("memory", args)
      let stderr = ""
      child.stderr?.on("data", (chunk) => (stderr += chunk))
      const [code] = await once(child, "close")
      assert.strictEqual(code, 2, stderr)
      assert.include(stderr, said)
    },
    120_000
  )
})

it("a port in use is one line that says what to do", async () => {
  const occupied = createServer().listen(0, "127.0.0.1")
  await once(occupied, "listening")
  const address = occupied.address()
  const port = String(typeof address === "object" && address !== null ? address.port : 0)
  const url = "http://127.0.0.1:1/jwks"
  const child = start("memory", ["--http", port, "--issuer", url, "--jwks", url, "--audience", "alex"])
  let stderr = ""
  child.stderr?.on("data", (chunk) => (stderr += chunk))
  const [code] = await once(child, "close")
  occupied.close()
  assert.strictEqual(code, 1, stderr)
  assert.include(stderr, `Can't listen: port ${port} on 127.0.0.1 is in use. Choose another port, or 0`)
  assert.include(stderr, "Run alex-db mcp --help")
}, 120_000)

/** A folder with Alice's and Bob's data. */
class Folder extends Context.Service<
  Folder,
  { readonly directory: string; readonly alice: Person; readonly bob: Person }
>()("test/cli/AttemptsFolder") {
  static readonly layer = Layer.effect(
    Folder,
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "alex-attempts-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const directory = join(folder, "db")
      const people = Effect.gen(function* () {
        yield* migrate()
        return { alice: yield* person("alice"), bob: yield* person("bob") }
      })
      return { directory, ...(yield* Effect.provide(people, databaseIn(directory))) }
    })
  )
}

const databaseIn = (directory: string) =>
  Repositories.layer.pipe(
    Layer.provideMerge(DataApiSql.layer()),
    Layer.provide(LocalDataApi.layer({ dataDir: directory, snapshot: inject("snapshot") }))
  )

layer(Folder.layer, { excludeTestServices: true })("over stdio", (it) => {
  it.effect(
    "no attempt on another user's data succeeds",
    () =>
      Effect.gen(function* () {
        const { alice, bob, directory } = yield* Folder
        const before = yield* Effect.provide(stateOf(bob), databaseIn(directory))
        const tried = attempts(bob)
        yield* Effect.promise(async () => {
          const all = ["--allow", "results,positions,instruments,prices", "--trail", `${directory}.trail`]
          const child = start(directory, ["--user", alice.user, ...all])
          if (child.stdout === null || child.stdin === null) return assert.fail()
          const { stdin } = child
          const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
          const answerTo = async (id: number, method: string, params: object): Promise<string> => {
            stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`)
            return (await lines.next()).value ?? assert.fail("no answer")
          }
          const clientInfo = { name: "test", version: "0" }
          await answerTo(0, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo })
          for (const [index, { args, tool, what }] of tried.entries()) {
            const text = await answerTo(index + 1, "tools/call", { name: tool, arguments: args })
            assert.notInclude(text, bob.mark, what)
          }
          for (const method of ["resources/read", "prompts/get", "completion/complete", "sql"]) {
            assert.notInclude(await answerTo(999, method, { uri: `users://${bob.user}`, name: bob.user }), bob.mark)
          }
          const ended = once(child, "close")
          stdin.end()
          await ended
        })
        assert.strictEqual(yield* Effect.provide(stateOf(bob), databaseIn(directory)), before)
        const trail = (yield* Effect.promise(() => readFile(`${directory}.trail`, "utf8"))).trimEnd().split("\n")
        // What is no tool or has no arguments is refused before it is a call.
        assert.strictEqual(trail.length, tried.filter(({ what }) => !/^(a tool|arguments that are)/.test(what)).length)
        for (const line of trail) assert.deepInclude(JSON.parse(line), { user: alice.user })
        assert.notInclude(trail.join(), bob.account)
        process.stdout.write(`${tried.length + 4} attempts over stdio failed\n`)
      }),
    120_000
  )
})
