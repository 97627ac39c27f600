/** An operation of a repository with its arguments, and what arguments are drawn from. */
import { Effect, Exit } from "effect"
import type { SqlClient } from "effect/sql"
import { ClerkUserId, InstrumentSymbol } from "../../../src/domain/index.ts"
import type {
  Accounts,
  History,
  Instruments,
  Jobs,
  Portfolios,
  Positions,
  Users
} from "../../../src/repository/index.ts"
import { numbersOf } from "../../chaos/Program.ts"
import { decimal, type Outcome, type World } from "./World.ts"

export type Services = Users | Instruments | Accounts | Positions | Jobs | Portfolios | History | SqlClient.SqlClient

export interface Operation {
  readonly text: string
  readonly run: Effect.Effect<unknown, { readonly _tag: string }, Services>
  /** Changes the tables as the operation should; `actual` has the ids that the database gave. */
  readonly expect: (world: World, actual: unknown, now: number) => Outcome
}

/** Makes choices that follow from a seed. */
export interface Draw {
  readonly one: <const A>(values: readonly [A, ...ReadonlyArray<A>]) => A
  readonly chance: (share: number) => boolean
  readonly some: <A>(make: () => A, most: number) => ReadonlyArray<A>
  /** A member with one of these values, or none. */
  readonly maybe: <K extends string, const A>(
    key: K,
    values: readonly [A, ...ReadonlyArray<A>]
  ) => { readonly [Key in K]?: A }
  /** The key of a row, in any case, or of none. */
  readonly key: (rows: ReadonlyMap<string, unknown>) => string
  readonly user: () => ClerkUserId
  readonly symbol: () => InstrumentSymbol
  /** Whose rows alone an operation may see; everyone's if there is none. */
  readonly owner: () => ClerkUserId | undefined
}

const nowhere = "00000000-0000-4000-8000-000000000000"

export const users = ["u1", "u2", "u'3", "ü 4%"].map((id) => ClerkUserId.make(id))
const inCapitals = ["SPY", "VTI", "BRK.B", "X", "GLD-1", "LONGSYMBOL12345678 Z"]
export const symbols = [...inCapitals, ...inCapitals.map((symbol) => symbol.toLowerCase())].map((symbol) =>
  InstrumentSymbol.make(symbol)
)

export const names = ["A fund", "ä ' \" \\ % _", "𝒳", "null"] as const
export const money = [decimal("0"), decimal("0.01"), decimal("1234.5"), decimal("9999999999.99")] as const
export const prices = [decimal("0"), decimal("0.0001"), decimal("450.25"), decimal("99999999.9999")] as const
export const quantities = ["1", "0.00000001", "10.5", "500000000000", "999999999999.99999999", "3"] as const
export const regions = [
  {},
  { north_america: 100 },
  { north_america: 60.5, europe: 39.5 },
  { asia: 33.33, europe: 66.64 }
] as const
export const classes = [{}, { equity: 100 }, { equity: 70, cash: 30 }] as const

export const drawOf = (seed: number): Draw => {
  const next = numbersOf(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  const chance = (share: number) => next() < share
  const one: Draw["one"] = (values) => values[below(values.length)] ?? values[0]
  const from = <A>(values: ReadonlyArray<A>, none: A): A => values[below(values.length)] ?? none
  const user = () => from(users, ClerkUserId.make("none"))
  return {
    one,
    chance,
    some: (make, most) => Array.from({ length: below(most + 1) }, make),
    maybe: (key, values) => Object(chance(0.5) ? { [key]: one(values) } : {}),
    key: (rows) => {
      const id = chance(0.05) ? nowhere : from([...rows.keys()], nowhere)
      return chance(0.1) ? id.toUpperCase() : id
    },
    user,
    symbol: () => from(symbols, InstrumentSymbol.make("NONE")),
    owner: () => (chance(0.3) ? user() : undefined)
  }
}

/** What lookups made at the same time came to: each value, or the tag of its error. */
export const atOnce = <A, R>(lookups: ReadonlyArray<Effect.Effect<A, { readonly _tag: string }, R>>) =>
  Effect.forEach(lookups, (lookup) => Effect.catch(lookup, ({ _tag }) => Effect.succeed(_tag)), {
    concurrency: "unbounded"
  })

/** The outcome of an operation. */
export const outcomeOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): Outcome => {
  if (Exit.isSuccess(exit)) return { value: exit.value }
  const [reason] = exit.cause.reasons
  return { error: reason?._tag === "Fail" ? reason.error._tag : String(reason?._tag) }
}
