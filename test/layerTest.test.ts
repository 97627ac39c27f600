import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { ClerkUserId, DbLayer, Instruments, Users } from "../src/index.ts"

const one = Effect.gen(function* () {
  const users = yield* Users
  assert.deepStrictEqual(yield* users.list(), [])
  yield* users.create({ clerk_user_id: ClerkUserId.make("ann") })
  assert.strictEqual((yield* (yield* Instruments).all()).length, 22)
})

const opening = Effect.gen(function* () {
  yield* (yield* Users).list()
})

const timed = Effect.fnUntraced(function* (effect: Effect.Effect<void, unknown, Users | Instruments>) {
  const start = performance.now()
  yield* Effect.provide(effect, DbLayer.layerTest)
  return performance.now() - start
})

const databases = process.env["ALEX_LONG"] === undefined ? 10 : 100

it.live(
  `${databases} tests have a migrated and seeded database each, and none sees what another wrote`,
  () =>
    Effect.gen(function* () {
      // The first makes the snapshot, if the package was not built with these migrations.
      yield* timed(opening)
      const open = yield* timed(opening)
      const times: Array<number> = []
      for (let n = 0; n < databases; n++) times.push(yield* timed(one))
      const mean = times.reduce((sum, time) => sum + time, 0) / times.length
      process.stderr.write(
        `layerTest: ${databases} tests took ${(mean / open).toFixed(2)} times opening one each (${Math.round(open)} ms)\n`
      )
    }),
  180_000
)

it.live("tests at the same time have databases of their own", () =>
  Effect.all([Effect.provide(one, DbLayer.layerTest), Effect.provide(one, DbLayer.layerTest)], { concurrency: 2 })
)
