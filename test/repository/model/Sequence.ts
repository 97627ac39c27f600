/** Sequences of operations, in transactions within transactions which end in any way, that follow from a seed. */
import { Cause, Effect, Exit } from "effect"
import { SqlClient } from "effect/sql"
import { ofInstruments } from "./instruments.ts"
import { ofJobs } from "./jobs.ts"
import { type Draw, drawOf, type Operation, outcomeOf, type Services } from "./Operation.ts"
import { ofAccounts, ofUsers } from "./people.ts"
import { ofPortfolios } from "./portfolios.ts"
import { ofPositions } from "./positions.ts"
import { copyOf, emptyWorld, isSame, plain, putBack, type World } from "./World.ts"

const operation = (draw: Draw, world: World): Operation =>
  draw.one<(draw: Draw, world: World) => Operation>([
    ofUsers,
    ofInstruments,
    ofInstruments,
    ofAccounts,
    ofPositions,
    ofPositions,
    ofPortfolios,
    ofJobs,
    ofJobs,
    ofJobs
  ])(draw, world)

/** How a transaction ends. */
const endings = ["commits", "commits", "fails", "dies", "is interrupted", "fails in a statement"] as const

const ended = Effect.fnUntraced(function* (ending: (typeof endings)[number]) {
  const sql = yield* SqlClient.SqlClient
  if (ending === "fails") return yield* Effect.fail({ _tag: "RolledBack" } as const)
  if (ending === "dies") return yield* Effect.die("rolled back")
  if (ending === "is interrupted") return yield* Effect.interrupt
  if (ending === "fails in a statement") yield* sql`SELECT 1 / ${0}::int`
})

/** Runs a sequence, and returns it with what came out differently from the model; the sequence ends there. */
export const sequence = Effect.fnUntraced(function* (seed: number, steps: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DELETE FROM users`
  yield* sql`DELETE FROM instruments`
  const draw = drawOf(seed)
  const world = emptyWorld()
  const said: Array<string> = []
  let wrong: string | undefined
  let now = 0

  const one = Effect.fnUntraced(function* (depth: number) {
    const { expect, run, text } = operation(draw, world)
    said.push(`${"  ".repeat(depth)}${text}`)
    const actual = outcomeOf(yield* Effect.exit(run))
    const expected = expect(world, "value" in actual ? actual.value : undefined, now)
    if (isSame(actual, expected)) return
    wrong = `${JSON.stringify(plain(actual))}\ninstead of\n${JSON.stringify(plain(expected))}`
  })

  const step = (depth: number): Effect.Effect<void, { readonly _tag: string }, Services> =>
    Effect.gen(function* () {
      if (wrong !== undefined) return
      if (depth === 0) {
        // Accounts that are added together are a millisecond apart, back from now.
        yield* Effect.sleep("5 millis")
        now++
      }
      if (depth === 4 || !draw.chance(0.15)) return yield* one(depth)
      const before = copyOf(world)
      const ending = draw.one(endings)
      said.push(`${"  ".repeat(depth)}a transaction that ${ending}:`)
      const inner = Effect.gen(function* () {
        for (let left = draw.one([1, 2, 5, 10]); left > 0; left--) yield* step(depth + 1)
        yield* ended(ending)
      })
      const exit = yield* Effect.exit(sql.withTransaction(inner))
      if (Exit.isFailure(exit)) putBack(world, before)
      if (wrong === undefined && Exit.isSuccess(exit) !== (ending === "commits")) {
        wrong = `a transaction that ${ending} ended in ${Exit.isSuccess(exit) ? "success" : Cause.pretty(exit.cause)}`
      }
    })

  for (let at = 0; at < steps; at++) yield* step(0)
  return { said, wrong }
})
