/**
 * The original module itself, which `ORIGINAL_MODULE` names the folder of: before and after its database is adopted,
 * after its own reset, and adopted again. It is not part of this repository.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll } from "vitest"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { Drift, Migrate } from "../../src/operations/index.ts"
import { around } from "../operations/TestOperations.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { runProgram } from "./program.ts"
import { credentials, region, target } from "./ServedDatabase.ts"

const module = process.env.ORIGINAL_MODULE
if (module === undefined) process.stderr.write("SKIPPED: the original module (ORIGINAL_MODULE is not set)\n")

let uv = ""
beforeAll(() => {
  // What the module runs its own scripts by.
  uv = mkdtempSync(join(tmpdir(), "alex-uv-"))
  writeFileSync(join(uv, "uv"), '#!/bin/sh\nshift\nexec python3 "$@"\n')
  chmodSync(join(uv, "uv"), 0o755)
})
afterAll(() => rmSync(uv, { recursive: true }))

const python = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { url } = yield* HttpServer
  const within = ["-c", 'cd "$0" && exec python3 "$@"', module ?? ""]
  const { code, stderr, stdout } = yield* runProgram("sh", [...within, ...args], {
    PATH: `${uv}${delimiter}${process.env.PATH}`,
    AWS_ENDPOINT_URL_RDS_DATA: url,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AURORA_CLUSTER_ARN: target.resourceArn,
    AURORA_SECRET_ARN: target.secretArn,
    AURORA_DATABASE: target.database,
    DEFAULT_AWS_REGION: region
  })
  assert.strictEqual(code, 0, stdout + stderr)
  return stdout
})

const works = Effect.fnUntraced(function* (name: string) {
  const script = new URL("./original_module.py", import.meta.url).pathname
  assert.deepStrictEqual(JSON.parse(yield* python(script, name)), {
    user: "Ünï",
    accounts: [["IRA", "1.50"]],
    positions: [["SPY", "11.00000000"]],
    worth: 1,
    job: ["completed", { content: "# summary" }, true],
    instruments: 22,
    found: "SPY"
  })
})

const served = HttpServer.layer({ port: 0 }).pipe(
  Layer.merge(DataApiSql.layer()),
  Layer.provide(TestDatabase.layer()),
  Layer.merge(around)
)

describe.skipIf(module === undefined)("the original module", () => {
  it.live(
    "works before and after adoption, after its own reset, and adopted again",
    () =>
      Effect.gen(function* () {
        yield* python("reset_db.py", "--with-test-data")
        yield* works("before")
        assert.lengthOf((yield* Migrate.migrate()).adopted, 5)
        yield* works("adopted")
        yield* python("run_migrations.py")
        yield* python("seed_data.py")
        assert.deepStrictEqual(
          (yield* Drift.drift()).filter(({ kind }) => kind !== "unexpected"),
          []
        )
        yield* python("reset_db.py", "--with-test-data")
        yield* works("reset")
        assert.lengthOf((yield* Migrate.migrate()).adopted, 5)
        yield* works("again")
        assert.deepStrictEqual(
          (yield* Drift.drift()).filter(({ kind }) => kind !== "unexpected"),
          []
        )
      }).pipe(Effect.provide(served)),
    300_000
  )
})
