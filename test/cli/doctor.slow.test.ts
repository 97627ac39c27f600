/** `alex-db doctor`: what it says is wrong, and that its next commands lead to a database with which all is well. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestConsole } from "effect/testing"
import { run } from "../../src/cli/run.ts"
import * as DbLayer from "../../src/DbLayer.ts"
import { originalDatabase } from "../operations/OriginalDatabase.ts"
import * as TestDatabase from "../TestDatabase.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const made = mkdtempSync(join(tmpdir(), "alex-doctor-"))
    writeFileSync(join(made, "empty.env"), "")
    return made
  }),
  (made) => Effect.sync(() => rmSync(made, { recursive: true }))
)

type Variables = Readonly<Record<string, string>>

const alexDb = Effect.fnUntraced(function* (home: string, variables: Variables, args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  const exit = yield* run([...args, "--dotenv", join(home, "empty.env")]).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(variables)),
    Effect.exit
  )
  const failure = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  const out = (yield* TestConsole.logLines).slice(before).map(String).join("\n")
  return { code: failure?._tag === "Fail" ? failure.error.code : 0, out }
})

const examined = Effect.fnUntraced(function* (home: string, variables: Variables) {
  const { code, out } = yield* alexDb(home, variables, ["doctor", "--json"])
  return { code, report: JSON.parse(out) }
})

/** What an operator does who reads the next step: looks, and then lets it happen. */
const done = (command: string): ReadonlyArray<string> =>
  command
    .replace(/^alex-db /, "")
    .replace("migrate plan", "migrate")
    .replace("--dry-run", "--yes")
    .split(" ")

const situations: ReadonlyArray<{
  readonly what: string
  readonly there: ReadonlyArray<string>
  readonly first: string
  /** Goes on with what it says until all is well. */
  readonly follow?: true
}> = [
  { what: "an empty database", there: [], first: "alex-db migrate plan" },
  { what: "the original module's", there: originalDatabase, first: "alex-db migrate plan", follow: true },
  { what: "a table less", there: ["migrate", "drop table price_history"], first: "alex-db repair --dry-run" },
  { what: "an index less", there: ["migrate", "drop index idx_jobs_status"], first: "alex-db repair --dry-run" },
  {
    what: "a foreign policy",
    there: ["migrate", "create policy mine on users using (true)"],
    first: "alex-db repair --drift --dry-run",
    follow: true
  },
  { what: "no instruments", there: ["migrate"], first: "alex-db seed" },
  {
    what: "a job that hangs",
    there: [
      "migrate",
      "insert into users (clerk_user_id) values ('user_1')",
      "insert into jobs (clerk_user_id, job_type, status, started_at) values ('user_1', 'x', 'running', now() - interval '2 hours')"
    ],
    first: "alex-db jobs list --stuck"
  }
]

// Commands wait for real time.
layer(TestConsole.layer, { timeout: "120 seconds", excludeTestServices: true })("alex-db doctor", (it) => {
  for (const { first, follow, there, what } of situations) {
    it.effect.skipIf(TestDatabase.postgresUrl === undefined)(
      TestDatabase.onPostgres(
        `on ${what} says the next command${follow === true ? ", and so on until all is well" : ""}`
      ),
      () =>
        Effect.gen(function* () {
          const home = yield* folder
          const url = yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "")
          const variables = { DATABASE_URL: Redacted.value(url) }
          for (const statement of there) {
            if (statement === "migrate") yield* alexDb(home, variables, ["migrate"])
            else {
              yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement)).pipe(
                Effect.provide(DbLayer.layerPostgres),
                Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(variables))
              )
            }
          }
          const { code, report } = yield* examined(home, variables)
          assert.strictEqual(report.next.command, first)
          assert.strictEqual(code, report.ok ? 0 : 3)
          const text = yield* alexDb(home, variables, ["doctor"])
          assert.match(text.out, new RegExp(`\nNext: ${first}$`))
          assert.isAtMost(text.out.split("\n").length, 24)
          if (follow !== true) return
          for (let steps = 0; ; steps++) {
            const { next, ok } = (yield* examined(home, variables)).report
            if (next === null) return assert.isTrue(ok)
            assert.isBelow(steps, 4, JSON.stringify(next))
            yield* alexDb(home, variables, done(next.command))
          }
        }),
      120_000
    )
  }

  it.effect(
    "where nothing answers says what to fix, and where the tables are another's sends nobody to migrate",
    () =>
      Effect.gen(function* () {
        const home = yield* folder
        const silent = yield* examined(home, { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" })
        assert.strictEqual(silent.code, 3)
        assert.match(silent.report.next.fix, /Start PostgreSQL there/)
        assert.isNull(silent.report.check.reachable)
        const variables = { ALEX_DB_DIR: join(home, "db"), ALEX_DB_BACKEND: "embedded" }
        yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table users (id integer)`).pipe(
          Effect.provide(DbLayer.layerEmbedded({ directory: join(home, "db") }))
        )
        const foreign = yield* examined(home, variables)
        assert.match(foreign.report.next.why, /the table "users" is another application's/)
        assert.isNull(foreign.report.next.command, "check has nothing to add")
      }),
    120_000
  )

  it.effect(
    "is followed by a plan that names all that is in the way, and no statement that there is not",
    () =>
      Effect.gen(function* () {
        const home = yield* folder
        yield* Effect.flatMap(SqlClient.SqlClient, (sql) =>
          Effect.forEach(
            [
              ...originalDatabase,
              "create table dated (created_at timestamp)",
              "alter table users inherit dated",
              "alter table jobs drop constraint jobs_pkey",
              "create view jobs_pkey as select 1 as one"
            ],
            (statement) => sql.unsafe(statement)
          )
        ).pipe(Effect.provide(DbLayer.layerEmbedded({ directory: join(home, "db") })))
        const { code, out } = yield* alexDb(home, { ALEX_DB_DIR: join(home, "db") }, ["migrate", "plan"])
        assert.strictEqual(code, 3)
        assert.include(out, "-- in the way: view jobs_pkey has the name of the key PRIMARY KEY (id)")
        assert.include(out, "-- run this before:\nALTER TABLE users NO INHERIT dated;\n")
        assert.notInclude(out, "afterwards")
      }),
    120_000
  )

  it.effect(
    "on the embedded database goes from nothing to well",
    () =>
      Effect.gen(function* () {
        const home = yield* folder
        const variables = { ALEX_DB_DIR: join(home, "db") }
        for (const expected of ["alex-db migrate plan", "alex-db seed", null]) {
          const { next } = (yield* examined(home, variables)).report
          assert.strictEqual(next?.command ?? null, expected)
          if (next !== null) yield* alexDb(home, variables, done(next.command))
        }
        const text = yield* alexDb(home, variables, ["doctor"])
        assert.deepStrictEqual([text.code, text.out.split("\n").at(-1)], [0, "All is well: nothing to do."])
        yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create view kept as select 1 as one`).pipe(
          Effect.provide(DbLayer.layerEmbedded({ directory: join(home, "db") }))
        )
        const left = "Not changed, because no migration creates them: view kept. "
        const repaired = yield* alexDb(home, variables, ["repair", "--yes"])
        assert.include(repaired.out, `${left}alex-db repair --drift drops those`)
        const drift = yield* alexDb(home, variables, ["repair", "--drift", "--yes"])
        assert.include(drift.out, `${left}They hold data or do not affect Alex's rows, and no command drops them.`)
        assert.notInclude(drift.out, "--drift")
      }),
    120_000
  )
})
