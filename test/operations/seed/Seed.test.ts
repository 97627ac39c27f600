import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, it, layer } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import { LoadData, Migrate, Reset, Seed, SeedFile, Verify } from "../../../src/operations/index.ts"
import { Accounts, Portfolios } from "../../../src/repository/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { countRequests, embedded, execute, postgres, remote } from "../TestOperations.ts"

const fileOf = (text: string | Uint8Array): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const folder = mkdtempSync(join(tmpdir(), "alex-seed-"))
        writeFileSync(join(folder, "seed.json"), text)
        return folder
      }),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    ),
    (folder) => join(folder, "seed.json")
  )

const spy = { symbol: "SPY", name: "SPDR", instrument_type: "etf", current_price: "450.25" }

describe("an instrument in a seed file", () => {
  const refused: ReadonlyArray<{ readonly what: string; readonly text: string; readonly says: ReadonlyArray<string> }> =
    [
      {
        what: "with an allocation of 99",
        text: JSON.stringify([{ ...spy, allocation_regions: { europe: 99 } }]),
        says: ["SPY", "allocation_regions", "99"]
      },
      {
        what: "with an unknown sector",
        text: JSON.stringify([{ ...spy, allocation_sectors: { tech: 100 } }]),
        says: ["SPY", "allocation_sectors.tech", "unknown sector"]
      },
      {
        what: 'with a price of "abc"',
        text: JSON.stringify([{ ...spy, current_price: "abc" }]),
        says: ["SPY", "current_price", "expected a price"]
      },
      { what: "in broken JSON", text: "[{", says: ["is not JSON"] },
      { what: "that is there twice", text: JSON.stringify([spy, spy]), says: ["SPY", "twice"] },
      { what: "without a symbol", text: JSON.stringify([spy, { name: "x" }]), says: ["entry 2", "symbol"] },
      { what: "that is not in a list", text: JSON.stringify(spy), says: ["expected an array"] }
    ]
  for (const { says, text, what } of refused) {
    it.effect(`${what} is refused, naming file, instrument and field`, () =>
      Effect.gen(function* () {
        const file = yield* fileOf(text)
        const error = yield* Effect.flip(SeedFile.readInstruments(file))
        assert.strictEqual(error._tag, "SeedInvalid")
        for (const word of [file, ...says]) assert.include(error.message, word)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("is read in UTF-16, and refused where it is no text", () =>
    Effect.gen(function* () {
      const text = JSON.stringify([{ ...spy, name: "Café" }])
      const [read] = yield* SeedFile.readInstruments(yield* fileOf(Buffer.from(`\uFEFF${text}`, "utf16le")))
      assert.strictEqual(read?.name, "Café")
      const error = yield* Effect.flip(SeedFile.readInstruments(yield* fileOf(Buffer.from(text, "latin1"))))
      assert.include(error.message, "can't be read: line 1 is not UTF-8")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is refused with every one of its mistakes, not only the first", () =>
    Effect.gen(function* () {
      const file = yield* fileOf(JSON.stringify([{ ...spy, current_price: "abc", allocation_regions: { europe: 99 } }]))
      const error = yield* Effect.flip(SeedFile.readInstruments(file))
      assert.lengthOf(error.problems, 2)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

/** `counted`: the database is behind a Data API whose requests are counted. */
const behaviour = <E>(database: Layer.Layer<Layer.Success<typeof embedded>, E>, counted: boolean) =>
  layer(database, { timeout: "60 seconds" })((it) => {
    it.effect("inserts the package's instruments with one request, and finds them unchanged the next time", () =>
      Effect.gen(function* () {
        yield* Migrate.migrate({ packed: true })
        const first = yield* countRequests(Seed.seed())
        assert.lengthOf(first.sent, counted ? 1 : 0)
        assert.lengthOf(first.result.inserted, 22)
        const again = yield* Seed.seed()
        assert.deepStrictEqual([again.inserted, again.updated, again.unchanged], [[], [], 22])
      })
    )

    it.effect("says what a file would change, and changes nothing, in a dry run", () =>
      Effect.gen(function* () {
        const changed = { ...spy, name: "Another name", current_price: "1.5" }
        const file = yield* fileOf(JSON.stringify([changed, { ...spy, symbol: "NEW" }]))
        const report = yield* Seed.seed({ file, dryRun: true })
        assert.deepStrictEqual([report.inserted, report.updated], [["NEW"], ["SPY"]])
        assert.lengthOf((yield* Seed.seed({ file })).updated, 1)
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(
          yield* sql`select name, current_price::text as price, allocation_regions as regions
          from instruments where symbol = 'SPY'`,
          [{ name: "Another name", price: "1.5000", regions: { north_america: 100 } }]
        )
        yield* execute("delete from instruments where symbol = 'NEW'")
        yield* Seed.seed()
      })
    )

    it.effect("adds the test user's portfolio once, and what was lost of it", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Seed.seedPortfolio(), { users: 1, accounts: 3, positions: 5 })
        assert.deepStrictEqual(yield* Seed.seedPortfolio(), { users: 0, accounts: 0, positions: 0 })
        yield* execute("delete from positions where symbol = 'GLD'")
        assert.deepStrictEqual(yield* Seed.seedPortfolio(), { users: 0, accounts: 0, positions: 1 })
      })
    )

    it.effect(
      "lists the test user's accounts in the order of the file, and those that were added later before them",
      () =>
        Effect.gen(function* () {
          const { accounts, user } = yield* SeedFile.readPortfolio()
          const given = accounts.map(({ account_name }) => account_name)
          const { load } = yield* Portfolios.make
          const { create, deleteAll, listByUser } = yield* Accounts.make
          const names = Effect.gen(function* () {
            const loaded = (yield* load(user.clerk_user_id)).accounts.map(({ account_name }) => account_name)
            const rows = yield* listByUser(user.clerk_user_id)
            assert.deepStrictEqual(
              rows.map(({ account_name }) => account_name),
              loaded
            )
            return loaded
          })
          assert.deepStrictEqual(yield* names, given)
          yield* deleteAll(user.clerk_user_id)
          yield* Seed.seedPortfolio()
          assert.deepStrictEqual(yield* names, given)
          yield* create({ clerk_user_id: user.clerk_user_id, account_name: "Later" })
          assert.deepStrictEqual(yield* names, ["Later", ...given])
          yield* execute("delete from accounts where account_name = 'Later'")
        })
    )

    it.effect("finds all well with a migrated and seeded database", () =>
      Effect.gen(function* () {
        const report = yield* Verify.verify()
        assert.deepStrictEqual(report.findings, [])
        assert.deepStrictEqual(report.drift, [])
        assert.isTrue(report.ok)
        assert.deepStrictEqual(Object.fromEntries(report.tables.map(({ name, rows }) => [name, rows])), {
          users: 1,
          instruments: 22,
          accounts: 3,
          positions: 5,
          jobs: 0,
          portfolio_snapshots: 0,
          price_history: 0,
          agent_calls: 0
        })
        assert.isTrue(report.tables.every(({ read, rows }) => read === rows))
        assert.strictEqual(report.allocationsAt100, 22)
        assert.lengthOf(report.triggers, 5)
        assert.includeMembers([...report.indexes], ["idx_accounts_user", "idx_jobs_status", "idx_positions_account"])
        assert.strictEqual(report.distribution.assetClasses[0]?.name, "equity")
      })
    )

    it.effect("names the instrument whose allocation does not sum to 100", () =>
      Effect.gen(function* () {
        yield* execute(
          "alter table instruments drop constraint instruments_allocation_regions_check",
          `update instruments set allocation_regions = '{"europe": 50}' where symbol = 'QQQ'`
        )
        const report = yield* Verify.verify({ drift: false })
        assert.isFalse(report.ok)
        assert.deepStrictEqual(
          report.findings.map(({ message }) => message),
          ["QQQ: allocation_regions sums to 50, expected 100"]
        )
        assert.strictEqual(report.allocationsAt100, 21)
      })
    )

    it.effect("finds rows that make no sense: orphans, stuck jobs, rows that no longer decode", () =>
      Effect.gen(function* () {
        yield* execute(
          "alter table positions drop constraint positions_symbol_fkey",
          "update positions set symbol = 'GONE' where symbol = 'GLD'",
          `insert into jobs (clerk_user_id, job_type, status, started_at)
          values ('test_user_001', 'portfolio_analysis', 'running', now() - interval '2 hours')`,
          "alter table instruments drop constraint instruments_allocation_sectors_check",
          `update instruments set allocation_sectors = '{"technology": "much"}' where symbol = 'SPY'`
        )
        const { findings, ok } = yield* Verify.verify({ drift: false })
        assert.isFalse(ok)
        const messages = findings.map(({ message }) => message).join("\n")
        assert.match(messages, /1 position in unknown instruments/)
        assert.match(messages, /1 job running for more than an hour/)
        assert.match(messages, /instruments SPY: /)
      })
    )

    it.effect("still reports on a database without some of its tables or columns", () =>
      Effect.gen(function* () {
        yield* execute("alter table accounts drop column cash_interest")
        const withoutColumn = yield* Verify.verify({ drift: false })
        assert.isTrue(withoutColumn.findings.some(({ message }) => message.includes("cash_interest")))
        yield* execute("drop table jobs")
        const withoutTable = yield* Verify.verify({ drift: false })
        assert.isTrue(withoutTable.findings.some(({ message }) => message === "table jobs is missing"))
      })
    )

    it.effect("resets what is Alex's, whatever state it is in, and leaves what is not", () =>
      Effect.gen(function* () {
        yield* execute("create table somebody_elses (x integer)", "insert into somebody_elses values (7)")
        const { sent } = yield* countRequests(Reset.reset({ withTestData: true }))
        // A reset that is cut off leaves what was there.
        if (counted)
          assert.lengthOf(
            sent.filter((one) => one === "BeginTransaction" || one === "CommitTransaction"),
            2
          )
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`select x from somebody_elses`, [{ x: 7 }])
        yield* execute("drop table somebody_elses")
        assert.isTrue((yield* Verify.verify()).ok)
      })
    )

    it.effect("generates the same users every time, and only those that are missing", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const sum = sql`
          select md5(string_agg(p.id::text || p.symbol || p.quantity || a.cash_balance, ',' order by p.id)) as sum
          from positions p join accounts a on a.id = p.account_id where a.clerk_user_id like 'load_user_%'`
        assert.deepStrictEqual(yield* LoadData.generate({ users: 20, positions: 7 }), {
          users: 20,
          accounts: 60,
          positions: 140
        })
        const before = yield* sum
        assert.deepStrictEqual(yield* LoadData.generate({ users: 20, positions: 7 }), {
          users: 0,
          accounts: 0,
          positions: 0
        })
        yield* execute("delete from users where clerk_user_id like 'load_user_%'")
        yield* LoadData.generate({ users: 20, positions: 7 })
        assert.deepStrictEqual(yield* sum, before)
        assert.isTrue((yield* Verify.verify({ drift: false })).ok)
        const error = yield* Effect.flip(LoadData.generate({ users: 1, positions: 67 }))
        assert.strictEqual(error._tag, "TooManyPositions")
        yield* execute("delete from users where clerk_user_id like 'load_user_%'")
      })
    )

    it.effect("drops nothing when the generated data that was asked for can't be had", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Reset.reset({ users: 1, positions: 100 }))
        assert.strictEqual(error._tag, "TooManyPositions")
        assert.isTrue((yield* Migrate.status()).current)
      })
    )

    it.effect("drops nothing when somebody else's table depends on one of Alex's", () =>
      Effect.gen(function* () {
        yield* execute("create table follower (id varchar(255) references users)")
        const error = yield* Effect.flip(Reset.reset())
        assert.strictEqual(error._tag, "NotAlexs")
        assert.include(error.message, "on table follower")
        assert.strictEqual(
          (yield* Verify.verify({ drift: false })).tables.find(({ name }) => name === "users")?.rows,
          1
        )
        yield* execute("drop table follower")
      })
    )

    it.effect(
      "leaves another application's function of the same name and other arguments, and what depends on it",
      () =>
        Effect.gen(function* () {
          yield* execute(
            "create function is_allocation(share integer) returns boolean language sql immutable as 'select share > 0'",
            "create view shares as select is_allocation(1) as isThere"
          )
          yield* Reset.reset({ withTestData: true })
          yield* execute("select * from shares", "drop view shares", "drop function is_allocation(integer)")
        })
    )

    it.effect("drops nothing when something depends on one of Alex's functions", () =>
      Effect.gen(function* () {
        yield* execute("create view shares as select is_allocation('{}'::jsonb) as isThere")
        const error = yield* Effect.flip(Reset.reset())
        assert.strictEqual(error._tag, "NotAlexs")
        assert.include(error.message, "view shares is another application's")
        yield* execute("drop view shares")
      })
    )

    it.effect("refuses to reset a database that is not local, and sends it nothing", () =>
      Effect.gen(function* () {
        const unconfirmed = yield* countRequests(Effect.flip(Reset.reset().pipe(Effect.provide(remote))))
        assert.strictEqual(unconfirmed.result._tag, "ResetRefused")
        assert.include(unconfirmed.result.message, "--confirm production")
        const misnamed = yield* countRequests(
          Effect.flip(Reset.reset({ confirm: "prod" }).pipe(Effect.provide(remote)))
        )
        assert.strictEqual(misnamed.result._tag, "ResetRefused")
        assert.deepStrictEqual([...unconfirmed.sent, ...misnamed.sent], [])
        const report = yield* Reset.reset({ confirm: "production" }).pipe(Effect.provide(remote))
        assert.lengthOf(report.dropped, 8)
      })
    )
  })

describe("seed, reset and verify on the embedded database", () => {
  behaviour(embedded, true)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("seed, reset and verify on PostgreSQL"),
  () => {
    behaviour(postgres, false)
  }
)
