/** Backups go from every backend to every backend: embedded, PostgreSQL, and the Data API over HTTP in front of each. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import type { SqlClient } from "effect/sql"
import * as HttpDataApi from "../../../src/data-api/aws/HttpDataApi.ts"
import * as RetryPolicy from "../../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import {
  Backup,
  BackupFile,
  BackupReader,
  CopyDatabase,
  Reset,
  Restore,
  Verify
} from "../../../src/operations/index.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import { History } from "../../../src/repository/index.ts"
import { credentials, target } from "../../clients/ServedDatabase.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { around, execute } from "../TestOperations.ts"

const overHttp = (database: string) =>
  DataApiSql.layer().pipe(
    Layer.provide(RetryPolicy.layer()),
    Layer.provide(
      Layer.unwrap(
        Effect.map(HttpServer, ({ url }) =>
          HttpDataApi.layer({
            clusterArn: target.resourceArn,
            secretArn: Redacted.make(target.secretArn),
            database,
            endpoint: url,
            credentials: Effect.succeed({
              accessKeyId: credentials.accessKeyId,
              secretAccessKey: Redacted.make(credentials.secretAccessKey)
            })
          })
        )
      )
    ),
    Layer.provide(HttpServer.layer({ port: 0 }))
  )

const fresh = (sql: (url: Redacted.Redacted) => Layer.Layer<SqlClient.SqlClient, unknown>) =>
  Layer.unwrap(Effect.map(TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "postgres://127.0.0.1"), sql))

const backends = {
  embedded: DataApiSql.layer().pipe(Layer.provide(TestDatabase.layer())),
  "the Data API on embedded": overHttp("alex").pipe(Layer.provide(TestDatabase.layer())),
  ...(TestDatabase.postgresUrl === undefined
    ? {}
    : {
        PostgreSQL: fresh((url) => PostgresSql.layer({ url })),
        "the Data API on PostgreSQL": fresh((url) =>
          overHttp(new URL(Redacted.value(url)).pathname.slice(1)).pipe(
            Layer.provide(LocalDataApi.layerPostgres({ url }))
          )
        )
      })
}

type Name = keyof typeof backends
const names = Object.keys(backends).filter((name): name is Name => name in backends)

type Database = Context.Context<Layer.Success<typeof around> | SqlClient.SqlClient>

class Databases extends Context.Service<Databases, ReadonlyMap<Name, Database>>()("test/backup/Databases") {}

/** One database a backend, all of the same content, which came from the first one. */
const filled = Layer.effect(
  Databases,
  Effect.gen(function* () {
    const databases = new Map<Name, Database>()
    for (const name of names) {
      databases.set(name, yield* Layer.build(Layer.fresh(Layer.merge(backends[name] ?? backends.embedded, around))))
    }
    const [first, ...others] = databases.values()
    if (first === undefined) return databases
    yield* Effect.gen(function* () {
      yield* Reset.reset({ withTestData: true, users: 50, positions: 8 })
      yield* execute(
        `insert into jobs (clerk_user_id, job_type, status, request_payload, report_payload, created_at, updated_at)
         select clerk_user_id, 'portfolio_analysis', 'completed', jsonb_build_object('n', 12345678901234567890.123456789),
           jsonb_build_object('text', repeat(E'Ünïcode \\u2028 "quoted" \\\\ line\\n', 200)), '2026-01-02 03:04:05.678901+00', '2026-01-02'
         from users`,
        `insert into price_history select symbol, '2026-01-02', 12.3456 from instruments`,
        `insert into agent_calls (clerk_user_id, job_id, tool, arguments, outcome, milliseconds, bytes)
         select clerk_user_id, id, 'record_summary', repeat('0f', 32), 'ok', 12, 345 from jobs`
      )
      const history = yield* History.use(({ snapshot }) => snapshot()).pipe(Effect.provide(History.layer))
      assert.isAbove(history, 50)
    }).pipe(Effect.provideContext(first))
    for (const other of others) {
      const { migrated } = yield* CopyDatabase.copy(first).pipe(Effect.provideContext(other))
      assert.isAbove(migrated.length, 5)
    }
    return databases
  })
)

describe(
  TestDatabase.postgresUrl === undefined ? TestDatabase.onPostgres("two backends of four") : "pairs of backends",
  () => {
    layer(filled, { excludeTestServices: true, timeout: 120_000 })((it) => {
      for (const from of names) {
        for (const to of names) {
          it.effect(`${from} to ${to}: a copy, and a backup that is restored, have the same counts and hashes`, () =>
            Effect.gen(function* () {
              const databases = yield* Databases
              const source = databases.get(from)
              const place = databases.get(to)
              if (source === undefined || place === undefined) return assert.fail("no database")
              const folder = mkdtempSync(join(tmpdir(), "alex-pairs-"))
              yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
              const file = join(folder, "alex.jsonl.gz")
              const written = yield* Backup.backup(file).pipe(Effect.provideContext(source))
              const restored = yield* Effect.gen(function* () {
                const backup = yield* BackupReader.read(file, BackupFile.bytesOf(file))
                return yield* Restore.restore(backup, { replace: true })
              }).pipe(Effect.provideContext(place))
              assert.deepStrictEqual(restored.tables, written.tables)
              const rows = Object.fromEntries(restored.tables.map((table) => [table.name, table.rows]))
              assert.deepInclude(rows, { users: 51, accounts: 153, positions: 405, jobs: 51, price_history: 22 })
              if (from === to) return
              const copied = yield* CopyDatabase.copy(source, { replace: true }).pipe(Effect.provideContext(place))
              assert.deepStrictEqual(copied.tables, written.tables)
              assert.deepStrictEqual(
                copied.replaced.map(({ rows }) => rows),
                written.tables.map((table) => table.rows)
              )
              const verified = yield* Verify.verify().pipe(Effect.provideContext(place))
              assert.isTrue(verified.ok, JSON.stringify(verified))
            })
          )
        }
      }
    })
  }
)
