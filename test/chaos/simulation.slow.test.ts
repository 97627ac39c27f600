import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe, inject } from "vitest"
import { programOf } from "./Program.ts"
import { distributionText, explain, search, simulate } from "./Simulation.ts"
import { VirtualTime } from "./VirtualTime.ts"
import { type Broken, World } from "./World.ts"

const seeds = (count: number, first = 1) => Array.from({ length: count }, (_, n) => first + n)

const options = { timeout: "60 seconds", excludeTestServices: true } as const
const worldLayer = (broken?: Broken) => World.layer({ snapshot: inject("snapshot"), broken })

layer(worldLayer(), options)("people at work among faults", (it) => {
  it.effect(
    "300 schedules lose nothing, double nothing, tear nothing and leave nothing open",
    () =>
      Effect.gen(function* () {
        const here = yield* World
        const { distribution, failing } = yield* Effect.promise(() => search(seeds(300), here, new VirtualTime()))
        process.stdout.write(`${distributionText(distribution)}\n`)
        if (failing !== undefined) assert.fail(explain(failing))
        assert.strictEqual(distribution.programs, 300)
      }),
    600_000
  )

  it.effect("a seed runs the same way every time", () =>
    Effect.gen(function* () {
      const here = yield* World
      for (const seed of seeds(5, 40)) {
        const [first, second] = yield* Effect.promise(async () => [
          await simulate(programOf(seed), here, new VirtualTime()),
          await simulate(programOf(seed), here, new VirtualTime())
        ])
        assert.deepStrictEqual(second, first)
      }
    })
  )
})

layer(World.layer({ snapshot: inject("snapshot"), resolveCommit: true }), options)(
  "people at work whose driver looks lost commits up",
  (it) => {
    it.effect("60 schedules lose and double nothing either", () =>
      Effect.gen(function* () {
        const here = yield* World
        const { failing } = yield* Effect.promise(() => search(seeds(60, 1000), here, new VirtualTime()))
        if (failing !== undefined) assert.fail(explain(failing))
      })
    )
  }
)

describe("what is broken on purpose", () => {
  for (const broken of ["retries what may have run", "commits after a failure"] as const) {
    layer(worldLayer(broken), options)(`a driver that ${broken}`, (it) => {
      it.effect("is caught within 200 schedules, and the schedule is cut down to what matters", () =>
        Effect.gen(function* () {
          const here = yield* World
          const { distribution, failing } = yield* Effect.promise(() => search(seeds(200), here, new VirtualTime()))
          if (failing === undefined) return assert.fail("it was not caught")
          process.stdout.write(`caught at schedule ${distribution.programs}:\n${explain(failing)}\n`)
          assert.isAtMost(failing.program.people.flat().length, 2)
        })
      )
    })
  }
})
