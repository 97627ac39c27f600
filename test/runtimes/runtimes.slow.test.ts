/**
 * The driver in Bun, Deno and Cloudflare's workerd: the contract of the repositories and the did-it-run cases over HTTP to
 * a server here, the embedded database where there are files, and bundles without a module of Node's.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, type RequestListener } from "node:http"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { pathToFileURL } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { build } from "esbuild"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { any } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { Migrate, Target } from "../../src/operations/index.ts"
import { project, run } from "../bundlers/Project.ts"
import { runProgram } from "../clients/program.ts"
import { hasOpenssl, tlsServer } from "../data-api/aws/TlsServer.ts"
import { listening } from "../listening.ts"
import { installed } from "../package/installed.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { type Places, type Report, secretKey } from "./suite.ts"

const tools = await installed("runtimes")

/** A server that does one thing with every request. */
const serving = (listener: RequestListener) =>
  Effect.map(
    listening(() => createServer(listener)),
    (port) => `http://127.0.0.1:${port}`
  )

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-runtime-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** The servers that a runtime is sent to, each with a database of its own. */
const places = Effect.gen(function* () {
  const { url } = yield* HttpServer.make({ port: 0, clusters: any(Redacted.make(secretKey)) })
  return {
    url,
    lossy: yield* serving((request) => request.on("data", () => {}).on("end", () => request.socket.destroy())),
    page: yield* serving((request, response) => {
      request.resume()
      response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>")
    }),
    closed: yield* Effect.scoped(serving(() => {}))
  } satisfies Places
})

/** A migrated database behind the local Data API. */
const migrated = Layer.effectDiscard(
  Migrate.migrate().pipe(
    Effect.provide(DataApiSql.layer()),
    Effect.provideService(Target, { backend: "embedded", database: "alex", location: "memory", isLocal: true })
  )
).pipe(Layer.provideMerge(TestDatabase.layer()), Layer.provide(NodeServices.layer))

/** One file with everything in it, for a runtime. */
const bundled = (into: string, entry: string, platform: "node" | "neutral") =>
  Effect.promise(async () => {
    const outfile = join(into, `${basename(entry)}.mjs`)
    await build({
      entryPoints: [join(import.meta.dirname, `${entry}.ts`)],
      outfile,
      bundle: true,
      format: "esm",
      platform,
      target: "es2022",
      conditions: platform === "neutral" ? ["workerd", "worker", "browser"] : [],
      mainFields: ["module", "main"],
      external: platform === "node" ? ["@aws-sdk/*"] : [],
      // The contract asks vitest for its assertions only.
      alias: { "@effect/vitest": join(import.meta.dirname, "assertions.ts") },
      logLevel: "error"
    })
    return outfile
  })

const assertWhole = (runtime: string, version: string, { failed, passed }: Report) => {
  process.stdout.write(`${runtime} ${version.trim()}: ${passed.length} passed, ${failed.length} failed\n`)
  assert.deepStrictEqual(failed, [])
  assert.isAbove(passed.length, 15)
}

const others = [
  { name: "Bun", bin: "bun", args: ["run"] },
  { name: "Deno", bin: "deno", args: ["run", "--allow-all", "--no-check"] }
] as const

describe.skipIf(tools === undefined)("JavaScript's other runtimes", () => {
  const bin = (name: string) => join(tools ?? "", "node_modules", ".bin", name)

  for (const { args, bin: name, name: runtime } of others) {
    it.live(
      `${runtime} keeps the contract over HTTP, and says of each failure whether it ran`,
      () =>
        Effect.gen(function* () {
          const file = yield* bundled(yield* folder, "server", "node")
          const { stdout: version } = yield* runProgram(bin(name), ["--version"])
          const servers = JSON.stringify(yield* places)
          const { stderr, stdout } = yield* runProgram(bin(name), [...args, file, servers])
          const report: Report = JSON.parse(/^REPORT (.*)$/m.exec(stdout)?.[1] ?? assert.fail(stdout + stderr))
          assertWhole(runtime, version.split("\n")[0] ?? "", report)
        }).pipe(Effect.scoped, Effect.provide(migrated)),
      120_000
    )

    it.live.skipIf(!hasOpenssl)(
      `${runtime} calls over TLS, and trusts a certificate by its name only`,
      () =>
        Effect.gen(function* () {
          const file = yield* bundled(yield* folder, "../data-api/aws/TlsCalls", "node")
          const { args: serverArgs, trust } = yield* tlsServer
          const { stderr, stdout } = yield* runProgram(bin(name), [...args, file, ...serverArgs], trust)
          assert.deepStrictEqual(
            JSON.parse(stdout || "[]"),
            ["answer", "answer", "ERR_TLS_CERT_ALTNAME_INVALID"],
            stderr
          )
        }).pipe(Effect.scoped),
      120_000
    )

    it.live(
      `${runtime} opens the embedded database, and finds what it wrote`,
      () =>
        Effect.gen(function* () {
          const database = join(yield* folder, "database")
          const program = join(import.meta.dirname, "embedded.ts")
          const { stderr, stdout } = yield* runProgram(bin(name), [...args, program, database])
          assert.strictEqual(/^ROWS (.*)$/m.exec(stdout)?.[1], '[["bigint","1","2.50"]]', stdout + stderr)
        }).pipe(Effect.scoped),
      120_000
    )
  }

  it.live(
    "workerd keeps the contract over HTTP by fetch, and says of each failure whether it ran",
    () =>
      Effect.gen(function* () {
        const file = yield* bundled(yield* folder, "worker", "neutral")
        const servers = yield* places
        const { Miniflare } = yield* Effect.promise(
          () => import(pathToFileURL(join(tools ?? "", "node_modules/miniflare/dist/src/index.js")).href)
        )
        const worker = yield* Effect.acquireRelease(
          Effect.sync(
            () => new Miniflare({ modules: true, script: readFileSync(file, "utf8"), compatibilityDate: "2026-07-01" })
          ),
          (running) => Effect.promise(() => running.dispose())
        )
        const report: Report = yield* Effect.promise(async () => {
          const response = await worker.dispatchFetch("http://worker/", {
            method: "POST",
            body: JSON.stringify(servers)
          })
          return response.status === 200 ? response.json() : { passed: [], failed: [await response.text()] }
        })
        const version = yield* Effect.promise(() => run(tools ?? "", bin("workerd"), ["--version"]))
        assertWhole("workerd", version, report)
      }).pipe(Effect.scoped, Effect.provide(migrated)),
    120_000
  )
})

class Folder extends Context.Service<Folder, string>()("test/Folder") {
  static readonly layer = Layer.effect(Folder, project)
}

layer(Folder.layer, { timeout: 120_000 })("a bundle for a runtime without Node", (it) => {
  const program = `
    import { Effect } from "effect"
    import { Portfolios, Users } from "alex-database"
    import * as DbLayer from "alex-database/DbLayer"
    import { DataApiClient, HttpDataApi } from "alex-database/data-api"
    export const users = Effect.flatMap(Users, (users) => users.list()).pipe(Effect.provide(DbLayer.layerDataApi))
    export const parts = { DataApiClient, HttpDataApi, Portfolios }`

  for (const condition of ["workerd", "edge-light", "browser"]) {
    it.effect(`has no module of Node's by the condition ${condition}, and no AWS SDK, PGlite or socket`, () =>
      Effect.gen(function* () {
        const home = yield* Folder
        const { metafile, outputFiles } = yield* Effect.promise(() =>
          build({
            stdin: { contents: program, resolveDir: home, loader: "js" },
            bundle: true,
            write: false,
            metafile: true,
            format: "esm",
            platform: "neutral",
            mainFields: ["module", "main"],
            conditions: [condition],
            logLevel: "error"
          })
        )
        const inputs = Object.keys(metafile.inputs)
        assert.isAbove(inputs.length, 100)
        assert.deepStrictEqual(
          inputs.filter((path) => /@aws-sdk|@smithy|@electric-sql|@effect\/sql-pg|platform-node|\/local\//.test(path)),
          []
        )
        const text = outputFiles.map((file) => file.text).join("")
        assert.notMatch(text, /(?:from|import|require)\s*\(?\s*["'](?:node:|fs|net|http|https|tls|crypto|os)/)
      })
    )
  }

  it.effect("says in a browser that a page has no credentials, and what to do", () =>
    Effect.gen(function* () {
      const home = yield* Folder
      const call = `
        globalThis.document = {}
        const { Effect, Redacted } = await import("effect")
        const { DataApi, HttpDataApi } = await import("alex-database/data-api/fetch")
        const layer = HttpDataApi.layer({ clusterArn: "arn:aws:rds:us-east-1:1:cluster:a", secretArn: Redacted.make("s") })
        const call = Effect.flatMap(DataApi, (api) => api.executeStatement({ sql: "select 1" }))
        console.log(await Effect.runPromise(Effect.flip(Effect.provide(call, layer)).pipe(Effect.map(String))))`
      const env = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" }
      const said = yield* Effect.promise(() =>
        run(home, process.execPath, ["--input-type=module", "--eval", call], env)
      )
      assert.include(said, "A page in a browser has no AWS credentials")
    })
  )
})
