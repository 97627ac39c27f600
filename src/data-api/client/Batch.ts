/** Encodes the value sets of a batch. Each parameter has one type in all sets. */
import * as Result from "effect/Result"
import type { SqlParameter } from "../DataApi.ts"
import { parameterName } from "../statement/Placeholders.ts"
import { encode, type PgParameter } from "../values/PgValue.ts"

/** Values by name. `undefined` is NULL; in a condition it is an error. */
export type Values = Readonly<Record<string, unknown>>

/** An encoded batch. */
export interface EncodedBatch {
  /** For each name, one parameter with the type that all sets share. */
  readonly parameters: ReadonlyArray<PgParameter>
  readonly sets: ReadonlyArray<ReadonlyArray<PgParameter>>
}

const isInteger = (parameter: PgParameter): boolean =>
  parameter._tag === "Typed" && (parameter.type === "int4" || parameter.type === "int8")

/** PostgreSQL keeps 15 digits of a `float8` that becomes a `numeric`. */
const EXACT = 1e15

/** A whole number as the `float8` that a number with a fraction is; undefined if it is another value, or not exact. */
const widened = (parameter: PgParameter): PgParameter | undefined => {
  if (parameter._tag !== "Typed" || !isInteger(parameter) || !("longValue" in parameter.value)) return undefined
  const whole = Number(parameter.value.longValue)
  return Math.abs(whole) < EXACT ? { _tag: "Typed", type: "float8", value: { doubleValue: whole } } : undefined
}

const isFloat = (parameter: PgParameter): boolean => parameter._tag === "Typed" && parameter.type === "float8"

/** The values of one name in all sets: if some of its numbers are whole and some are not, all are `float8`. */
const sameNumbers = (parameters: ReadonlyArray<PgParameter>): ReadonlyArray<PgParameter> =>
  parameters.some(isFloat) ? parameters.map((parameter) => widened(parameter) ?? parameter) : parameters

const isArray = (parameter: PgParameter): boolean =>
  parameter._tag === "TextArray" || (parameter._tag === "Typed" && parameter.type.endsWith("[]"))

/** The parameter whose type fits both; undefined if a cast would change the type of one of them. */
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

const withoutList = ({ list: _, ...parameter }: Extract<PgParameter, { readonly list?: unknown }>): PgParameter =>
  parameter

/** Encodes the sets of a batch, or says why they can't be sent as one. */
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
  const columns: Array<ReadonlyArray<PgParameter>> = []
  for (const [index, name] of names.entries()) {
    const column = sameNumbers(encodedSets.flatMap((set) => set[index] ?? []))
    const [first, ...others] = column
    const parameter = others.reduce<PgParameter | undefined>((a, b) => a && common(a, b), first)
    if (parameter === undefined) return Result.fail(`The sets hold values of different types for :${name}.`)
    // The sets may hold arrays that can't be sent as lists of texts, so none is.
    parameters.push("list" in parameter ? withoutList(parameter) : parameter)
    columns.push(column)
  }
  const matched = encodedSets.map((_, set) => columns.flatMap((column) => column[set] ?? []))
  return Result.succeed({ parameters, sets: matched })
}

/** The sets as the service expects them, without the parameters that the SQL text contains as literals. */
export const parameterSets = (
  { sets }: EncodedBatch,
  literal: ReadonlySet<number>
): ReadonlyArray<ReadonlyArray<SqlParameter>> =>
  sets.map((set) =>
    set.flatMap(({ value }, index) => (literal.has(index) ? [] : [{ name: parameterName(index), value }]))
  )
