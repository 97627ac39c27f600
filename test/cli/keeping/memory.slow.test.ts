/** What a backup and a restore take of memory does not grow with the database. */
import { createReadStream, statSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { describe } from "vitest"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import { target } from "../../clients/ServedDatabase.ts"
import { execute } from "../../operations/TestOperations.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { alexDb, type Ended, folder, peakOf } from "./Processes.ts"

/** MB of rows: with `ALEX_LONG=1` as many as a database of some years has. */
const size = process.env.ALEX_LONG === "1" ? 200 : 20

/** MB that a process may take, whatever it backs up: Node, Effect and the program themselves take about 200. */
const most = 520

const table = `create table notes (id integer primary key, at timestamptz, body text, more jsonb)`

/** Rows of about a kilobyte, none of which packs well. */
const rows = (megabytes: number) => `
  insert into notes select n, '2026-01-01'::timestamptz + n * interval '1 second',
    (select string_agg(md5((n * 100 + i)::text), '') from generate_series(1, 26) i), jsonb_build_object('n', n, 't', md5(n::text))
  from generate_series(1, ${megabytes * 1000}) n`

const ok = (what: string, ended: Ended): number => {
  assert.strictEqual(ended.code, 0, ended.stderr)
  const peak = peakOf(ended)
  process.stdout.write(`${what}: ${size} MB, peak memory ${Math.round(peak)} MB\n`)
  assert.isBelow(peak, most)
  return peak
}

const lines = async (file: string): Promise<number> => {
  let count = 0
  for await (const chunk of createReadStream(file)) {
    for (const octet of chunk) if (octet === 10) count++
  }
  return count
}

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("memory"), () => {
  it.live(
    `${size} MB are backed up, copied and restored in bounded memory, straight and over the Data API`,
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const url = Redacted.value(yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? ""))
        const other = Redacted.value(yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? ""))
        const on = (place: string, ...statements: ReadonlyArray<string>) =>
          execute(...statements).pipe(Effect.provide(PostgresSql.layer({ url: Redacted.make(place) })))
        yield* on(url, table, rows(size))
        yield* on(other, table)
        const { url: endpoint } = yield* HttpServer.make({ port: 0 }).pipe(
          Effect.provide(yield* Layer.build(LocalDataApi.layerPostgres({ url: Redacted.make(other) })))
        )
        const dataApi = {
          AWS_ENDPOINT_URL_RDS_DATA: endpoint,
          AWS_ACCESS_KEY_ID: "local",
          AWS_SECRET_ACCESS_KEY: "local",
          AURORA_CLUSTER_ARN: target.resourceArn,
          AURORA_SECRET_ARN: target.secretArn,
          AURORA_DATABASE: new URL(other).pathname.slice(1)
        }
        const straight = { DATABASE_URL: url }
        const run = (what: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
          Effect.map(alexDb(args, { cwd, env, measure: true }), (ended) => ok(what, ended))
        yield* run("backup of PostgreSQL", ["backup", "a.jsonl", "--schema", "public"], straight)
        assert.isAbove(statSync(join(cwd, "a.jsonl")).size, size * 950_000)
        assert.strictEqual(yield* Effect.promise(() => lines(join(cwd, "a.jsonl"))), size * 1000 + 2)
        yield* run("restore over the Data API", ["restore", "a.jsonl"], dataApi)
        yield* run("backup over the Data API", ["backup", "b.jsonl.gz", "--schema", "public"], dataApi)
        yield* run("restore with --resume", ["restore", "b.jsonl.gz", "--resume", "--replace"], straight)
        yield* run("copy", ["copy", "--schema", "public", "--from", "data-api", "--to", url, "--replace"], dataApi)
      }),
    3_600_000
  )
})
