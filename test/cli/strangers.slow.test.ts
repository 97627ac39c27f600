/** What commands say and do where another application's tables have the names of Alex's. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestConsole } from "effect/testing"
import { inject } from "vitest"
import { run } from "../../src/cli/run.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "alex-strangers-"))
    writeFileSync(join(path, "empty.env"), "")
    return path
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Runs SQL in a folder's database, while no command has it open. */
const onFolder = <A, E>(path: string, work: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
  Effect.flatMap(SqlClient.SqlClient, work).pipe(
    Effect.provide(
      DataApiSql.layer().pipe(
        Layer.provide(
          LocalDataApi.layer({ dataDir: join(path, "db"), snapshot: inject("snapshot"), durability: "fast" })
        )
      )
    )
  )

const alexDb = Effect.fnUntraced(function* (path: string, command: string) {
  const before = { log: (yield* TestConsole.logLines).length, error: (yield* TestConsole.errorLines).length }
  const exit = yield* run([...command.split(" "), "--json", "--dotenv", join(path, "empty.env")]).pipe(
    Effect.provideService(
      ConfigProvider.ConfigProvider,
      ConfigProvider.fromEnvRecord({ ALEX_DB_DIR: join(path, "db") })
    ),
    Effect.exit
  )
  const failure = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  return {
    code: failure?._tag === "Fail" ? failure.error.code : failure === undefined ? 0 : -1,
    out: (yield* TestConsole.logLines).slice(before.log).map(String).join("\n"),
    err: (yield* TestConsole.errorLines).slice(before.error).map(String).join("\n")
  }
})

/** Tables of a shop's call centre, and of an application whose users have the same id and little else. */
const strangers = [
  [
    "create table users (id bigserial primary key, email text)",
    "create table accounts (id bigserial primary key, user_id bigint)",
    "create table jobs (id bigserial primary key, queue text, status text)",
    "create table positions (id bigserial primary key, title text)",
    "create table instruments (id bigserial primary key, name text)",
    "create table agent_calls (id bigserial primary key, phone text, called_at timestamptz)",
    "insert into agent_calls (phone, called_at) values ('1', now() - interval '1 year')"
  ],
  [
    "create table users (clerk_user_id varchar(255) primary key, email text)",
    "create table jobs (id uuid primary key, clerk_user_id text, status text, started_at timestamptz, error_message text)",
    "create table agent_calls (id bigserial primary key, phone text, called_at timestamptz)",
    "insert into agent_calls (phone, called_at) values ('1', now() - interval '1 year')"
  ]
]

const id = "00000000-0000-4000-8000-000000000000"

const commands = [
  "seed",
  "seed --dry-run",
  "jobs list",
  "jobs requeue --stuck",
  `jobs requeue ${id}`,
  `jobs cancel ${id}`,
  "snapshot",
  "agent-calls",
  "agent-calls --prune 90d"
]

it.effect.each(strangers.map((tables, index) => ({ tables, index })))(
  "no command advises to migrate another application's tables, or changes them: $index",
  ({ tables }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        yield* onFolder(path, (sql) => Effect.forEach(tables, (statement) => sql.unsafe(statement)))
        for (const command of ["verify", "verify --validate", "verify --skip-drift"]) {
          const { code, out } = yield* alexDb(path, command)
          assert.strictEqual(code, 3, command)
          const { drift, findings, tables } = JSON.parse(out)
          assert.deepStrictEqual({ drift, tables }, { drift: null, tables: [] }, command)
          for (const { message } of findings)
            assert.match(message, /^the table "\w+" is another application's: /, command)
        }
        yield* alexDb(path, `verify --html ${join(path, "page.html")}`)
        const page = readFileSync(join(path, "page.html"), "utf8")
        assert.match(page, /<p class="next">Name a database of Alex(?:&#39;|')s own in DATABASE_URL[^<]*<\/p>/)
        for (const command of ["migrate plan", "migrate plan --try"]) {
          const { code, out } = yield* alexDb(path, command)
          assert.strictEqual(code, 3, command)
          assert.include(JSON.parse(out), { ok: false, code: "migration-refused" }, command)
        }
        for (const command of commands) {
          const { code, err, out } = yield* alexDb(path, command)
          assert.strictEqual(code, 1, `${command}: ${out}`)
          assert.include(JSON.parse(out), { ok: false, code: "foreign" }, command)
          assert.match(err, /"alex" at \S+: the table "\w+" is another application's: /, command)
          assert.notInclude(err, "alex-db migrate", command)
        }
        const [{ left = 0 } = {}] = yield* onFolder(
          path,
          (sql) => sql<{ readonly left: number }>`select count(*)::int as left from agent_calls`
        )
        assert.strictEqual(left, 1)
      })
    ),
  120_000
)

it.effect(
  "a job that the database itself refuses is refused in the database's words, and fails the command where each is",
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        assert.strictEqual((yield* alexDb(path, "reset --with-test-data")).code, 0)
        const ids = yield* onFolder(path, (sql) =>
          Effect.gen(function* () {
            yield* sql`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$`
            const rows = yield* sql<{ readonly id: string }>`
              insert into jobs (clerk_user_id, job_type) values ('test_user_001', 'portfolio_analysis'), ('test_user_001', 'portfolio_analysis')
              returning id::text`
            yield* sql.unsafe(
              `create trigger refuse before update on jobs for each row when (old.id = '${rows[0]?.id}') execute function refuse()`
            )
            return rows.map((row) => row.id)
          })
        )
        const one = yield* alexDb(path, `jobs cancel ${ids[0]}`)
        assert.strictEqual(one.code, 1)
        assert.deepInclude(JSON.parse(one.out), { ok: false, code: "raised" })
        const both = yield* alexDb(path, `jobs cancel ${ids.join(" ")}`)
        assert.strictEqual(both.code, 3)
        assert.deepStrictEqual(JSON.parse(both.out).jobs, [
          { id: ids[0], status: null, refused: "not this one" },
          { id: ids[1], status: "cancelled", refused: null }
        ])
      })
    ),
  60_000
)
