/** Entities as JSON, for those who need not know Effect's codecs. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { strict } from "./Allocation.ts"
import { InvalidInput, problemsOf } from "./Problems.ts"

/** From JSON and to JSON; the names are those of the fields. */
export interface JsonForm<A> {
  /**
   * Reads what `JSON.parse` gave; every problem is named with its path, and an unknown member is one.
   *
   * @errors InvalidInput
   */
  readonly fromJson: (json: unknown) => Effect.Effect<A, InvalidInput>

  /** What `JSON.stringify` takes: decimals as text, times in ISO 8601. */
  readonly toJson: (value: A) => Schema.Json
}

const lazily = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}

/**
 * Adds `fromJson` and `toJson` to a schema. `input` is what is read, where that admits more than what is written.
 *
 * The codecs are made when they are first asked for, so that a program that needs none pays for none.
 */
export const withJson = <S extends Schema.Codec<unknown, unknown>>(
  subject: string,
  schema: S,
  input: () => Schema.Codec<S["Type"], unknown> = () => schema
): S & JsonForm<S["Type"]> => {
  const decode = lazily(() => Schema.decodeUnknownEffect(Schema.toCodecJson(input()), strict))
  const encode = lazily(() => Schema.encodeSync(Schema.toCodecJson(schema)))
  const form: JsonForm<S["Type"]> = {
    fromJson: (json) =>
      Effect.mapError(decode()(json), (error) => new InvalidInput({ subject, problems: problemsOf(error) })),
    toJson: (value) => encode()(value)
  }
  return Object.assign(schema, form)
}
