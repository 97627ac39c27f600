/**
 * The original module itself, which `ORIGINAL_MODULE` names the folder of: before and after its database is adopted,
 * after its own reset, and adopted again. It is not part of this repository.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { afterAll, beforeAll } from "vitest"
import type { DataApi } from "../../src/data-api/DataApi.ts"
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
  const sql = yield* SqlClient.SqlClient
  const [database] = yield* sql<{ readonly name: string }>`select current_database()::text as name`
  const within = ["-c", 'cd "$0" && exec python3 "$@"', module ?? ""]
  const { code, stderr, stdout } = yield* runProgram("sh", [...within, ...args], {
    PATH: `${uv}${delimiter}${process.env.PATH}`,
    AWS_ENDPOINT_URL_RDS_DATA: url,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AURORA_CLUSTER_ARN: target.resourceArn,
    AURORA_SECRET_ARN: target.secretArn,
    AURORA_DATABASE: database?.name ?? "",
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

/** What stands in every table, but for moments, whose type an adoption changes. */
const rows = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    select (select jsonb_agg(to_jsonb(u) - '{created_at,updated_at}'::text[] order by clerk_user_id) from users u) users,
      (select jsonb_agg(to_jsonb(a) - '{created_at,updated_at}'::text[] order by id) from accounts a) accounts,
      (select jsonb_agg(to_jsonb(p) - '{created_at,updated_at}'::text[] order by id) from positions p) positions,
      (select jsonb_agg(to_jsonb(i) - '{created_at,updated_at}'::text[] order by symbol) from instruments i) instruments,
      (select jsonb_agg(to_jsonb(j) - '{created_at,updated_at,started_at,completed_at,attempts,lease_until}'::text[] order by id)
        from jobs j) jobs`
})

const adopt = Effect.gen(function* () {
  const before = yield* rows
  assert.lengthOf((yield* Migrate.migrate()).adopted, 5)
  assert.deepStrictEqual(yield* rows, before)
})

const isContent = Effect.gen(function* () {
  assert.deepStrictEqual(
    (yield* Drift.drift()).filter(({ kind }) => kind !== "unexpected"),
    []
  )
})

const lifetime = Effect.gen(function* () {
  yield* python("reset_db.py", "--with-test-data")
  yield* works("before")
  yield* adopt
  yield* works("adopted")
  yield* python("run_migrations.py")
  yield* python("seed_data.py")
  yield* isContent
  yield* python("reset_db.py", "--with-test-data")
  yield* works("reset")
  yield* adopt
  yield* works("again")
  yield* isContent
})

const served = <E>(database: Layer.Layer<DataApi, E>) =>
  HttpServer.layer({ port: 0 }).pipe(Layer.merge(DataApiSql.layer()), Layer.provide(database), Layer.merge(around))

describe.skipIf(module === undefined)("the original module", () => {
  it.live(
    "works before and after adoption, after its own reset, and adopted again, on the embedded database",
    () => Effect.provide(lifetime, served(TestDatabase.layer())),
    300_000
  )

  it.live.skipIf(TestDatabase.postgresUrl === undefined)(
    TestDatabase.onPostgres("works before and after adoption, after its own reset, and adopted again, on PostgreSQL"),
    () => Effect.provide(lifetime, served(TestDatabase.layerPostgres(TestDatabase.postgresUrl ?? ""))),
    300_000
  )
})
