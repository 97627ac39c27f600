/** Every operation of the repositories against a model of the tables, in sequences that follow from a seed. */
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Services } from "./model/Operation.ts"
import { sequence } from "./model/Sequence.ts"
import { embedded, hasPostgres, postgres, skipWithoutPostgres } from "./TestRepositories.ts"

const long = process.env["ALEX_LONG"] !== undefined
const sizes = long ? { seeds: 300, steps: 100 } : { seeds: 4, steps: 50 }

const suite = <E>(name: string, repositories: Layer.Layer<Services, E>) =>
  layer(repositories, { timeout: "60 seconds", excludeTestServices: true })(name, (it) => {
    it.effect(
      "every operation comes to what a model of the tables says, whatever becomes of the transactions around it",
      () =>
        Effect.gen(function* () {
          for (let seed = 1; seed <= sizes.seeds; seed++) {
            const { said, wrong } = yield* sequence(seed, sizes.steps)
            assert.isUndefined(wrong, `seed ${seed}:\n${said.join("\n")}\ncame to ${wrong}`)
          }
        }),
      long ? 3_600_000 : 120_000
    )
  })

suite("the repositories on the embedded database, against a model", embedded)
if (hasPostgres) suite("the repositories on PostgreSQL, against a model", postgres)
else skipWithoutPostgres("the repositories against a model")
