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
}

const isNode = (value: unknown): value is Node => Predicate.isObject(value)

/** The schema that a reference means. */
const resolved = (root: Node, schema: unknown): Node => {
  if (!isNode(schema)) return {}
  const { $ref } = schema
  if (typeof $ref !== "string" || !isNode(root["$defs"])) return schema
  const meant = Reflect.get(root["$defs"], $ref.replace("#/$defs/", ""))
  return isNode(meant) ? meant : schema
}

const named = (path: string) => (path === "" ? "the answer" : path)

class Coercion {
  readonly repairs: Array<string> = []
  readonly refused: Array<Problem> = []
  readonly root: Node

  constructor(root: Node) {
    this.root = root
  }

  say(path: string, what: string): void {
    this.repairs.push(`${named(path)}: ${what}`)
  }

  take(given: unknown, loose: Loose, path: string): unknown {
    const schema = resolved(this.root, given)
    if (Array.isArray(schema["anyOf"])) return this.takeOne(schema["anyOf"], loose, path)
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
    const type =
      loose instanceof Fields
        ? "object"
        : Array.isArray(loose)
          ? "array"
          : loose instanceof Digits
            ? "number"
            : "string"
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
      if (isThere || typeof name !== "string" || !this.takesNull(properties[name])) continue
      this.say(path === "" ? name : `${path}.${name}`, "was missing and read as null")
      taken.push([name, null])
    }
    return Object.fromEntries(taken)
  }
}

/** Reads a loose value by a schema, whose patterns must not use lookaround. */
export const coerced = (schema: Node, loose: Loose): Coerced => {
  const coercion = new Coercion(schema)
  const value = coercion.take(schema, loose, "")
  return { value, repairs: coercion.repairs, refused: coercion.refused }
}
