/** Checks the arguments that no schema reads: programs without types, JSON and models pass others than the types allow. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { InvalidInput } from "../../domain/Problems.ts"
import { asText } from "../../domain/Text.ts"

/** Takes any value, whatever it should be. */
type Fits = { fits(value: unknown): boolean }["fits"]

/** Whether a value is as it should be, and what is expected. */
export type Rule = readonly [fits: Fits, expected: string]

const most = 2 ** 31 - 1

/** A whole number; `Infinity` where there is no other bound. */
const whole = (from: number, to = Number.POSITIVE_INFINITY): Rule => [
  (value) => Predicate.isNumber(value) && value >= from && value <= to && (value === to || Number.isInteger(value)),
  `a whole number from ${from} ${to > most ? "on" : `to ${to}`}`
]

/** How many at most. */
export const count = /* @__PURE__ */ whole(0)
/** A number as PostgreSQL's `integer` holds it: of an attempt, or of rows to pass over. */
export const int = /* @__PURE__ */ whole(0, most)
/** How many at a time: each takes memory from the beginning. */
export const workers = /* @__PURE__ */ whole(1, 10_000)

/** How long. Effect reads `NaN`, `{}` and a date as 0; only what says 0 is that here. */
export const length: Rule = [
  (value: Duration.Input) =>
    Option.exists(Duration.fromInput(value), (read) => {
      const milliseconds = Duration.toMillis(read)
      return milliseconds > 0 || (milliseconds === 0 && (Duration.isDuration(value) || asText(value).startsWith("0")))
    }),
  'a duration like "5 minutes", or milliseconds'
]

export const flag: Rule = [Predicate.isBoolean, "true or false"]
export const word: Rule = [Predicate.isString, "text"]
export const action: Rule = [Predicate.isFunction, "a function"]
export const effect: Rule = [Effect.isEffect, "an effect"]
export const list: Rule = [Array.isArray, "a list"]

/** One of these words. */
export const oneOf = (words: ReadonlyArray<unknown>): Rule => [
  (value) => words.includes(value),
  `one of ${words.join(", ")}`
]

/** A list of which each member is as a rule says. */
export const listOf = ([fits, expected]: Rule): Rule => [
  (value) => Array.isArray(value) && value.every(fits),
  `a list, each ${expected}`
]

/**
 * Fails unless each of these members is as its rule says. One that is null or left out is passed over, as JSON has no other
 * word for it, unless it is `required`.
 */
export const checked = <A extends object, Name extends keyof A & string>(
  options: A | null | undefined,
  rules: { readonly [N in Name]: Rule },
  ...required: ReadonlyArray<NoInfer<Name>>
): Effect.Effect<void, InvalidInput> => {
  const problems = Object.entries<Rule>(rules).flatMap(([path, [fits, expected]]) => {
    const value: unknown = Reflect.get(Object(options), path)
    const passes = Predicate.isNullish(value) ? !required.some((name) => name === path) : fits(value)
    return passes ? [] : [{ path, message: `expected ${expected}` }]
  })
  if (!Predicate.isNullish(options) && !Predicate.isObject(options)) {
    problems.push({ path: "", message: "expected an object with options" })
  }
  return problems.length === 0 ? Effect.void : Effect.fail(new InvalidInput({ subject: "call", problems }))
}
