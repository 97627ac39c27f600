/** The protocol's own conformance suite, in front of the server over HTTP. Scenarios that call tools of its own are left out. */
import { execFile } from "node:child_process"
import { createServer, request, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { serve } from "../../src/agent/mcp/http/McpHttp.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { person } from "../agent/People.ts"
import { audience, Issuer, issuer } from "../agent/TokenIssuer.ts"
import { installed } from "../package/installed.ts"
import { embedded } from "../repository/TestRepositories.ts"

const packages = await installed("agentClients")

const scenarios = [
  "server-initialize",
  "ping",
  "logging-set-level",
  "tools-list",
  "resources-list",
  "prompts-list",
  "server-sse-polling",
  "server-sse-multiple-streams",
  "dns-rebinding-protection"
]

/** Passes on requests with a token, which the suite does not send. */
const withToken = (to: URL, token: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: URL; readonly server: Server }>((resume) => {
      const server = createServer((asked, answer) => {
        const headers = { ...asked.headers, authorization: `Bearer ${token}` }
        const passed = request(to, { method: asked.method, headers }, (answered) => {
          answer.writeHead(answered.statusCode ?? 502, answered.headers)
          answered.pipe(answer)
        })
        passed.on("error", () => answer.destroy())
        asked.pipe(passed)
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ url: new URL(to.pathname, `http://127.0.0.1:${port}`), server }))
      })
    }),
    ({ server }) => Effect.sync(() => server.closeAllConnections())
  )

/** What the suite says of a scenario, and its exit code. */
const run = (url: URL, scenario: string) =>
  Effect.callback<{ readonly code: number | null; readonly said: string }>((resume) => {
    const suite = join(packages ?? "", "node_modules/@modelcontextprotocol/conformance/dist/index.js")
    const child = execFile(
      process.execPath,
      [suite, "server", "--url", url.href, "--scenario", scenario],
      { timeout: 100_000 },
      (_, stdout, stderr) => resume(Effect.succeed({ code: child.exitCode, said: stdout + stderr }))
    )
  })

layer(Layer.provideMerge(Issuer.layer, embedded), { excludeTestServices: true })(
  "the conformance suite of MCP",
  (it) => {
    for (const scenario of scenarios)
      it.effect.skipIf(packages === undefined)(`finds no failure in ${scenario}`, () =>
        Effect.gen(function* () {
          const { jwks, token } = yield* Issuer
          const { user } = yield* person("conforming")
          const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
          const server = yield* serve({
            database: Layer.succeedContext(context),
            granted: new Set(grants),
            version: "0",
            host: "127.0.0.1",
            port: 0,
            identity: { jwks, issuer, claim: "sub", audience }
          })
          const { url } = yield* withToken(server, yield* Effect.promise(() => token(user)))
          const { code, said } = yield* run(url, scenario)
          assert.match(said, /Passed: \d+\/\d+, 0 failed/)
          assert.strictEqual(code, 0, said)
        }).pipe(Effect.scoped)
      )
  }
)
