/** How a service tests its own code: on the embedded database, which answers as Aurora does. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Accounts, ClerkUserId, DbLayer, Migrate, Portfolios, Users } from "../../src/index.ts"

/** The code under test: the share of a portfolio that lies idle as cash, in percent. */
const idleCash = Effect.fn("idleCash")(function* (user: ClerkUserId) {
  const portfolios = yield* Portfolios
  const { cash, total } = yield* portfolios.summary(user)
  if (BigDecimal.isZero(total)) return 0
  return BigDecimal.toNumberUnsafe(
    BigDecimal.divideUnsafe(BigDecimal.multiply(cash, BigDecimal.fromBigInt(100n)), total)
  )
})

// One database for the block, migrated, in memory.
const database = Layer.effectDiscard(Migrate.migrate()).pipe(
  Layer.provideMerge(DbLayer.layerEmbedded({ directory: "memory" })),
  Layer.provide(NodeServices.layer)
)

const ann = ClerkUserId.make("user_ann")

layer(database, { timeout: "60 seconds" })("idle cash", (it) => {
  it.effect("is all there is where nothing is held", () =>
    Effect.gen(function* () {
      yield* (yield* Users).create({ clerk_user_id: ann })
      assert.strictEqual(yield* idleCash(ann), 0)
      const cash_balance = BigDecimal.fromStringUnsafe("12.34")
      yield* (yield* Accounts).create({ clerk_user_id: ann, account_name: "Savings", cash_balance })
      assert.strictEqual(yield* idleCash(ann), 100)
    })
  )

  it.effect("fails for a user who is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(idleCash(ClerkUserId.make("nobody")))
      assert.strictEqual(error._tag, "UserNotFound")
    })
  )

  it.effect("leaves nothing behind in a transaction that is rolled back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const bob = ClerkUserId.make("user_bob")
      const users = yield* Users
      yield* sql
        .withTransaction(Effect.andThen(users.create({ clerk_user_id: bob }), Effect.fail("no")))
        .pipe(Effect.flip)
      assert.strictEqual((yield* Effect.flip(users.findById(bob)))._tag, "UserNotFound")
    })
  )
})
