/**
 * Makes JSON Schemas that every provider accepts, and accepts values as models really send them.
 *
 * Providers refuse objects without `properties`, `allOf`, and patterns with lookaround; the codec still enforces what
 * is left out here.
 */
import type * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"

const lookaround = /\(\?<?[=!][^()]*\)/g

/** The pattern of a calendar day, for which JSON Schema has the format `date`. */
const day = String.raw`^\d{4}-\d{2}-\d{2}$`

const isNull = (schema: unknown): boolean => Predicate.isObject(schema) && schema["type"] === "null"

const member = (schema: unknown): unknown => (Predicate.isObject(schema) ? portable(schema) : schema)

const distinct = (members: ReadonlyArray<unknown>): ReadonlyArray<unknown> => [
  ...new Map(members.map((one) => [JSON.stringify(one), one])).values()
]

const members = (schemas: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, member(schema)]))

/**
 * The same schema without what providers refuse: `allOf` is merged, lookaround is removed from patterns, duplicate
 * alternatives are merged, every object has `properties`.
 */
export const portable = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  const simple: JsonSchema.JsonSchema = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "pattern" && typeof value === "string") {
      simple["pattern"] = value.replaceAll(lookaround, "")
      if (simple["pattern"] === day) simple["format"] = "date"
    } else if (keyword === "allOf" && Array.isArray(value)) Object.assign(simple, ...value.map(member))
    else if (keyword === "anyOf" && Array.isArray(value)) simple["anyOf"] = distinct(value.map(member))
    else if (keyword === "items") simple["items"] = member(value)
    else if ((keyword === "properties" || keyword === "$defs") && Predicate.isObject(value)) {
      simple[keyword] = members(value)
    } else if (keyword === "additionalProperties") simple[keyword] = member(value)
    else simple[keyword] = value
  }
  if (simple["type"] === "object" && simple["properties"] === undefined) simple["properties"] = {}
  return simple
}

const required = (schema: JsonSchema.JsonSchema): ReadonlyArray<unknown> =>
  Array.isArray(schema["required"]) ? schema["required"] : []

/** Without the alternative `null`: where an argument is optional, `null` means that it is left out. */
const withoutNull = (schema: unknown): unknown => {
  if (!Predicate.isObject(schema) || !Array.isArray(schema["anyOf"])) return schema
  const rest = schema["anyOf"].filter((one) => !isNull(one))
  const { anyOf: _, ...others } = schema
  return rest.length === 1 && Predicate.isObject(rest[0]) ? { ...rest[0], ...others } : { ...others, anyOf: rest }
}

const argumentsOf = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  const { properties } = schema
  if (!Predicate.isObject(properties)) return schema
  const closed = Object.entries(properties).map(([name, property]) => {
    const inner = required(schema).includes(name) ? property : withoutNull(property)
    return [name, Predicate.isObject(inner) ? argumentsOf(inner) : inner] as const
  })
  const isOpen = closed.length === 0 && schema["additionalProperties"] !== false
  return {
    ...schema,
    properties: Object.fromEntries(closed),
    ...(schema["items"] === undefined ? {} : { items: schema["items"] }),
    ...(isOpen ? {} : { additionalProperties: false })
  }
}

/** The schema of a tool's arguments: portable, closed, and without `null` for what may be left out. */
export const argumentSchema = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => argumentsOf(portable(schema))

// A number with more digits may not be exactly the one that was written.
const exactDigits = 15

const asText = (value: number, { pattern }: JsonSchema.JsonSchema): number | string => {
  const text = String(value)
  const isExact = text.replaceAll(/\D/g, "").length <= exactDigits
  return isExact && typeof pattern === "string" && new RegExp(pattern, "u").test(text) ? text : value
}

/**
 * Converts what models and clients really send into the value that the schema means: `null` for a member that may be
 * left out, a number instead of decimal text, a number as text. Everything else stays as it is, for the codec to check.
 */
export const accepted = (schema: unknown, value: unknown): unknown => {
  if (!Predicate.isObject(schema)) return value
  if (typeof value === "number" && schema["type"] === "string") return asText(value, schema)
  if (typeof value === "string" && (schema["type"] === "integer" || schema["type"] === "number")) {
    return /^-?\d{1,15}(\.\d+)?$/.test(value) ? Number(value) : value
  }
  if (Array.isArray(value)) return value.map((item) => accepted(schema["items"], item))
  const { properties } = schema
  if (!Predicate.isObject(value) || !Predicate.isObject(properties)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => !(one === null && name in properties && !required(schema).includes(name)))
      .map(([name, one]) => [name, name in properties ? accepted(Reflect.get(properties, name), one) : one])
  )
}

/** Whether JSON is nested no deeper than this. */
export const isNestedAtMost = (value: unknown, most: number): boolean => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; depth <= most; depth++) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []))
    if (level.length === 0) return true
  }
  return false
}
