import { readFile } from "node:fs/promises"
import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Domain from "../../src/domain/index.ts"

const seed = (name: string) =>
  Effect.map(
    Effect.promise(() => readFile(new URL(`../../seeds/${name}`, import.meta.url), "utf8")),
    (text): unknown => JSON.parse(text)
  )

it.effect("the 22 seed instruments are valid and classified completely", () =>
  Effect.gen(function* () {
    const input = yield* seed("instruments.json")
    const Classified = Schema.Struct({
      symbol: Domain.InstrumentSymbol,
      name: Domain.InstrumentCreate.fields.name,
      current_price: Domain.Price,
      ...Domain.InstrumentClassification.fields
    })
    const instruments = yield* Schema.decodeUnknownEffect(Schema.Array(Classified), Domain.strict)(input)
    assert.strictEqual(instruments.length, 22)
    assert.strictEqual(new Set(instruments.map((instrument) => instrument.symbol)).size, 22)
    yield* Schema.decodeUnknownEffect(Schema.Array(Domain.InstrumentCreate), Domain.strict)(input)
  })
)

it.effect("the test portfolio is valid: 1 user, 3 accounts, 5 positions", () =>
  Effect.gen(function* () {
    const { account_name, account_purpose, cash_balance, cash_interest } = Domain.AccountCreate.fields
    const { quantity, symbol } = Domain.PositionCreate.fields
    const TestPortfolio = Schema.Struct({
      user: Domain.UserCreate,
      accounts: Schema.Array(
        Schema.Struct({
          account_name,
          account_purpose,
          cash_balance,
          cash_interest,
          positions: Schema.Array(Schema.Struct({ symbol, quantity }))
        })
      )
    })
    const { accounts } = yield* Schema.decodeUnknownEffect(
      TestPortfolio,
      Domain.strict
    )(yield* seed("test-portfolio.json"))
    assert.strictEqual(accounts.length, 3)
    assert.strictEqual(accounts.flatMap((account) => account.positions).length, 5)
  })
)
