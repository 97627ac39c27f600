/** Entities as JSON, for callers who don't use Effect's codecs. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { strict } from "./Allocation.ts"
import type { DigitsOption } from "./Decimal.ts"
import { InvalidInput, problemsOf } from "./Problems.ts"

/** Reads and writes JSON; its members are named like the fields. */
export interface JsonForm<A> {
  /**
   * Decodes the result of `JSON.parse`. The error names every problem with its path; an unknown member is a problem.
   *
   * @errors InvalidInput
   */
  readonly fromJson: (json: unknown) => Effect.Effect<A, InvalidInput>

  /** Encodes a value for `JSON.stringify`: decimals as text, times in ISO 8601. */
  readonly toJson: (value: A) => Schema.Json
}

/**
 * The most levels of JSON that are written or sent: what the embedded database takes. PostgreSQL's own stack of 2 MiB
 * holds at least twice as many; `JSON.stringify` of Node 24 about 4,000, and of Node 26 any number.
 */
export const deepestJson = 3_000

/** Whether JSON is nested no deeper than this. It need not end: an object that refers to itself is nested deeper. */
export const isNestedAtMost = (value: unknown, most: number): boolean => {
  const open: Array<{ readonly value: object; readonly depth: number }> = []
  const fits = (value: unknown, depth: number): boolean => {
    if (typeof value === "object" && value !== null) open.push({ value, depth })
    return depth <= most
  }
  if (!fits(value, 0)) return false
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const depth = next.depth + 1
    if (!Object.values(next.value).every((member) => fits(member, depth))) return false
  }
  return true
}

const tooDeep = (subject: string): InvalidInput =>
  new InvalidInput({
    subject,
    problems: [{ path: "", message: "expected a value that is not nested thousands deep" }]
  })

/** The JSON that was given, unless it is nested deeper than {@link deepestJson}. */
export const notTooDeep = <A>(subject: string, json: A): Effect.Effect<A, InvalidInput> =>
  isNestedAtMost(json, deepestJson) ? Effect.succeed(json) : Effect.fail(tooDeep(subject))

/** Refuses input for which the stack was too small: the codecs call themselves for each level. */
export const refusingDepth =
  (subject: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | InvalidInput, R> =>
    Effect.catchDefect(effect, (defect) =>
      defect instanceof RangeError && defect.message.includes("call stack")
        ? Effect.fail(tooDeep(subject))
        : Effect.die(defect)
    )

const lazily = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}

/**
 * Adds `fromJson` and `toJson` to a schema. `input` makes the schema to read with, if it accepts more than `schema`.
 *
 * The codecs are made on first use, so that a program that needs none pays for none.
 */
export const withJson = <S extends Schema.Codec<unknown, unknown>>(
  subject: string,
  schema: S,
  input: (options: DigitsOption) => Schema.Codec<S["Type"], unknown> = () => schema
): S & JsonForm<S["Type"]> => {
  const decode = lazily(() => Schema.decodeUnknownEffect(Schema.toCodecJson(input({ digits: "refuse" })), strict))
  const encode = lazily(() => Schema.encodeSync(Schema.toCodecJson(schema)))
  const form: JsonForm<S["Type"]> = {
    fromJson: (json) =>
      Effect.suspend(() => notTooDeep(subject, json)).pipe(
        Effect.flatMap((json) =>
          Effect.mapError(decode()(json), (error) => new InvalidInput({ subject, problems: problemsOf(error) }))
        ),
        refusingDepth(subject)
      ),
    toJson: (value) => encode()(value)
  }
  return Object.assign(schema, form)
}
