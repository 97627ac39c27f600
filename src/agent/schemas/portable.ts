/**
 * Makes JSON Schemas that every provider accepts.
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

const argumentsWithin = (schema: unknown): unknown => (Predicate.isObject(schema) ? argumentsOf(schema) : schema)

const argumentsOf = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  const { additionalProperties, items, properties } = schema
  if (items !== undefined) return { ...schema, items: argumentsWithin(items) }
  if (!Predicate.isObject(properties)) return schema
  const closed = Object.entries(properties).map(([name, property]) => {
    const inner = required(schema).includes(name) ? property : withoutNull(property)
    return [name, argumentsWithin(inner)] as const
  })
  return {
    ...schema,
    properties: Object.fromEntries(closed),
    ...(additionalProperties === undefined ? {} : { additionalProperties: argumentsWithin(additionalProperties) }),
    ...(closed.length > 0 && { additionalProperties: false })
  }
}

/** The schema of a tool's arguments: portable, closed, and without `null` for what may be left out. */
export const argumentSchema = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => argumentsOf(portable(schema))
