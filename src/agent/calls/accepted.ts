/** Converts arguments as models really send them into what the JSON Schema of a tool means. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../data-api/values/SoundJson.ts"
import { isNestedAtMost } from "../../domain/Json.ts"
import { exactNumber } from "../../spelling/ExactNumber.ts"
import { changedIn } from "../../spelling/WrittenJson.ts"
import { amountFor, plainNumber, wordFor } from "../payloads/spellings.ts"

type Node = { readonly [keyword: string]: unknown }

// A number with more digits may not be exactly the one that was written.
const exactDigits = 15

const numberAsText = (value: number, { pattern }: Node): number | string => {
  const text = String(value)
  // JavaScript writes a large or small number with an exponent, and the caller may not have.
  const isExact = !text.includes("e") && text.replaceAll(/\D/g, "").length <= exactDigits
  return isExact && typeof pattern === "string" && new RegExp(pattern, "u").test(text) ? text : value
}

/** How deep arguments may be nested: deeper ones would overflow the stack of a codec. */
export const deepest = 64

const readJson = Option.liftThrowable((text: string): unknown => parseJson(text))

/** The object or list that a text is the JSON of; none if it would be read as another one. */
const fromJson = (text: string, is: (value: unknown) => boolean): unknown => {
  if (!/^\s*[[{]/.test(text)) return undefined
  const isWhole = (value: unknown) => is(value) && isNestedAtMost(value, deepest) && changedIn(text).length === 0
  return Option.getOrUndefined(Option.filter(readJson(text), isWhole))
}

const asWord = (schema: Node, text: string): unknown => {
  const { enum: words, pattern } = schema
  if (Array.isArray(words)) return words.includes(text) ? text : (wordFor(words, text) ?? text)
  if (typeof pattern !== "string") return text
  // Blanks around a symbol or an id, and braces around an id, are no part of it; text of several words may be anything.
  const trimmed = text.trim()
  const bare = /\s/u.test(trimmed) ? text : trimmed
  const form = new RegExp(pattern, "u")
  return (
    [text, bare, bare.replace(/^\{(.*)\}$/u, "$1")].find((one) => form.test(one)) ?? amountFor(schema, text) ?? text
  )
}

const acceptedText = (schema: Node, text: string): unknown => {
  switch (schema["type"]) {
    case "integer":
    case "number":
      return exactNumber(plainNumber(text, schema["description"]) ?? "") ?? text
    case "boolean": {
      const word = wordFor(["true", "false"], text)
      return word === undefined ? text : word === "true"
    }
    case "object": {
      const read = fromJson(text, Predicate.isObject)
      return read === undefined ? text : accepted(schema, read)
    }
    case "array": {
      const read = fromJson(text, Array.isArray)
      return read === undefined ? acceptedList(schema, [text]) : accepted(schema, read)
    }
    default:
      return asWord(schema, text)
  }
}

const acceptedList = ({ items }: Node, list: ReadonlyArray<unknown>): unknown =>
  list.map((item) => accepted(items, item))

/** Texts by which programs that write arguments say that there is no value. */
const noValues: ReadonlyArray<unknown> = ["", "null", "undefined", "None"]

/**
 * Whether a value stands for a member that is left out, and could be nothing else. An empty flag does not: it may mean no.
 * `None` in place of a list does not: it may mean an empty one.
 */
const isLeftOut = (schema: unknown, value: unknown): boolean => {
  if (value === null || value === undefined) return true
  if (!noValues.includes(value) || !Predicate.isObject(schema)) return false
  const { enum: words, minLength, pattern, type } = schema
  if (type !== "string") return type !== "boolean" && !(type === "array" && value === "None")
  if (Array.isArray(words)) return !words.includes(value)
  if (typeof pattern === "string") return !new RegExp(pattern, "u").test(String(value))
  return value === "" && Number(minLength ?? 0) > 0
}

const hasMembers = ({ properties }: Node): boolean =>
  Predicate.isObject(properties) && Object.keys(properties).length > 0

/** The members of an object, a name in another spelling as it is known, unless it is given twice. */
const namedMembers = (known: ReadonlyArray<string>, value: object): ReadonlyArray<readonly [string, unknown]> => {
  const members = Object.entries(value).map(([name, one]) => ({ name, meant: wordFor(known, name) ?? name, one }))
  const spellings = new Map<string, number>()
  for (const { meant } of members) spellings.set(meant, (spellings.get(meant) ?? 0) + 1)
  return members.map(({ meant, name, one }) => [spellings.get(meant) === 1 ? meant : name, one])
}

const acceptedObject = (schema: Node, value: object): unknown => {
  const { additionalProperties, required } = schema
  const properties = Predicate.isObject(schema["properties"]) ? schema["properties"] : {}
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
  const isClosed = additionalProperties === false
  return Object.fromEntries(
    namedMembers(isClosed ? Object.keys(properties) : [], value).flatMap(([name, one]) => {
      if (!Object.hasOwn(properties, name)) return [[name, accepted(additionalProperties, one)] as const]
      const inner = Reflect.get(properties, name)
      return !isRequired(name) && isLeftOut(inner, one) ? [] : [[name, accepted(inner, one)] as const]
    })
  )
}

/**
 * Converts what has one meaning alone: `null` or an empty text for a member that may be left out, a number as text and
 * the other way round, the signs around an amount, blanks around a symbol or an id, a word or a member's name in another
 * spelling, JSON as text, one entry for a list of one. Everything else stays as it is, for the codec to check.
 */
export const accepted = (schema: unknown, value: unknown): unknown => {
  if (!Predicate.isObject(schema)) return value
  const { type } = schema
  if (typeof value === "string") return acceptedText(schema, value)
  if (typeof value === "number" && type === "string") return numberAsText(value, schema)
  if (Array.isArray(value)) {
    const [only] = value
    const isOne = type === "object" && value.length === 1 && Predicate.isObject(only) && hasMembers(schema)
    if (isOne) return accepted(schema, only)
    return type === "array" ? acceptedList(schema, value) : value
  }
  if (!Predicate.isObject(value)) return value
  return type === "array" ? acceptedList(schema, [value]) : acceptedObject(schema, value)
}

/** Whether arguments are none: clients send null, an empty list or blank text for those of a tool that needs none. */
const areNone = (args: unknown): boolean =>
  args === undefined ||
  args === null ||
  (Array.isArray(args) && args.length === 0) ||
  (typeof args === "string" && args.trim() === "")

// What models write around arguments: the form of a call, or that of the tool's schema. No tool has such an argument.
const wrappers = ["arguments", "parameters", "args", "kwargs", "input", "properties"]

/** The arguments within the form of a call of this tool, or of its schema, that a model has repeated around them. */
export const unwrapped = (tool: string, args: unknown): unknown => {
  if (!Predicate.isObject(args)) return args
  const { name = tool, required: _required, type: _type, ...rest } = args
  const [wrapper = "", ...others] = Object.keys(rest)
  if (name !== tool || others.length > 0 || !wrappers.includes(wrapper)) return args
  const inner = rest[wrapper]
  return Predicate.isObject(inner) || typeof inner === "string" ? inner : args
}

/** The arguments of a call after {@link accepted}. */
export const acceptedArguments = (schema: unknown, args: unknown): unknown =>
  accepted(schema, areNone(args) ? {} : args)
