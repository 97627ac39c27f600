import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { build } from "esbuild"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { Reset, Target } from "../../src/operations/index.ts"
import * as Repository from "../../src/repository/index.ts"
import { runProgram } from "../clients/program.ts"
import { region, target } from "../clients/ServedDatabase.ts"
import * as TestDatabase from "../TestDatabase.ts"

const bundled = Effect.fnUntraced(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-lambda-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const { metafile } = yield* Effect.promise(() =>
    build({
      entryPoints: [fileURLToPath(new URL("./LambdaHandler.ts", import.meta.url))],
      outfile: join(folder, "index.mjs"),
      bundle: true,
      platform: "node",
      target: "node22",
      format: "esm",
      minify: true,
      metafile: true,
      logLevel: "silent",
      // Lambda's runtime has it.
      external: ["@aws-sdk/*"]
    })
  )
  const [output] = Object.values(metafile.outputs)
  const inputs = Object.entries(output?.inputs ?? {}).flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [path] : []
  )
  return { folder, inputs }
})

/** The service's database behind the local Data API, migrated and with the test user in it. */
const served = Layer.effectDiscard(
  Reset.reset({ withTestData: true }).pipe(
    Effect.provide(Repository.layer.pipe(Layer.provideMerge(DataApiSql.layer()))),
    Effect.provideService(Target, { backend: "embedded", database: "alex", location: "memory", isLocal: true })
  )
).pipe(
  Layer.provideMerge(HttpServer.layer({ port: 0 })),
  Layer.provideMerge(TestDatabase.layer()),
  Layer.provide(NodeServices.layer)
)

it.live(
  "a Lambda handler, bundled without PGlite, local server and command line, reads a portfolio",
  () =>
    Effect.gen(function* () {
      const { folder, inputs } = yield* bundled()
      assert.isAbove(inputs.length, 100)
      assert.deepStrictEqual(
        inputs.filter((path) => /pglite|sql-pg\/|src\/(local|cli)\//.test(path)),
        []
      )

      const { url } = yield* HttpServer
      const events = [{ clerk_user_id: "test_user_001" }, { clerk_user_id: "nobody" }]
      writeFileSync(
        join(folder, "invoke.mjs"),
        `import { handler } from "./index.mjs"
       const answers = []
       for (const event of ${JSON.stringify(events)}) answers.push(await handler(event))
       console.log("ANSWERS " + JSON.stringify(answers))
       process.exit(0)`
      )
      const { code, stderr, stdout } = yield* runProgram(process.execPath, [join(folder, "invoke.mjs")], {
        AURORA_CLUSTER_ARN: target.resourceArn,
        AURORA_SECRET_ARN: target.secretArn,
        AURORA_DATABASE: "alex",
        DEFAULT_AWS_REGION: region,
        AWS_ENDPOINT_URL_RDS_DATA: url,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local"
      })
      assert.strictEqual(code, 0, stderr)
      const answers = JSON.parse(/^ANSWERS (.*)$/m.exec(stdout)?.[1] ?? "[]")
      assert.strictEqual(answers[0].statusCode, 200)
      assert.match(JSON.parse(answers[0].body).total, /^\d+(\.\d+)?$/)
      assert.strictEqual(answers[1].statusCode, 404)
    }).pipe(Effect.scoped, Effect.provide(served)),
  120_000
)
