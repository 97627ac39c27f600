/** In a Turkish database upper('i') is İ and lower('I') is ı: symbols are none of its words. */
import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import { Accounts, History, Instruments, Positions, Users } from "../../src/repository/index.ts"
import { hasPostgres, postgresWith, skipWithoutPostgres } from "./TestRepositories.ts"

const turkish = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'"
const one = BigDecimal.fromBigInt(1n)

if (!hasPostgres) skipWithoutPostgres("symbols in a Turkish database")
else {
  layer(postgresWith(turkish), { timeout: "60 seconds", excludeTestServices: true })(
    "symbols in a Turkish database",
    (it) => {
      it.effect("are the same instruments in small letters and in capitals", () =>
        Effect.gen(function* () {
          const instruments = yield* Instruments
          const [capitals, small] = [InstrumentSymbol.make("SPIX"), InstrumentSymbol.make("spix")]
          assert.isTrue((yield* instruments.register(small, { name: "Fund" })).created)
          assert.isFalse((yield* instruments.register(small)).created)
          assert.deepInclude(yield* instruments.upsert({ symbol: small, name: "Fund I", instrument_type: "etf" }), {
            updated: [capitals]
          })
          assert.deepInclude(yield* instruments.setPrices([{ symbol: small, current_price: one }]), {
            updated: [capitals]
          })
          assert.strictEqual((yield* instruments.findMany([small])).length, 1)
          assert.strictEqual((yield* instruments.update(small, { name: "Yeni Fon" })).symbol, capitals)
          const period = { from: "2000-01-01", to: "9999-12-31" }
          assert.strictEqual((yield* (yield* History).prices(small, period)).length, 1)

          const clerk_user_id = ClerkUserId.make("kullanici")
          yield* (yield* Users).create({ clerk_user_id })
          const { id: account_id } = yield* (yield* Accounts).create({ clerk_user_id, account_name: "IRA" })
          const positions = yield* Positions
          const put = { account_id, symbol: small, quantity: one }
          assert.strictEqual((yield* positions.registerAndPut(put)).symbol, capitals)
          assert.strictEqual((yield* positions.put(put)).symbol, capitals)
          assert.strictEqual((yield* positions.putMany([put])).positions[0]?.symbol, capitals)
          const unknown = InstrumentSymbol.make("qi")
          assert.strictEqual((yield* positions.registerAndPut({ ...put, symbol: unknown })).symbol, "QI")
        })
      )

      it.effect("are found by any of their letters, and names by those of the language", () =>
        Effect.gen(function* () {
          const instruments = yield* Instruments
          const symbol = InstrumentSymbol.make("SIM")
          yield* instruments.create({ symbol, name: "IŞIK Fonu", instrument_type: "etf" })
          for (const part of ["sim", "SIM", "sIm", "si", "im", "ışık", "IŞIK"]) {
            assert.deepStrictEqual(
              (yield* instruments.search(part)).map((found) => found.symbol),
              [symbol],
              part
            )
          }
        })
      )
    }
  )
}
