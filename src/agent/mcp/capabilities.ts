/**
 * Corrects the capabilities that the server announces. The library always names logging and completions, which this
 * server does not have, and clients would request them.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { parsed } from "./normalizedMessages.ts"

const empty = ["logging", "completions"]

const withoutEmpty = (message: unknown): unknown => {
  if (!Predicate.isObject(message)) return message
  const { result } = message
  if (!Predicate.isObject(result) || !Predicate.isObject(result["capabilities"])) return message
  const capabilities = Object.entries(result["capabilities"]).filter(([name]) => !empty.includes(name))
  return { ...message, result: { ...result, capabilities: Object.fromEntries(capabilities) } }
}

/** A line of the protocol, or of an event stream, without the capabilities that the server lacks. */
export const advertised = (line: string): string => {
  // Nearly every line is an answer of a tool, which need not be parsed again.
  if (!line.includes('"capabilities":{') || line.includes('"content":[')) return line
  const [, prefix = "", json = ""] = /^((?:data: )?)(\{.*\})\s*$/.exec(line) ?? []
  const message = json === "" ? Option.none() : parsed(json)
  return Option.isSome(message) ? `${prefix}${JSON.stringify(withoutEmpty(message.value))}` : line
}

/** The same for each line of a text. */
export const advertisedIn = (text: string): string => text.split("\n").map(advertised).join("\n")
