/** The columns of a list that is sent as JSON: expressions that give each of their texts its type. Pure. */
import type { Placement } from "./Placeholders.ts"

/** How a list's values are in its text. */
export interface Values {
  readonly placementOf: (value: number) => Placement | undefined
  /** Whether a value takes the type of the others in its column: NULL, and an array without elements. */
  readonly takesType: (value: number) => boolean
  /** Whether a value has the type that PostgreSQL infers from its place, which is the same for a whole column. */
  readonly takesTypeOfPlace?: (value: number) => boolean
  /** The type that PostgreSQL infers from the place of a value that has another one, if it was asked for. */
  readonly typeOfPlace?: (value: number) => string | undefined
}

/** Where a list is. INSERT converts each value by itself; a subquery gives a column one type first. */
export type Where = "insert" | "in" | "values"

/** A column of a list. */
export interface ListColumn {
  /** The expression of its values. */
  readonly text: string
  /** If there are several types, which of them each value has. */
  readonly types?: ReadonlyArray<number>
}

/** The types of JavaScript's numbers. PostgreSQL gives a column of several of them the last one. */
const numbers = ["int4", "int8", "float8"]

/** The type of a column of a list, empty for text; undefined if its elements have several types. */
export const columnType = (types: ReadonlyArray<string>): string | undefined => {
  const several = new Set(types)
  if (several.size <= 1) return types[0] ?? ""
  return types.every((type) => numbers.includes(type)) ? numbers.findLast((type) => several.has(type)) : undefined
}

/** Whether INSERT stores values of a column, which are given one type, otherwise: a float8 does not hold every int8. */
export const loses = (type: string, types: ReadonlyArray<string>): boolean =>
  type === "float8" && types.includes("int8")

/** A text as a value of a type; text that is cast to `regclass` would be a name, and not a number. */
const castOf = (text: string, type: string): string =>
  type === "" ? text : type === "regclass" ? `${text}::oid::${type}` : `${text}::${type}`

/** A type's plain name, however it is written: `int4[]` and `"pg_catalog"."_int4"` are `int4[]`. */
export const plainName = (type: string): string => {
  const name = /^(?:"pg_catalog"\.)?"(\w+)"(\[\])?$/.exec(type)
  if (name === null) return type === "" ? "text" : type
  const element = name[1] ?? ""
  return element.startsWith("_") ? `${element.slice(1)}[]` : `${element}${name[2] ?? ""}`
}

/** Types that PostgreSQL gives a common type, to which it converts a value as an explicit cast does. */
const kin = [/^(?:int2|int4|int8|float4|float8|numeric)$/, /^(?:date|timestamp|timestamptz)$/]

/** Whether a value of a type is converted to the column's type as its explicit cast does. */
const isConverted = (type: string, column: string, where: Where): boolean => {
  // INSERT writes any value into a column of text.
  if (where === "insert" && /^(?:text|varchar|bpchar)$/.test(column)) return true
  if (where === "insert" && /^jsonb?$/.test(column)) return /^jsonb?$/.test(type)
  const ofArrays = type.endsWith("[]") && column.endsWith("[]")
  const [from, to] = ofArrays ? [type.slice(0, -2), column.slice(0, -2)] : [type, column]
  return kin.some((types) => types.test(from) && types.test(to))
}

/** Values of several types, each cast to its own and then to the type that PostgreSQL infers for the column. */
const severalTypes = (
  text: string,
  typeText: string,
  values: ReadonlyArray<number>,
  typeOf: (value: number) => string,
  { takesType, takesTypeOfPlace, typeOfPlace }: Values,
  where: Where
): ListColumn | undefined => {
  const target = values.find((value) => !takesType(value) && takesTypeOfPlace?.(value) === true)
  const column = target !== undefined ? typeOf(target) : typeOfPlace?.(values[0] ?? 0)
  if (column === undefined) return undefined
  const types = [column]
  const places = values.map((value) => {
    if (takesType(value)) return 0
    const type = typeOf(value)
    const known = types.findIndex((other) => plainName(other) === plainName(type))
    return known === -1 ? types.push(type) - 1 : known
  })
  const others = types.slice(1)
  if (!others.every((type) => isConverted(plainName(type), plainName(column), where))) return undefined
  const cases = others.map((type, at) => `when '${at + 1}' then ${castOf(castOf(text, type), column || "text")}`)
  return { text: `case ${typeText} ${cases.join(" ")} else ${castOf(text, column)} end`, types: places }
}

/**
 * The expression for a column of a list; undefined if its values can't be converted as PostgreSQL does.
 *
 * @param text The expression for the text of a value.
 * @param typeText The expression for the number of its type; undefined if it can't be sent.
 */
export const columnOf = (
  text: string,
  typeText: string | undefined,
  column: ReadonlyArray<number>,
  values: Values,
  where: Where
): ListColumn | undefined => {
  const own = column.filter((value) => !values.takesType(value))
  const shown = own.length > 0 ? own : column
  if (shown.some((value) => values.placementOf(value)?._tag === "Literal")) return undefined
  const typeOf = (value: number): string => {
    const placement = values.placementOf(value)
    return placement?._tag === "Cast" ? placement.type : ""
  }
  const types = shown.map(typeOf)
  const type = new Set(types.map(plainName)).size === 1 ? types[0] : columnType(types)
  if (type === undefined || (where === "insert" && loses(type, types))) {
    if (where === "in" || typeText === undefined) return undefined
    return severalTypes(text, typeText, column, typeOf, values, where)
  }
  // The type of an untyped NULL is left to INSERT, and is text in VALUES, as without the list.
  if (own.length === 0 && type === "") return where === "in" ? undefined : { text: "null" }
  return { text: castOf(text, type) }
}
