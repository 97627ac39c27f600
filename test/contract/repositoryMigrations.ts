/** What the migrations promise to a database that was made before there were migrations. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId } from "../../src/domain/index.ts"
import { Jobs, Portfolios, layer as repositories } from "../../src/repository/index.ts"
import { migrate } from "../repository/TestRepositories.ts"

const rows = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM instruments) AS instruments,
      (SELECT count(*)::int FROM accounts) AS accounts, (SELECT count(*)::int FROM positions) AS positions,
      (SELECT count(*)::int FROM jobs) AS jobs`
})

/** The types, defaults and nullability of all columns, and all constraints, indexes and triggers. */
const shape = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return [
    yield* sql`
      SELECT table_name::text, column_name::text, data_type::text, column_default::text, is_nullable::text
      FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`,
    yield* sql`
      SELECT conname::text, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1`,
    yield* sql`SELECT indexname::text, indexdef::text FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`,
    yield* sql`SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`
  ]
})

/** A database as the first programs made it: times without a zone, nothing checked, rows of every odd kind. */
const legacy = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* migrate({ to: "001_schemas.sql~" })
  yield* sql`INSERT INTO users (clerk_user_id, created_at, updated_at, region_targets)
    VALUES ('ann', '2025-07-01 12:00:00.123456', NULL, NULL)`
  yield* sql`INSERT INTO users (clerk_user_id) VALUES ('bob')`
  yield* sql`INSERT INTO instruments (symbol, name, instrument_type, allocation_regions, allocation_sectors) VALUES
    ('SPY', 'Fine', 'etf', '{"north_america": 100}', '{"technology": 100.0}'),
    ('ODD', 'Odd', 'crypto', '{"mars": 50}', NULL)`
  yield* sql`INSERT INTO accounts (id, clerk_user_id, account_name, cash_balance, cash_interest) VALUES
    ('00000000-0000-4000-8000-000000000001', 'ann', 'Fine', NULL, 0.05),
    ('00000000-0000-4000-8000-000000000002', 'ann', 'Margin', -5, 4.5),
    ('00000000-0000-4000-8000-000000000003', NULL, 'Nobody''s', 0, 0)`
  yield* sql`INSERT INTO positions (account_id, symbol, quantity, as_of_date, created_at) VALUES
    ('00000000-0000-4000-8000-000000000001', 'SPY', 2, NULL, '2024-05-05 23:30:00'),
    ('00000000-0000-4000-8000-000000000001', 'ODD', 0, '2024-01-01', NULL)`
  yield* sql`INSERT INTO jobs (clerk_user_id, job_type, status, started_at) VALUES
    ('ann', 'daily_digest', NULL, '2025-01-02 03:04:05'), (NULL, 'risk_assessment', 'completed', NULL)`
})

export const migrationContract = (it: Vitest.MethodsNonLive<SqlClient.SqlClient>) => {
  it.effect("a database from before the migrations is adopted without losing a row, and ends like a new one", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* migrate()
      const fresh = yield* shape
      yield* sql`DROP TABLE agent_calls, portfolio_snapshots, price_history, jobs, positions, accounts, instruments, users`
      yield* sql`DROP FUNCTION is_allocation, update_updated_at_column`

      yield* legacy
      const before = yield* rows
      yield* migrate({ from: "001_" })
      assert.deepStrictEqual(yield* rows, before)
      const adopted = yield* shape
      const unvalidated = yield* sql`SELECT conname::text FROM pg_constraint WHERE NOT convalidated ORDER BY 1`
      assert.deepStrictEqual(
        unvalidated.map((row) => row["conname"]),
        [
          "accounts_cash_balance_check",
          "accounts_cash_interest_check",
          "accounts_owner_check",
          "instruments_allocation_regions_check",
          "jobs_owner_check",
          "positions_quantity_check"
        ]
      )
      const validated = JSON.stringify(adopted).replaceAll(" NOT VALID", "")
      assert.deepStrictEqual(JSON.parse(validated), JSON.parse(JSON.stringify(fresh)))

      const [ann] = yield* sql`SELECT created_at, region_targets FROM users WHERE clerk_user_id = 'ann'`
      assert.deepStrictEqual(ann, {
        created_at: new Date("2025-07-01T12:00:00.123Z"),
        region_targets: { north_america: 50, international: 50 }
      })
      const [position] = yield* sql`SELECT as_of_date FROM positions WHERE symbol = 'SPY'`
      assert.strictEqual(position?.["as_of_date"], "2024-05-05")
    })
  )

  it.effect("the repositories read what other programs have stored, however odd", () =>
    Effect.gen(function* () {
      const ann = ClerkUserId.make("ann")
      const portfolio = yield* (yield* Portfolios).load(ann)
      assert.deepStrictEqual(
        portfolio.accounts.map((account) => account.account_name),
        ["Margin", "Fine"]
      )
      assert.deepStrictEqual<ReadonlyArray<string>>(
        portfolio.instruments.map(({ symbol }) => symbol),
        ["ODD", "SPY"]
      )
      const { jobs } = yield* (yield* Jobs).listByUser(ann)
      assert.deepInclude(jobs[0], { job_type: "daily_digest", status: "pending" })
    }).pipe(Effect.provide(repositories))
  )

  it.effect("a program that sends text with casts, and times in UTC, goes on working", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [job] = yield* sql`
        INSERT INTO jobs (clerk_user_id, job_type, status, request_payload, created_at, updated_at)
        VALUES ('bob', 'market_watch', 'pending', ${'{"a": 1}'}::jsonb,
          ${"2026-01-02 03:04:05"}::timestamp, ${"2026-01-02 03:04:05"}::timestamp)
        RETURNING *`
      assert.deepInclude(job, { job_type: "market_watch", created_at: new Date("2026-01-02T03:04:05Z") })
      const id = String(job?.["id"])
      yield* sql`UPDATE jobs SET status = ${"running"}, started_at = ${"2026-01-02 03:04:06"}::timestamp
        WHERE id = ${id}::uuid`
      const [account] = yield* sql`
        INSERT INTO accounts (clerk_user_id, account_name, cash_balance, cash_interest)
        VALUES ('bob', 'Cash', ${"10.50"}::numeric, ${"0.045"}::numeric) RETURNING *`
      yield* sql`
        INSERT INTO positions (account_id, symbol, quantity, as_of_date)
        VALUES (${String(account?.["id"])}::uuid, 'SPY', ${"1.5"}::numeric, ${"2026-01-02"}::date)
        ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = EXCLUDED.quantity`
      yield* sql`UPDATE instruments SET current_price = ${"9.99"}::numeric WHERE symbol = 'SPY'`
    })
  )

  it.effect("a moved row says when", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [moved] = yield* sql`
        WITH old AS (SELECT updated_at FROM users WHERE clerk_user_id = 'bob')
        UPDATE users SET display_name = 'Bob' FROM old WHERE clerk_user_id = 'bob'
        RETURNING users.updated_at > old.updated_at AS later`
      assert.deepStrictEqual(moved, { later: true })
    })
  )
}
