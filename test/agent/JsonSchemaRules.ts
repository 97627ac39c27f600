/** What the tests know of JSON Schema: the rules of each dialect, and whether a document fits a schema. */
import type { Dialect } from "../../src/agent/schemas/JsonSchemas.ts"

type Node = { readonly [keyword: string]: unknown }

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)

const common = ["$ref", "$defs", "type", "title", "description", "enum", "const", "anyOf", "properties", "required"]

const keywords: Record<Dialect, ReadonlySet<string>> = {
  "json-schema": new Set([
    ...common,
    ...["$schema", "allOf", "additionalProperties", "items", "pattern", "format", "examples", "default"],
    ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"],
    ...["minLength", "maxLength", "prefixItems", "contentMediaType", "contentSchema"]
  ]),
  openai: new Set([
    ...common,
    ...["additionalProperties", "items", "pattern", "format"],
    ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"]
  ]),
  anthropic: new Set([...common, "additionalProperties", "items", "pattern", "format"])
}

const children = (node: Node): ReadonlyArray<readonly [path: string, child: unknown]> => [
  ...["properties", "$defs"].flatMap((map) =>
    isNode(node[map]) ? Object.entries(node[map]).map(([name, child]) => [`${map}/${name}`, child] as const) : []
  ),
  ...["anyOf", "allOf"].flatMap((list) => {
    const members = node[list]
    return Array.isArray(members) ? members.map((child, index) => [`${list}/${index}`, child] as const) : []
  }),
  ...("items" in node ? [["items", node["items"]] as const] : [])
]

/** Where a document breaks the rules of its dialect; objects are closed in all three. */
export const violations = (root: Node, dialect: Dialect): ReadonlyArray<string> => {
  const found: Array<string> = []
  const visit = (node: unknown, path: string): void => {
    if (!isNode(node)) return void found.push(`${path}: not a schema`)
    const say = (problem: string) => found.push(`${path}: ${problem}`)
    for (const keyword of Object.keys(node)) if (!keywords[dialect].has(keyword)) say(`keyword ${keyword}`)
    const { $ref, additionalProperties, anyOf, pattern, properties, required, type } = node
    if (typeof $ref === "string" && resolve(root, $ref) === undefined) say(`unresolved ${$ref}`)
    if (pattern !== undefined && (typeof pattern !== "string" || !compiles(pattern))) say("pattern does not compile")
    if (type === "object" && dialect !== "json-schema") {
      const names = isNode(properties) ? Object.keys(properties) : []
      if (additionalProperties !== false) say("open object")
      const missing = names.filter((name) => !Array.isArray(required) || !required.includes(name))
      if (missing.length > 0) say(`not required: ${missing.join(", ")}`)
    }
    if (type === "object" && dialect === "json-schema") {
      if (properties !== undefined && additionalProperties !== false) say("open object")
    }
    if (type === "array" && !("items" in node)) say("array without items")
    if (dialect !== "json-schema") {
      if (type === undefined && anyOf === undefined && $ref === undefined) say("no type")
      if (typeof pattern === "string" && /\(\?[=!<]/.test(pattern)) say("pattern looks around")
      if (Array.isArray(anyOf) && new Set(anyOf.map((one) => JSON.stringify(one))).size < anyOf.length)
        say("doubled anyOf")
    }
    for (const [step, child] of children(node)) visit(child, `${path}/${step}`)
  }
  const unions = JSON.stringify(root).split('"anyOf":').length - 1
  if (dialect === "anthropic" && unions > 16) found.push(`#: ${unions} unions, of which a request may have 16`)
  if (dialect !== "json-schema" && root["type"] !== "object") found.push("#: the root is not an object")
  visit(root, "#")
  return found
}

const compiles = (pattern: string): boolean => {
  try {
    return new RegExp(pattern, "u") !== undefined
  } catch {
    return false
  }
}

const resolve = (root: Node, ref: string): unknown =>
  ref
    .replace(/^#\/?/, "")
    .split("/")
    .filter((step) => step !== "")
    .reduce((node: unknown, step) => (isNode(node) ? node[step] : undefined), root)

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

const isNumber = (value: unknown): value is number => typeof value === "number"

/** Where a document does not fit a schema. */
export const mismatches = (root: Node, document: unknown): ReadonlyArray<string> => {
  const check = (node: unknown, value: unknown, path: string): ReadonlyArray<string> => {
    if (!isNode(node)) return [`${path}: not a schema`]
    const found: Array<string> = []
    const say = (wrong: boolean, problem: string) => wrong && found.push(`${path}: ${problem}`)
    if (typeof node["$ref"] === "string") found.push(...check(resolve(root, node["$ref"]), value, path))
    const type = node["type"]
    if (type === "integer") say(!Number.isInteger(value), "not an integer")
    else if (type !== undefined) say(type !== typeOf(value), `${typeOf(value)} instead of ${String(type)}`)
    if (Array.isArray(node["enum"])) say(!node["enum"].includes(value), "not in the enum")
    if ("const" in node) say(node["const"] !== value, "not the constant")
    if (typeof value === "string") {
      const length = [...value].length
      if (typeof node["pattern"] === "string") say(!new RegExp(node["pattern"], "u").test(value), "pattern")
      if (isNumber(node["minLength"])) say(length < node["minLength"], "too short")
      if (isNumber(node["maxLength"])) say(length > node["maxLength"], "too long")
    }
    if (isNumber(value)) {
      if (isNumber(node["minimum"])) say(value < node["minimum"], "too small")
      if (isNumber(node["maximum"])) say(value > node["maximum"], "too large")
    }
    if (Array.isArray(value)) {
      if (isNumber(node["minItems"])) say(value.length < node["minItems"], "too few items")
      if ("items" in node) found.push(...value.flatMap((item, index) => check(node["items"], item, `${path}/${index}`)))
    }
    if (isNode(value)) {
      const properties = isNode(node["properties"]) ? node["properties"] : {}
      for (const name of Array.isArray(node["required"]) ? node["required"] : []) say(!(name in value), `no ${name}`)
      for (const [name, member] of Object.entries(value)) {
        const rest = node["additionalProperties"]
        if (name in properties) found.push(...check(properties[name], member, `${path}/${name}`))
        else if (isNode(rest)) found.push(...check(rest, member, `${path}/${name}`))
        else say(rest === false, `unexpected ${name}`)
      }
    }
    if (Array.isArray(node["allOf"])) for (const member of node["allOf"]) found.push(...check(member, value, path))
    if (Array.isArray(node["anyOf"])) {
      say(!node["anyOf"].some((member) => check(member, value, path).length === 0), "fits none of anyOf")
    }
    return found
  }
  return check(root, document, "#")
}
