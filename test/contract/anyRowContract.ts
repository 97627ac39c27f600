/** Whatever the columns can hold, without any rule of the tables, is listed: read, or named with what is wrong. */
import { assert, type Vitest } from "@effect/vitest"
import { Arbitrary, BigDecimal, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountId, ClerkUserId, InstrumentSymbol, type JobCursor, JobId, PositionId } from "../../src/domain/index.ts"
import type { JobPage, Listed } from "../../src/repository/index.ts"
import { Accounts, Instruments, Jobs, Positions, Users } from "../../src/repository/index.ts"
import type { Services } from "./repositoryContract.ts"

const texts = ["''", "'x'", "'😀'", "E'\\n\\t\\u202e\\x1b[2J'", "repeat('é', 50)", "'NULL'"]
const numbers = ["0", "-1", "'NaN'", "0.0001", "99999999", "-0.01", "12345678.1234"]
const moments = [
  "'infinity'",
  "'-infinity'",
  "'0001-01-01'",
  "'4713-01-01 BC'",
  "'294276-12-31'",
  "now()",
  "'2000-02-29 23:59:59.999999+14'"
]
const json = [
  "'null'",
  "'[]'",
  "'{}'",
  "'\"x\"'",
  "'12345678901234567890.123456789012345678901234567890'",
  "'true'",
  "'{\"a\": 1e400}'",
  '\'{"europe": "60", "": null}\'',
  '\'{"__proto__": 1, "constructor": 100}\'',
  "'{\"equity\": 100}'"
]

/** What the columns of each table may hold; the keys are given. */
const tables = {
  users: { display_name: texts, years_until_retirement: ["-5", "0", "2147483647"], target_retirement_income: numbers },
  instruments: {
    name: texts,
    instrument_type: texts,
    current_price: numbers,
    allocation_regions: json,
    allocation_sectors: json,
    allocation_asset_class: json
  },
  accounts: { account_name: texts, account_purpose: texts, cash_balance: numbers, cash_interest: ["0", "-1", "'NaN'"] },
  positions: { quantity: numbers, as_of_date: ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'"] },
  jobs: {
    job_type: texts,
    status: ["'lost'", "''", "'running'"],
    error_message: texts,
    request_payload: json,
    summary_payload: json,
    attempts: ["-1", "2147483647"],
    started_at: moments
  }
}

/** One choice for each column and both moments of each table. */
const choices = Arbitrary.schema(
  Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 419 })))).pipe(
    Schema.check(Schema.isMinLength(40), Schema.isMaxLength(40))
  )
)

const rules = `SELECT conrelid::regclass::text AS "table", conname::text AS rule FROM pg_constraint
  WHERE contype = 'c' AND conrelid::regclass::text IN ('users', 'instruments', 'accounts', 'positions', 'jobs')`

const user = ClerkUserId.make("any_user")
const account = AccountId.make("11111111-1111-4111-8111-111111111111")
const position = "22222222-2222-4222-8222-222222222222"
const job = "33333333-3333-4333-8333-333333333333"

const keys = {
  users: { clerk_user_id: "'any_user'" },
  instruments: { symbol: "'ANY'" },
  accounts: { id: `'${account}'`, clerk_user_id: "'any_user'" },
  positions: { id: `'${position}'`, account_id: `'${account}'`, symbol: "'ANY'" },
  jobs: { id: `'${job}'`, clerk_user_id: "'any_user'" }
}

const plant = Effect.fnUntraced(function* (chosen: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  for (const { rule, table } of yield* sql.unsafe<{ table: string; rule: string }>(rules)) {
    yield* sql.unsafe(`ALTER TABLE ${table} DROP CONSTRAINT ${rule}`)
  }
  yield* sql.unsafe("DELETE FROM users")
  let at = 0
  const pick = (values: ReadonlyArray<string>) => values[(chosen[at++ % chosen.length] ?? 0) % values.length] ?? ""
  for (const table of ["users", "instruments", "accounts", "positions", "jobs"] as const) {
    const columns: Record<string, string> = { ...keys[table] }
    for (const [column, values] of Object.entries(tables[table])) columns[column] = pick(values)
    columns["created_at"] = pick(moments)
    columns["updated_at"] = pick(moments)
    if (table === "positions") delete columns["created_at"]
    yield* sql.unsafe(
      `INSERT INTO ${table} (${Object.keys(columns).join(", ")}) VALUES (${Object.values(columns).join(", ")})`
    )
  }
})

const keysOf = <A>(rows: Listed<A>, key: (row: A) => string) =>
  [...rows.map(key), ...(rows.unreadable ?? []).map((row) => row.key)].sort()

/** Rows that other programs wrote without a key, or without what they refer to. */
const plantNameless = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE positions DROP CONSTRAINT positions_owner_check`
  yield* sql`INSERT INTO users (clerk_user_id) VALUES ('any_user'), ('')`
  yield* sql`INSERT INTO instruments (symbol, name) VALUES ('', 'Nameless'), ('ANY', 'Any')`
  yield* sql`INSERT INTO accounts (id, clerk_user_id, account_name) VALUES (${account}::uuid, 'any_user', 'Any')`
  yield* sql`
    INSERT INTO positions (id, account_id, symbol, quantity)
    VALUES (${position}::uuid, ${account}::uuid, NULL, 1), (${job}::uuid, ${account}::uuid, '', 1)`
  // More than fit on one page of a list.
  yield* sql`INSERT INTO instruments (symbol, name) SELECT 'ANY' || i, 'Any' FROM generate_series(1, 500) AS i`
  yield* sql`
    INSERT INTO positions (account_id, symbol, quantity)
    SELECT ${account}::uuid, 'ANY' || i, 1 FROM generate_series(1, 500) AS i`
})

const symbol = InstrumentSymbol.make("ANY")
const one = BigDecimal.fromBigInt(1n)

/** A row in each table that no schema allows, whatever is changed about it. */
const plantUnreadable = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const { rule, table } of yield* sql.unsafe<{ table: string; rule: string }>(rules)) {
    yield* sql.unsafe(`ALTER TABLE ${table} DROP CONSTRAINT ${rule}`)
  }
  yield* sql`DELETE FROM users`
  yield* sql`INSERT INTO users (clerk_user_id, asset_class_targets) VALUES (${user}::varchar, '"much"')`
  yield* sql`INSERT INTO instruments (symbol, name, allocation_regions) VALUES ('ANY', 'Any', '"much"')`
  yield* sql`
    INSERT INTO accounts (id, clerk_user_id, account_name, cash_balance)
    VALUES (${account}::uuid, ${user}::varchar, 'Any', 'NaN')`
  yield* sql`
    INSERT INTO positions (id, account_id, symbol, quantity, created_at)
    VALUES (${position}::uuid, ${account}::uuid, 'ANY', 1, '294276-12-31')`
  yield* sql`
    INSERT INTO jobs (id, clerk_user_id, job_type, created_at)
    VALUES (${job}::uuid, ${user}::varchar, 'x', '294276-12-31')`
})

/** Every operation that changes one of those rows and returns it, by what it does. */
const changesOfUnreadable = Effect.gen(function* () {
  const [users, instruments, accounts] = [yield* Users, yield* Instruments, yield* Accounts]
  const [positions, jobs] = [yield* Positions, yield* Jobs]
  const id = JobId.make(job)
  const at = PositionId.make(position)
  type Change = Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>
  const written: ReadonlyArray<Change> = [
    users.update(user, { display_name: "Any" }),
    instruments.update(symbol, { name: "Other" }),
    accounts.update(account, { account_name: "Other" }),
    accounts.forUser(user).update(account, { account_name: "Other" }),
    positions.update(at, { as_of_date: "2026-01-02" }),
    positions.addQuantity({ account_id: account, symbol, quantity: one }),
    jobs.start(id),
    jobs.attachReport(id, { content: "x" }),
    jobs.attempt({ id, attempts: 1 }).extend("1 minute"),
    jobs.complete(id)
  ]
  const deleted: ReadonlyArray<Change> = [jobs.delete(id), positions.delete(at), accounts.delete(account)]
  return [
    { done: "written", calls: written },
    { done: "deleted", calls: deleted }
  ]
})

export const anyRowContract = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect("rows with an empty key, and a position without a symbol, are listed, read or named", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const check = Effect.gen(function* () {
        yield* plantNameless
        const users = yield* Users
        const instruments = yield* Instruments
        const positions = yield* Positions
        assert.include(
          (yield* users.list()).map(({ clerk_user_id }) => String(clerk_user_id)),
          ""
        )
        assert.include((yield* users.allSymbols()).map(String), "")
        assert.include(
          (yield* instruments.all()).map(({ symbol }) => String(symbol)),
          ""
        )
        const missing = yield* instruments.unclassified(user)
        assert.deepStrictEqual([missing.length, String(missing[0]?.symbol)], [501, ""])
        const held = yield* positions.listByAccount(account)
        assert.strictEqual(held.length, 501)
        assert.deepStrictEqual(
          held.unreadable?.map(({ key, problems }) => [key, problems[0]?.path]),
          [[position, "symbol"]]
        )
        assert.strictEqual((yield* positions.value(account)).positions, 502)
        return yield* Effect.fail("undone" as const)
      })
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(check)), "undone")
    })
  )

  it.effect("jobs of infinite times, and of times before year 1, hide no others from pages, which end", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const check = Effect.gen(function* () {
        yield* sql`INSERT INTO users (clerk_user_id) VALUES ('any_user')`
        const times = [...moments, ...moments, "'0044-03-15 BC'", "'0044-03-15'"]
        for (const time of times) {
          yield* sql.unsafe(`INSERT INTO jobs (clerk_user_id, job_type, created_at) VALUES ('any_user', 'x', ${time})`)
        }
        const jobs = (yield* Jobs).forUser(user)
        for (const list of [jobs.list, jobs.listWithPayloads]) {
          const found: Array<string> = []
          let after: JobCursor | null | undefined
          while (after !== null && found.length <= times.length) {
            const page: JobPage = yield* list({ limit: 1, ...(after !== undefined && { after }) })
            found.push(...page.jobs.map(({ id }) => String(id)), ...page.unreadable.map(({ key }) => key))
            after = page.next
          }
          assert.deepStrictEqual([found.length, new Set(found).size], [times.length, times.length])
        }
        return yield* Effect.fail("undone" as const)
      })
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(check)), "undone")
    })
  )

  it.effect("a step of a job whose state is none names the row", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const check = Effect.gen(function* () {
        yield* sql`ALTER TABLE jobs DROP CONSTRAINT jobs_status_check`
        yield* sql`INSERT INTO users (clerk_user_id) VALUES ('any_user')`
        yield* sql`
          INSERT INTO jobs (id, clerk_user_id, job_type, status)
          VALUES (${job}::uuid, 'any_user', 'portfolio_analysis', 'in_progress')`
        const jobs = yield* Jobs
        const id = JobId.make(job)
        const steps = [
          jobs.start(id),
          jobs.complete(id),
          jobs.fail(id, "x"),
          jobs.cancel(id),
          jobs.retry(id, { results: "keep" }),
          jobs.attempt({ id, attempts: 1 }).complete()
        ]
        for (const step of steps) {
          const refused = yield* Effect.flip(step)
          assert.deepInclude(refused, { _tag: "UnreadableRow", table: "jobs", key: job })
          assert.include(refused.message, "status")
        }
        return yield* Effect.fail("undone" as const)
      })
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(check)), "undone")
    })
  )

  it.effect("an operation that changes a row which can't be read says what it has done all the same", () =>
    Effect.gen(function* () {
      const check = Effect.gen(function* () {
        yield* plantUnreadable
        const changes = yield* changesOfUnreadable
        for (const { calls, done } of changes) {
          for (const call of calls) {
            const refused = yield* Effect.flip<unknown, { readonly _tag: string; readonly message: string }, never>(
              call
            )
            assert.deepInclude<unknown>(refused, { _tag: "UnreadableRow", done })
            assert.match(refused.message, new RegExp(`^The row \\S+ of \\w+ was ${done}, but can't be read: `))
            assert.strictEqual(refused.message.endsWith("lists all such rows."), done === "written")
          }
        }
        const read = yield* Effect.flip((yield* Instruments).findBySymbol(symbol))
        assert.notProperty(read, "done")
        const missing = yield* Effect.flip((yield* Accounts).delete(account))
        assert.strictEqual(missing._tag, "AccountNotFound")
        return yield* Effect.fail("undone" as const)
      })
      const sql = yield* SqlClient.SqlClient
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(check)), "undone")
    })
  )

  it.effect("lists of what was changed name the rows that can't be read", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const check = Effect.gen(function* () {
        yield* plantUnreadable
        const put = yield* (yield* Positions).putMany([{ account_id: account, symbol, quantity: one }])
        assert.deepStrictEqual(
          put.positions.unreadable?.map(({ done, key }) => [key, done]),
          [[position, "written"]]
        )
        const claimed = yield* (yield* Jobs).claim()
        assert.deepStrictEqual(
          claimed.unreadable?.map(({ done, key }) => [key, done]),
          [[job, "written"]]
        )
        const deleted = yield* (yield* Accounts).deleteAll(user)
        assert.deepStrictEqual(
          deleted.unreadable?.map(({ done, key }) => [key, done]),
          [[account, "deleted"]]
        )
        return yield* Effect.fail("undone" as const)
      })
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(check)), "undone")
    })
  )

  it.effect.prop(
    "any row that the columns can hold is listed, read or named",
    { chosen: choices },
    Effect.fnUntraced(function* ({ chosen }) {
      const sql = yield* SqlClient.SqlClient
      const check = Effect.gen(function* () {
        yield* plant(chosen)
        assert.deepStrictEqual(
          keysOf(yield* (yield* Users).list(), ({ clerk_user_id }) => clerk_user_id),
          [user]
        )
        assert.deepStrictEqual(
          keysOf(yield* (yield* Accounts).listByUser(user), ({ id }) => id),
          [account]
        )
        const instruments = yield* (yield* Instruments).findMany([InstrumentSymbol.make("ANY")])
        assert.deepStrictEqual(
          keysOf(instruments, ({ symbol }) => symbol),
          ["ANY"]
        )
        const held = yield* (yield* Positions).listByAccount(account)
        assert.deepStrictEqual(
          keysOf(held, ({ id }) => id),
          [position]
        )
        const { jobs, unreadable } = yield* (yield* Jobs).listWithPayloads(user)
        assert.deepStrictEqual([...jobs.map(({ id }) => id), ...unreadable.map(({ key }) => key)], [job])
        return yield* Effect.fail("undone" as const)
      })
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(check)), "undone")
    }),
    { arbitrary: { runs: 40 } }
  )
}
