/**
 * For each kind of object something that was changed by hand: `verify` names it with the SQL that undoes it, `repair`
 * undoes it, and `verify` is content. What only adds to the schema is a notice, and stays.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { describe } from "vitest"
import { splitStatements } from "../../../src/data-api/statement/SqlLexer.ts"
import { Catalogue, Migrate, Repair, Verify } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { embedded, execute, postgres, undone } from "../TestOperations.ts"

interface Row {
  readonly kind: Catalogue.Kind
  readonly planted: string
  /** What `verify` calls it. */
  readonly seen: string
  /** The SQL that undoes it, or the beginning of it. */
  readonly repair: string
  /** What went along with it. */
  readonly also?: ReadonlyArray<string>
}

const touch = "returns trigger language plpgsql as 'begin new.updated_at = now(); return new; end'"
const isAllocation = "is_allocation(shares jsonb)"

const differences: ReadonlyArray<Row> = [
  {
    kind: "extension",
    planted: 'drop extension "uuid-ossp" cascade',
    seen: "missing extension uuid-ossp",
    repair: 'create extension if not exists "uuid-ossp"',
    also: ["accounts", "agent_calls", "jobs", "positions"].map((table) => `different column ${table}.id`)
  },
  {
    kind: "table",
    planted: "drop table price_history",
    seen: "missing table price_history",
    repair: "create table price_history ("
  },
  {
    kind: "table",
    planted: "alter table jobs set unlogged",
    seen: "different table jobs",
    repair: "alter table jobs set logged"
  },
  {
    kind: "table",
    planted: "alter table users enable row level security; alter table users force row level security",
    seen: "different table users",
    repair: "alter table users disable row level security; alter table users no force row level security"
  },
  {
    kind: "column",
    planted: "alter table portfolio_snapshots drop column cash",
    seen: "missing column portfolio_snapshots.cash",
    repair: "alter table portfolio_snapshots add column cash numeric not null"
  },
  {
    kind: "column",
    planted: 'alter table price_history alter column symbol type varchar(20) collate "C"',
    seen: "different column price_history.symbol",
    repair:
      "alter table price_history alter column symbol drop default; alter table price_history alter column symbol type"
  },
  {
    kind: "constraint",
    planted: "alter table positions drop constraint positions_quantity_check",
    seen: "missing constraint positions.positions_quantity_check",
    repair: "alter table positions add constraint positions_quantity_check CHECK"
  },
  {
    kind: "constraint",
    planted: "alter table users add constraint \"No Ann's\" check (display_name <> 'Ann')",
    seen: "unexpected constraint users.No Ann's",
    repair: 'alter table users drop constraint "No Ann\'s"'
  },
  {
    kind: "index",
    planted: "drop index idx_jobs_status",
    seen: "missing index jobs.idx_jobs_status",
    repair: "CREATE INDEX idx_jobs_status ON"
  },
  {
    kind: "trigger",
    planted: "alter table users enable always trigger update_users_updated_at",
    seen: "different trigger users.update_users_updated_at",
    repair: "alter table users enable trigger update_users_updated_at"
  },
  {
    kind: "trigger",
    planted: "create trigger twice before update on users for each row execute function update_updated_at_column()",
    seen: "unexpected trigger users.twice",
    repair: "drop trigger twice on users"
  },
  {
    kind: "rule",
    planted: "create rule quiet as on delete to users do instead nothing",
    seen: "unexpected rule users.quiet",
    repair: "drop rule quiet on users"
  },
  {
    kind: "policy",
    planted: "create policy mine on accounts for select using (clerk_user_id = current_user)",
    seen: "unexpected policy accounts.mine",
    repair: "drop policy mine on accounts"
  },
  {
    kind: "privilege",
    planted: "grant select, update on accounts to public",
    seen: "unexpected privilege accounts.PUBLIC",
    repair: "revoke all on accounts from PUBLIC"
  },
  {
    kind: "privilege",
    planted: "grant select (cash_balance) on accounts to public",
    seen: "unexpected privilege accounts.PUBLIC",
    repair: "revoke all on accounts from PUBLIC"
  },
  {
    kind: "privilege",
    planted: "revoke insert, update on jobs from current_user",
    seen: "different privilege jobs.(owner)",
    repair: "revoke all on jobs from"
  },
  {
    kind: "privilege",
    planted: "revoke all on jobs from current_user",
    seen: "missing privilege jobs.(owner)",
    repair: "grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE on jobs to"
  },
  {
    kind: "privilege",
    planted: "revoke execute on function is_allocation(jsonb) from public",
    seen: `missing privilege ${isAllocation}.PUBLIC`,
    repair: `grant EXECUTE on function ${isAllocation} to PUBLIC`
  },
  {
    kind: "function",
    planted: "alter function is_allocation(jsonb) security definer",
    seen: `different function ${isAllocation}`,
    repair: "CREATE OR REPLACE FUNCTION is_allocation"
  },
  {
    kind: "function",
    planted: "alter function update_updated_at_column() security definer",
    seen: "different function update_updated_at_column()",
    repair: "CREATE OR REPLACE FUNCTION update_updated_at_column"
  },
  {
    kind: "function",
    planted: "alter function is_allocation(jsonb) set search_path = pg_temp",
    seen: `different function ${isAllocation}`,
    repair: "CREATE OR REPLACE FUNCTION is_allocation"
  },
  {
    kind: "function",
    planted: "alter function is_allocation(jsonb) parallel unsafe",
    seen: `different function ${isAllocation}`,
    repair: "CREATE OR REPLACE FUNCTION is_allocation"
  }
]

const addition = (kind: Catalogue.Kind, planted: string, seen: string): Row => ({ kind, planted, seen, repair: "" })

const additions: ReadonlyArray<Row> = [
  addition("table", "create table reporting (x integer)", "table reporting"),
  addition("column", "alter table users add column nickname text", "column users.nickname"),
  addition("index", "create index extra on users (display_name)", "index users.extra"),
  addition("view", "create view reporting_rich as select 1 as x", "view reporting_rich"),
  addition(
    "materialized-view",
    "create materialized view reporting_days as select 1 as x",
    "materialized view reporting_days"
  ),
  addition(
    "foreign-table",
    `create foreign data wrapper nothing; create server archive foreign data wrapper nothing;
      create foreign table old_jobs (id uuid) server archive`,
    "foreign table old_jobs"
  ),
  addition("sequence", "create sequence counter", "sequence counter"),
  addition("type", "create type mood as enum ('bull', 'bear')", "type mood"),
  addition("collation", 'create collation plain from "C"', "collation plain"),
  addition("function", `create function touch() ${touch}`, "function touch()"),
  addition(
    "aggregate",
    "create aggregate total(integer) (sfunc = int4pl, stype = integer)",
    "aggregate total(integer)"
  ),
  addition("privilege", "grant select on users to pg_monitor", "privilege users.pg_monitor"),
  addition("comment", "comment on column users.display_name is 'as shown'", "comment on column users.display_name"),
  addition("comment", "comment on table users is 'people'", "comment on table users")
]

/** What belongs to the whole database, or is another server's: not looked at. */
const elsewhere: ReadonlyArray<string> = [
  'alter extension "uuid-ossp" set schema pg_catalog',
  "update pg_extension set extversion = '1.0' where extname = 'uuid-ossp'"
]

/** Extensions that a server of PostgreSQL has, and PGlite does not. */
const onServers: ReadonlyArray<string> = ["create extension hstore", "create extension pg_trgm schema pg_catalog"]

const plant = (sql: string) => execute(...splitStatements(sql).map((statement) => statement.sql))

const shows = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>, others: ReadonlyArray<string>) =>
  layer(database, { timeout: "120 seconds" })((it) => {
    it.effect("is content with a database that was migrated", () =>
      Effect.gen(function* () {
        yield* Migrate.migrate({ packed: true })
        const report = yield* Verify.verify()
        assert.deepStrictEqual([report.drift, report.findings, report.ok], [[], [], true])
      })
    )

    for (const { also = [], kind, planted, repair, seen } of differences) {
      it.effect(`${kind}: ${planted}`, () =>
        undone(
          Effect.gen(function* () {
            yield* plant(planted)
            const before = yield* Verify.verify()
            assert.isFalse(before.ok)
            const drift = before.drift ?? []
            const [found] = drift
            assert.deepStrictEqual(
              drift.map(({ kind, object }) => `${kind} ${object}`),
              [seen, ...also]
            )
            assert.isTrue(found?.repair.join("; ").startsWith(repair), found?.repair.join("; "))
            const planned = yield* Repair.repair({ drift: true, dryRun: true })
            const done = yield* Repair.repair({ drift: true })
            assert.deepStrictEqual(
              planned.repaired.map(({ statements }) => statements),
              drift.map(({ repair }) => repair)
            )
            assert.isTrue(done.ok, JSON.stringify(done))
            const after = yield* Verify.verify()
            assert.deepStrictEqual([after.drift, after.findings, after.ok], [[], [], true])
          })
        )
      )
    }

    for (const { kind, planted, seen } of additions) {
      it.effect(`${kind}, which stays: ${planted}`, () =>
        undone(
          Effect.gen(function* () {
            yield* plant(planted)
            const report = yield* Verify.verify()
            assert.deepStrictEqual([report.ok, report.drift], [true, []])
            assert.include(
              report.findings.map(({ message }) => message),
              seen
            )
            assert.deepStrictEqual((yield* Repair.repair({ drift: true })).repaired, [])
          })
        )
      )
    }

    for (const planted of others) {
      it.effect(`is content with: ${planted}`, () =>
        undone(
          Effect.gen(function* () {
            yield* plant(planted)
            const report = yield* Verify.verify()
            assert.deepStrictEqual([report.drift, report.findings, report.ok], [[], [], true])
            assert.deepStrictEqual((yield* Repair.repair({ drift: true })).repaired, [])
          })
        )
      )
    }

    it.effect("has a row for each kind of object", () =>
      Effect.sync(() => {
        const shown = new Set([...differences, ...additions].map(({ kind }) => kind))
        assert.deepStrictEqual(
          Catalogue.Kind.literals.filter((kind) => !shown.has(kind)),
          []
        )
      })
    )

    it.effect("looks away from what is to be ignored, and repairs none of it", () =>
      undone(
        Effect.gen(function* () {
          yield* plant(
            "create view reporting_rich as select 1 as x; create view other as select 1 as x; create trigger twice before update on users for each row execute function update_updated_at_column()"
          )
          const ignore = ["view:reporting_*", "trigger:users.twice"]
          const report = yield* Verify.verify({ ignore })
          assert.isTrue(report.ok)
          assert.deepStrictEqual(
            report.findings.map(({ message }) => message),
            ["view other"]
          )
          assert.deepStrictEqual(report.ignored, ["trigger users.twice", "view reporting_rich"])
          assert.deepStrictEqual((yield* Repair.repair({ drift: true, ignore })).repaired, [])
          assert.lengthOf((yield* Repair.repair({ drift: true })).repaired, 1)
        })
      )
    )
  })

describe("a difference of each kind on the embedded database", () => {
  shows(embedded, elsewhere)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("a difference of each kind on PostgreSQL"),
  () => {
    shows(postgres, [...elsewhere, ...onServers])
  }
)
