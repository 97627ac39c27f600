/** One statement with many sets of values: its parameters, each of one type in all sets. */
import * as Result from "effect/Result"
import type { SqlParameter } from "../DataApi.ts"
import { parameterName } from "../statement/Placeholders.ts"
import { encode, type PgParameter } from "../values/PgValue.ts"

/** Values by name. `undefined` is NULL, but in a condition it is refused. */
export type Values = Readonly<Record<string, unknown>>

/** What a batch sends. */
export interface EncodedBatch {
  /** For each name, a parameter that stands for those of all sets. */
  readonly parameters: ReadonlyArray<PgParameter>
  readonly sets: ReadonlyArray<ReadonlyArray<PgParameter>>
}

const isInteger = (parameter: PgParameter): boolean =>
  parameter._tag === "Typed" && (parameter.type === "int4" || parameter.type === "int8")

const isArray = (parameter: PgParameter): boolean =>
  parameter._tag === "TextArray" || (parameter._tag === "Typed" && parameter.type.endsWith("[]"))

/** A parameter whose type both have; undefined where a cast would read one as another type, which it is not. */
const common = (a: PgParameter, b: PgParameter): PgParameter | undefined => {
  if (b._tag === "Null") return a
  if (a._tag === "Null") return b
  if (b._tag === "EmptyArray") return a._tag === "EmptyArray" || isArray(a) ? a : undefined
  if (a._tag === "EmptyArray") return isArray(b) ? b : undefined
  if (a._tag === "Typed" && b._tag === "Typed") {
    if (a.type === b.type) return a
    return isInteger(a) && isInteger(b) ? (a.type === "int8" ? a : b) : undefined
  }
  return a._tag === b._tag ? a : undefined
}

/** Encodes the sets of a batch, or says why they can't be one. */
export const encodeSets = (
  names: ReadonlyArray<string>,
  sets: ReadonlyArray<Values>
): Result.Result<EncodedBatch, string> => {
  const encodedSets: Array<ReadonlyArray<PgParameter>> = []
  for (const [index, set] of sets.entries()) {
    const other =
      Object.keys(set).find((name) => !names.includes(name)) ?? names.find((name) => !Object.hasOwn(set, name))
    if (other !== undefined) return Result.fail(`Set ${index} and set 0 differ in :${other}.`)
    const encoded = encode(names.map((name) => set[name]))
    if (Result.isFailure(encoded)) return Result.fail(`Set ${index} can't be sent: ${encoded.failure.message}.`)
    encodedSets.push(encoded.success)
  }
  const parameters: Array<PgParameter> = []
  for (const [index, name] of names.entries()) {
    const [first, ...others] = encodedSets.flatMap((set) => set[index] ?? [])
    const parameter = others.reduce<PgParameter | undefined>((a, b) => a && common(a, b), first)
    if (parameter === undefined) return Result.fail(`The sets hold values of different types for :${name}.`)
    parameters.push(parameter)
  }
  return Result.succeed({ parameters, sets: encodedSets })
}

/** The sets as the service takes them, without the parameters that the text holds as literals. */
export const parameterSets = (
  { sets }: EncodedBatch,
  literal: ReadonlySet<number>
): ReadonlyArray<ReadonlyArray<SqlParameter>> =>
  sets.map((set) =>
    set.flatMap(({ value }, index) => (literal.has(index) ? [] : [{ name: parameterName(index), value }]))
  )
