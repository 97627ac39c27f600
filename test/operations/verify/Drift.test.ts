import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { describe } from "vitest"
import { splitStatements } from "../../../src/data-api/statement/SqlLexer.ts"
import { Drift, Migrate, Repair } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { embedded, execute, postgres, undone } from "../TestOperations.ts"

/** What was done to a database by hand, and the one line that must say so. */
const byHand: ReadonlyArray<{ readonly sql: string; readonly line: string | RegExp }> = [
  { sql: "drop index idx_jobs_status", line: "missing: index jobs.idx_jobs_status" },
  { sql: "create index extra on users (display_name)", line: "unexpected: index users.extra" },
  {
    sql: "drop index idx_jobs_user; create index idx_jobs_user on jobs (status)",
    line: /^different: index jobs\.idx_jobs_user: expected .*\(clerk_user_id\), found .*\(status\)$/
  },
  {
    sql: "alter table accounts alter column cash_balance set default 5",
    line: /^different: column accounts\.cash_balance: expected .* default 0, found .* default 5$/
  },
  {
    sql: "alter table positions alter column as_of_date drop default",
    line: /^different: column positions\.as_of_date: expected date not null default CURRENT_DATE, found date not null$/
  },
  { sql: "alter table users add column nickname text", line: "unexpected: column users.nickname" },
  { sql: "alter table users drop column display_name", line: "missing: column users.display_name" },
  {
    sql: "alter table users rename column display_name to shown_name",
    line: "unexpected: column users.shown_name"
  },
  {
    sql: "alter table jobs alter column error_message type varchar(100)",
    line: "different: column jobs.error_message: expected text, found character varying(100)"
  },
  {
    sql: "alter table positions alter column quantity type numeric(20,4)",
    line: "different: column positions.quantity: expected numeric(20,8) not null, found numeric(20,4) not null"
  },
  {
    sql: "alter table accounts alter column created_at type timestamp",
    line: /^different: column accounts\.created_at: expected timestamp with time zone .*, found timestamp without time zone/
  },
  {
    sql: "alter table accounts alter column account_name drop not null",
    line: "different: column accounts.account_name: expected character varying(255) not null, found character varying(255)"
  },
  {
    sql: "alter table accounts alter column account_purpose set not null",
    line: "different: column accounts.account_purpose: expected text, found text not null"
  },
  {
    sql: "alter table users disable trigger update_users_updated_at",
    line: /^different: trigger users\.update_users_updated_at: .* \(disabled\)$/
  },
  { sql: "drop trigger update_jobs_updated_at on jobs", line: "missing: trigger jobs.update_jobs_updated_at" },
  {
    sql: "create trigger twice before update on users for each row execute function update_updated_at_column()",
    line: "unexpected: trigger users.twice"
  },
  {
    sql: `create or replace function update_updated_at_column() returns trigger language plpgsql
      as $$ begin return new; end $$`,
    line: /^different: function update_updated_at_column\(\): expected .*NEW\.updated_at.*, found .* begin return new; end/
  },
  { sql: "create function other() returns integer language sql as 'select 1'", line: "unexpected: function other()" },
  {
    sql: `alter table positions drop constraint positions_quantity_check;
      alter table positions add constraint positions_quantity_check check (quantity >= 0)`,
    line: /^different: constraint positions\.positions_quantity_check: expected .*>.*, found .*>=/
  },
  {
    sql: "alter table jobs drop constraint jobs_status_check",
    line: "missing: constraint jobs.jobs_status_check"
  },
  {
    sql: `alter table jobs drop constraint jobs_status_check;
      alter table jobs add constraint jobs_status_check
        check (status in ('pending', 'running', 'completed', 'failed')) not valid`,
    line: /^different: constraint jobs\.jobs_status_check: .* NOT VALID$/
  },
  {
    sql: "alter table positions drop constraint positions_account_id_symbol_key",
    line: "missing: constraint positions.positions_account_id_symbol_key"
  },
  {
    sql: `alter table positions drop constraint positions_account_id_fkey;
      alter table positions add constraint positions_account_id_fkey foreign key (account_id) references accounts (id)`,
    line: /^different: constraint positions\.positions_account_id_fkey: expected .* ON DELETE CASCADE, found /
  },
  { sql: "create table leftover (x integer primary key)", line: "unexpected: table leftover" },
  { sql: "drop table jobs", line: "missing: table jobs" },
  { sql: "create view rich as select * from users", line: "unexpected: view rich" },
  { sql: "create type mood as enum ('bull', 'bear')", line: "unexpected: type mood" },
  { sql: "create sequence counter", line: "unexpected: sequence counter" }
]

const finds = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) =>
  layer(database, { timeout: "60 seconds" })((it) => {
    it.effect("finds nothing in a database that was only migrated", () =>
      Effect.gen(function* () {
        yield* Migrate.migrate({ packed: true })
        assert.deepStrictEqual(yield* Drift.drift(), [])
      })
    )

    for (const { line, sql } of byHand) {
      it.effect(`finds what was done by hand: ${sql.replaceAll(/\s+/g, " ")}`, () =>
        Effect.gen(function* () {
          const lines = yield* undone(
            Effect.andThen(
              execute(...splitStatements(sql).map((statement) => statement.sql)),
              Effect.map(Drift.drift(), (found) => found.map(Drift.describe))
            )
          )
          assert.isTrue(
            lines.some((found) => (typeof line === "string" ? found === line : line.test(found))),
            lines.join("\n")
          )
          assert.isAtMost(lines.length, 2, lines.join("\n"))
        })
      )
    }

    for (const { sql } of byHand) {
      it.effect(`repairs what was done by hand, and leaves what is new: ${sql.replaceAll(/\s+/g, " ")}`, () =>
        Effect.gen(function* () {
          const { left, report } = yield* undone(
            Effect.gen(function* () {
              yield* execute(...splitStatements(sql).map((statement) => statement.sql))
              const before = yield* Drift.drift()
              const planned = yield* Repair.repair({ dryRun: true })
              assert.deepStrictEqual(yield* Drift.drift(), before)
              const report = yield* Repair.repair()
              assert.lengthOf(report.repaired, planned.repaired.length)
              return { report, left: yield* Drift.drift() }
            })
          )
          assert.deepStrictEqual(
            left.filter(({ kind }) => kind !== "unexpected"),
            [],
            JSON.stringify(report)
          )
          assert.deepStrictEqual(
            report.left,
            left.map(({ object }) => object)
          )
          assert.isTrue(report.ok, JSON.stringify(report))
        })
      )
    }

    it.effect("counts and names the rows that break a constraint, and validates it when none does", () =>
      undone(
        Effect.gen(function* () {
          yield* execute(
            "insert into users (clerk_user_id) values ('user_1')",
            "alter table jobs drop constraint jobs_status_check",
            "insert into jobs (clerk_user_id, job_type, status) values ('user_1', 'x', 'odd')"
          )
          const first = yield* Repair.repair()
          assert.isFalse(first.ok)
          assert.deepInclude(first.broken[0], { table: "jobs", constraint: "jobs_status_check", rows: 1 })
          assert.lengthOf(first.broken[0]?.first ?? [], 1)
          yield* execute("update jobs set status = 'failed'")
          const second = yield* Repair.repair()
          assert.deepStrictEqual(second.validated, ["jobs.jobs_status_check"])
          assert.deepStrictEqual(yield* Drift.drift(), [])
        })
      )
    )
  })

describe("drift on the embedded database", () => {
  finds(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("drift on PostgreSQL"), () => {
  finds(postgres)
})
