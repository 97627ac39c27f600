/** Rows that a policy or a trigger keeps from the caller end in an error, and not in attempts without end. */
import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import { Accounts, Instruments, Positions, Users } from "../../src/repository/index.ts"
import { embedded } from "./TestRepositories.ts"

layer(embedded, { timeout: "60 seconds", excludeTestServices: true })("a row that is kept from the caller", (it) => {
  it.effect("is named by the operations that create or find it, and by those that upsert", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const instruments = yield* Instruments
      const users = yield* Users
      const clerk_user_id = ClerkUserId.make("user_own")
      yield* users.create({ clerk_user_id })
      const { id: account_id } = yield* (yield* Accounts).create({ clerk_user_id, account_name: "IRA" })
      yield* sql`
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RETURN NULL; END $$`
      for (const table of ["users", "instruments"]) {
        yield* sql.unsafe(`CREATE TRIGGER keep BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION keep()`)
      }
      const symbol = InstrumentSymbol.make("KEPT")
      const input = { symbol, name: "Kept", instrument_type: "etf" as const }
      const position = { account_id, symbol, quantity: BigDecimal.fromBigInt(1n) }
      const calls = [
        users.getOrCreate({ clerk_user_id: ClerkUserId.make("KEPT") }),
        instruments.register(symbol),
        instruments.upsert(input),
        instruments.fillIn(input),
        (yield* Positions).registerAndPut(position)
      ]
      for (const call of calls) {
        const refused = yield* Effect.flip<unknown, { readonly _tag: string; readonly message: string }, never>(call)
        assert.strictEqual(refused._tag, "UnreadableRow")
        assert.include(refused.message, "The row KEPT of")
        assert.include(refused.message, "row-level security or a trigger")
      }
      const { inserted, refused } = yield* instruments.upsertMany([input])
      assert.deepStrictEqual([inserted, refused.map(({ key }) => key)], [[], ["KEPT"]])
    })
  )
})
