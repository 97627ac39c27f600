/** Normalizes what clients send to what the MCP library understands. Pure. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { changedIn } from "../../spelling/WrittenJson.ts"

/** The JSON of a text, if it is one. */
export const parsed = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** The JSON of a text, unless a value can't hold what it says. */
const exactly = (text: string) => Option.filter(parsed(text), () => changedIn(text).length === 0)

/** The arguments of a call, for which some clients send null, an empty list, or their JSON as text. */
const argumentsOf = (given: unknown): unknown => {
  if (given === null || (Array.isArray(given) && given.length === 0)) return {}
  if (typeof given !== "string") return given
  return given.trim() === "" ? {} : Option.getOrElse(Option.filter(exactly(given), Predicate.isObject), () => given)
}

type Members = Readonly<Record<string, unknown>>

/** An object without some of its members, and with others changed; the same one if nothing is. */
const edited = (value: Members, keep: (name: string) => boolean, edit: (name: string, member: unknown) => unknown) => {
  const before = Object.entries(value)
  const after = before.filter(([name]) => keep(name)).map(([name, member]) => [name, edit(name, member)] as const)
  const isSame = after.length === before.length && after.every(([, member], index) => member === before[index]?.[1])
  return isSame ? value : Object.fromEntries(after)
}

/** The same value without members that are null: what is optional is left out, and no parameter may be null. */
const withoutNulls = (value: unknown): unknown =>
  Predicate.isObject(value)
    ? edited(
        value,
        (name) => value[name] !== null,
        (_, member) => withoutNulls(member)
      )
    : value

const normalizedParams = (params: unknown): unknown => {
  if (!Predicate.isObject(params)) return params
  // An empty cursor is that of clients whose cursor can't be none.
  const isLeftOut = (name: string) =>
    (name !== "arguments" && params[name] === null) || (name === "cursor" && params[name] === "")
  return edited(
    params,
    (name) => !isLeftOut(name),
    (name, member) => (name === "arguments" ? argumentsOf(member) : withoutNulls(member))
  )
}

/** The members of a message. The library takes others, such as headers, for those of its own protocol. */
const members = ["jsonrpc", "id", "method", "params", "result", "error"]

const normalizedOne = (message: unknown): unknown =>
  Predicate.isObject(message)
    ? edited(
        message,
        (name) => members.includes(name) && (name !== "params" || message[name] !== null),
        (name, member) => (name === "params" ? normalizedParams(member) : member)
      )
    : message

/** A message, or a batch of them, as the library understands it; the same one if it does. */
export const normalized = (message: unknown): unknown => {
  if (!Array.isArray(message)) return normalizedOne(message)
  const all = message.map(normalizedOne)
  return all.some((one, index) => one !== message[index]) ? all : message
}
