import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { AccountId, ClerkUserId } from "../../src/domain/index.ts"
import { Accounts, Instruments, Positions, Users } from "../../src/repository/index.ts"
import { embedded } from "../repository/TestRepositories.ts"

layer(embedded, { timeout: "60 seconds", excludeTestServices: true })("lists of several pages", (it) => {
  // 400 instruments or 500 positions are one page: exactly full ones, one more and one less.
  for (const count of [399, 400, 401, 500, 501, 1000]) {
    it.effect(`${count} instruments and positions are all there, once, in order`, () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const clerk_user_id = ClerkUserId.make(`holder of ${count}`)
        yield* (yield* Users).create({ clerk_user_id })
        const account = yield* (yield* Accounts).create({ clerk_user_id, account_name: "a" })
        yield* sql`DELETE FROM positions`
        yield* sql`DELETE FROM instruments`
        yield* sql`
          INSERT INTO instruments (symbol, name, instrument_type)
          SELECT 'P' || lpad(n::text, 5, '0'), 'n', 'etf' FROM generate_series(1, ${count}::int) AS n`
        yield* sql`
          INSERT INTO positions (account_id, symbol, quantity) SELECT ${account.id}::uuid, symbol, 1 FROM instruments`
        const expected = Array.from({ length: count }, (_, n) => `P${String(n + 1).padStart(5, "0")}`)
        const instruments = yield* Instruments
        const symbolsOf = (rows: ReadonlyArray<{ readonly symbol: string }>) => rows.map(({ symbol }) => symbol)
        assert.deepStrictEqual(symbolsOf(yield* instruments.all()), expected)
        assert.deepStrictEqual(symbolsOf(yield* instruments.byType("etf")), expected)
        const held = yield* (yield* Positions).listByAccount(AccountId.make(account.id))
        assert.deepStrictEqual(symbolsOf(held), expected)
      })
    )
  }
})
