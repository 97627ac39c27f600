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

/** Refuses input for which the stack was too small: `JSON.stringify` calls itself for each level. */
export const refusingDepth =
  (subject: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | InvalidInput, R> =>
    Effect.catchDefect(effect, (defect) =>
      defect instanceof RangeError && defect.message.includes("call stack")
        ? Effect.fail(
            new InvalidInput({
              subject,
              problems: [{ path: "", message: "expected a value that is not nested thousands deep" }]
            })
          )
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
      Effect.suspend(() => decode()(json)).pipe(
        Effect.mapError((error) => new InvalidInput({ subject, problems: problemsOf(error) })),
        refusingDepth(subject)
      ),
    toJson: (value) => encode()(value)
  }
  return Object.assign(schema, form)
}
