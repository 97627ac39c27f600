/** Rows that other programs wrote, in every table: verify names them, and says how many rows it has read. */
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Migrate, Verify } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { embedded, execute, postgres } from "../TestOperations.ts"

const values = `'{"equity": "1"}', '{}', '{}', '{}'`

const call = "clerk_user_id, tool, arguments, outcome, milliseconds, bytes"

const planted = [
  "alter table price_history drop constraint price_history_price_check",
  "insert into users (clerk_user_id) values ('ann')",
  "insert into instruments (symbol, name, instrument_type, current_price) values ('OLD', 'Old', 'etf', 1)",
  "insert into price_history values ('OLD', '2026-01-01', 1), ('OLD', '2026-01-02', 'NaN'), ('OLD', '2026-01-03', -1)",
  `insert into portfolio_snapshots values ('ann', '2026-01-01', 0, 0, 0, ${values})`,
  `insert into portfolio_snapshots values ('ann', '2026-01-02', 0, 0, 'NaN', ${values})`,
  "insert into portfolio_snapshots values ('ann', '2026-01-03', 0, 0, 0, '[]', '{}', '{}', '{}')",
  `insert into portfolio_snapshots values ('ann', '2026-01-04', 0, 0, 0, '{"equity": "much"}', '{}', '{}', '{}')`,
  `insert into agent_calls (${call}) values ('ann', 'x', '', 'ok', 1, 1)`,
  `insert into agent_calls (id, called_at, ${call})
    values ('11111111-1111-4111-8111-111111111111', '294276-12-31', 'ann', 'x', '', 'ok', 1, 1)`
]

const suite = <E>(name: string, database: Layer.Layer<Layer.Success<typeof postgres>, E>) =>
  layer(database, { timeout: "60 seconds", excludeTestServices: true })(name, (it) => {
    it.effect(
      "verify names the rows of the history and of the agents' calls that can't be read, and how many it read",
      () =>
        Effect.gen(function* () {
          yield* Migrate.migrate()
          yield* execute(...planted)
          const report = yield* Verify.verify({ drift: false })
          const said = report.findings.filter(({ check }) => check === "invalid rows").map(({ message }) => message)
          const expected = [
            /^2 prices that are negative, not a number or of no day: OLD 2026-01-02, OLD 2026-01-03$/,
            /^2 snapshots whose values are not numbers by name, or of no day: ann 2026-01-02, ann 2026-01-03$/,
            /^price_history OLD 2026-01-02: /,
            /^portfolio_snapshots ann 2026-01-02: .*total/,
            /^portfolio_snapshots ann 2026-01-03: .*accounts/,
            /^portfolio_snapshots ann 2026-01-04: .*equity/,
            /^agent_calls 11111111-1111-4111-8111-111111111111: .*called_at/
          ]
          for (const one of expected) {
            assert.strictEqual(said.filter((message) => one.test(message)).length, 1, `${one}: ${said.join("\n")}`)
          }
          assert.strictEqual(said.length, expected.length, said.join("\n"))
          const read = Object.fromEntries(report.tables.map((table) => [table.name, table.read]))
          const counts = { users: 1, instruments: 1, price_history: 3, portfolio_snapshots: 4, agent_calls: 2, jobs: 0 }
          assert.deepInclude(read, counts)
          yield* execute(
            "insert into price_history select 'OLD', date '2027-01-01' + i, 1 from generate_series(1, 700) as i"
          )
          const more = yield* Verify.verify({ drift: false })
          const [prices] = more.tables.filter((table) => table.name === "price_history")
          assert.deepInclude(prices, { rows: 703, read: 500 })
          assert.match(more.findings.map(({ message }) => message).join("\n"), /^2 prices that are negative/m)
        })
    )
  })

suite("the rows of an embedded database", embedded)
if (TestDatabase.postgresUrl !== undefined) suite("the rows of a database on PostgreSQL", postgres)
