/** Converts what models write into the value that its JSON Schema means, and reports what was changed. */
import { type JsonSchema, Predicate } from "effect"
import type { Problem } from "../../domain/index.ts"
import { exactNumber } from "../../spelling/ExactNumber.ts"
import { Digits, Fields, type Loose } from "./looseJson.ts"
import { amountFor, decimalText, plainNumber, wordFor } from "./spellings.ts"

type Node = JsonSchema.JsonSchema

/** A JSON value for a codec to decode, with the repairs that were made. */
export interface Coerced {
  readonly value: unknown
  readonly repairs: ReadonlyArray<string>
  /** Values that can't be converted. */
  readonly refused: ReadonlyArray<Problem>
  /** How deep the first value is that has not the shape that the schema has there; `nowhere` if all have. */
  readonly misfit: number
}

const nowhere = Number.MAX_SAFE_INTEGER

const isNode = (value: unknown): value is Node => Predicate.isObject(value)

/** The schema that a reference means. */
const resolved = (root: Node, schema: unknown): Node => {
  if (!isNode(schema)) return {}
  const { $ref } = schema
  if (typeof $ref !== "string" || !isNode(root["$defs"])) return schema
  const meant = Reflect.get(root["$defs"], $ref.replace("#/$defs/", ""))
  return isNode(meant) ? meant : schema
}

const typeOf = (loose: Loose): string => {
  if (loose instanceof Fields) return "object"
  if (Array.isArray(loose)) return "array"
  return loose instanceof Digits ? "number" : "string"
}

/** An object, a list, or neither: text and numbers are read as one another. */
const shapeOf = (type: unknown): unknown => (type === "object" || type === "array" ? type : "text")

const named = (path: string) => (path === "" ? "the answer" : path)

class Coercion {
  readonly repairs: Array<string> = []
  readonly refused: Array<Problem> = []
  misfit = nowhere
  readonly root: Node

  constructor(root: Node) {
    this.root = root
  }

  say(path: string, what: string): void {
    this.repairs.push(`${named(path)}: ${what}`)
  }

  /** Notes a value of another shape than the schema has there, or none. */
  missed(path: string): void {
    this.misfit = Math.min(this.misfit, path === "" ? 0 : path.split(".").length)
  }

  take(given: unknown, loose: Loose, path: string): unknown {
    const schema = resolved(this.root, given)
    if (Array.isArray(schema["anyOf"])) return this.takeOne(schema["anyOf"], loose, path)
    if (schema["type"] !== undefined && shapeOf(schema["type"]) !== shapeOf(typeOf(loose))) this.missed(path)
    if (loose instanceof Digits) return this.takeDigits(schema, loose.text, path)
    if (typeof loose === "string") return this.takeText(schema, loose, path)
    if (loose instanceof Fields) return this.takeFields(schema, loose, path)
    if (Array.isArray(loose)) return loose.map((item, index) => this.take(schema["items"], item, `${path}.${index}`))
    return loose
  }

  takesNull(given: unknown): boolean {
    const { anyOf } = resolved(this.root, given)
    return Array.isArray(anyOf) && anyOf.some((member) => resolved(this.root, member)["type"] === "null")
  }

  takeOne(members: ReadonlyArray<unknown>, loose: Loose, path: string): unknown {
    const nodes = members.map((member) => resolved(this.root, member))
    if (loose === null && nodes.some((node) => node["type"] === "null")) return null
    const type = typeOf(loose)
    const best = nodes.find((node) => node["type"] === type) ?? nodes.find((node) => node["type"] !== "null")
    return this.take(best, loose, path)
  }

  takeDigits(schema: Node, text: string, path: string): unknown {
    if (schema["type"] === "string" && schema["pattern"] !== undefined) {
      this.say(path, "a number was read as decimal text")
      return decimalText(text)
    }
    const number = exactNumber(text)
    if (number === undefined) {
      this.refused.push({ path, message: "has more digits than a number keeps; send it as text" })
    }
    return number
  }

  takeText(schema: Node, text: string, path: string): unknown {
    const { enum: options, pattern, type } = schema
    if (type === "number" || type === "integer") {
      const number = exactNumber(plainNumber(text, schema["description"]) ?? "")
      if (number === undefined) return text
      this.say(path, "text was read as a number")
      return number
    }
    if (Array.isArray(options) && !options.includes(text)) {
      const word = wordFor(options, text)
      if (word === undefined) return text
      this.say(path, "was spelled as the vocabulary has it")
      return word
    }
    if (typeof pattern === "string" && !new RegExp(pattern, "u").test(text)) {
      const amount = amountFor(schema, text)
      if (amount === undefined) return text
      this.say(path, "signs around a number were left out")
      return amount
    }
    return text
  }

  takeFields(schema: Node, { members }: Fields, path: string): unknown {
    const properties: Node = isNode(schema["properties"]) ? schema["properties"] : {}
    const required: ReadonlyArray<unknown> = Array.isArray(schema["required"]) ? schema["required"] : []
    const rest = schema["additionalProperties"]
    const taken: Array<readonly [string, unknown]> = []
    for (const [written, loose] of members) {
      const inner = (name: string) => (path === "" ? name : `${path}.${name}`)
      const name = Object.hasOwn(properties, written) ? written : (wordFor(Object.keys(properties), written) ?? written)
      if (name !== written) this.say(inner(name), "its name was spelled as the schema has it")
      if (taken.some(([one]) => one === name)) {
        this.refused.push({ path: inner(name), message: "comes twice, in two spellings" })
      } else if (Object.hasOwn(properties, name)) {
        if (loose === null && !required.includes(name)) this.say(inner(name), "null was left out")
        else taken.push([name, this.take(properties[name], loose, inner(name))])
      } else if (rest === false && required.length === 0) {
        // An object that needs no member has shares by name: without one of them it means something else.
        const message = `is no name that is known here; expected one of ${Object.keys(properties).join(", ")}`
        this.refused.push({ path: inner(name), message })
      } else if (rest === false) this.say(inner(name), "was not asked for and left out")
      else taken.push([name, this.take(rest, loose, inner(name))])
    }
    for (const name of required) {
      const isThere = taken.some(([one]) => one === name)
      if (isThere || typeof name !== "string") continue
      const inner = path === "" ? name : `${path}.${name}`
      if (!this.takesNull(properties[name])) {
        this.missed(inner)
        continue
      }
      this.say(inner, "was missing and read as null")
      taken.push([name, null])
    }
    return Object.fromEntries(taken)
  }
}

/** Reads a loose value by a schema, whose patterns must not use lookaround. */
export const coerced = (schema: Node, loose: Loose): Coerced => {
  const coercion = new Coercion(schema)
  const value = coercion.take(schema, loose, "")
  return { value, repairs: coercion.repairs, refused: coercion.refused, misfit: coercion.misfit }
}
