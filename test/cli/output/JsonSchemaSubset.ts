/** Whether a JSON document is as a schema says. */
import { assert } from "@effect/vitest"

export type Json = ReturnType<typeof JSON.parse>

/** What of a value a schema does not allow; of JSON Schema as much as the reports' schemas use, and no keyword more. */
export const violations = (schema: Json, value: Json, root: Json, at = "$"): ReadonlyArray<string> => {
  const known = ["$schema", "$defs", "$ref", "type", "properties", "required", "additionalProperties", "items", "anyOf"]
  const further = ["enum", "description", "minimum", "maximum", "title", "format", "allOf", "pattern", "const"]
  for (const keyword of Object.keys(schema)) assert.include([...known, ...further], keyword, `a keyword at ${at}`)
  if (schema.$ref !== undefined) return violations(root.$defs[schema.$ref.split("/").at(-1)], value, root, at)
  if (schema.anyOf !== undefined) {
    const all = schema.anyOf.map((one: Json) => violations(one, value, root, at))
    return all.some((one: ReadonlyArray<string>) => one.length === 0) ? [] : all[0]
  }
  const types: Readonly<Record<string, boolean>> = {
    null: value === null,
    boolean: typeof value === "boolean",
    string: typeof value === "string",
    number: typeof value === "number",
    integer: Number.isInteger(value),
    array: Array.isArray(value),
    object: typeof value === "object" && value !== null && !Array.isArray(value)
  }
  if (schema.type !== undefined && types[schema.type] !== true) return [`${at}: expected ${schema.type}`]
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: expected one of ${schema.enum}`]
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => violations(schema.items ?? {}, item, root, `${at}[${index}]`))
  }
  if (types["object"] !== true || schema.properties === undefined) return []
  return [
    ...(schema.required ?? []).filter((name: string) => !(name in value)).map((name: string) => `${at}: no ${name}`),
    ...Object.entries(value).flatMap(([name, member]) =>
      schema.properties[name] === undefined
        ? [`${at}: ${name} is not in the schema`]
        : violations(schema.properties[name], member, root, `${at}.${name}`)
    )
  ]
}
