/** Normalizes what clients send to what the MCP library understands. Pure. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { changedIn } from "../../spelling/WrittenJson.ts"
import { parsed } from "./refusedMessages.ts"

/** A text of UTF-8; none where other bytes would be read as other characters. */
export const utf8 = Option.liftThrowable((bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { fatal: true }).decode(bytes)
)

/** The JSON of a text, unless a value can't hold what it says. */
const exactly = (text: string) => Option.filter(parsed(text), () => changedIn(text).length === 0)

/** The arguments of a call, for which some clients send null, an empty list, or their JSON as text. */
const argumentsOf = (given: unknown): unknown => {
  if (given === null || (Array.isArray(given) && given.length === 0)) return {}
  if (typeof given !== "string") return given
  return given.trim() === "" ? {} : Option.getOrElse(Option.filter(exactly(given), Predicate.isObject), () => given)
}

const withArguments = (message: unknown): unknown => {
  if (!Predicate.isObject(message) || message["method"] !== "tools/call") return message
  const { params } = message
  if (!Predicate.isObject(params) || params["arguments"] === undefined) return message
  const meant = argumentsOf(params["arguments"])
  return meant === params["arguments"] ? message : { ...message, params: { ...params, arguments: meant } }
}

/** A message, or a batch of them, with arguments that are objects; the same one if they were. */
export const normalized = (message: unknown): unknown => {
  if (!Array.isArray(message)) return withArguments(message)
  const all = message.map(withArguments)
  return all.some((one, index) => one !== message[index]) ? all : message
}

/** The text of a message after {@link normalized}; the same text if nothing had to be changed. */
export const normalizedText = (text: string, message: unknown): string => {
  const meant = normalized(message)
  return meant === message ? text : JSON.stringify(meant)
}
