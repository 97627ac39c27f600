/** Messages that must not reach the MCP library, over stdio or HTTP, and what is answered instead. Pure. */
import * as Predicate from "effect/Predicate"
import { isNestedAtMost } from "../../domain/Json.ts"
import { changedIn } from "../../spelling/WrittenJson.ts"

/** The codes of JSON-RPC. */
export const codes = { parse: -32700, request: -32600, params: -32602 } as const

/** What is answered to a message that the library does not hear. */
export interface Refusal {
  readonly code: (typeof codes)[keyof typeof codes]
  /** The answer as a line of JSON. */
  readonly line: string
}

/** The arguments of a call may be nested 64 deep; the message around them adds a few. */
const deepest = 70

const isId = (id: unknown): boolean => typeof id === "string" || typeof id === "number"

/** What is wrong with the form of one message, if anything is. */
const problemOf = (one: unknown): string | undefined => {
  if (!Predicate.isObject(one)) return "a message is an object"
  const { error, id, jsonrpc, method, result } = one
  if (jsonrpc !== "2.0") return 'a message has jsonrpc: "2.0"'
  if (method === undefined && result === undefined && error === undefined) return "a message has a method"
  if (method !== undefined && typeof method !== "string") return "a method is text"
  // A client may not know of which message of this server it says that there is an error.
  const needsId = method === undefined && error === undefined
  const isUnknown = method === undefined && error !== undefined && id === null
  return isId(id) || isUnknown || (id === undefined && !needsId) ? undefined : "an id is text or a number"
}

const expectsNothing = (one: unknown): boolean =>
  problemOf(one) === undefined && Predicate.isObject(one) && (one["method"] === undefined || one["id"] === undefined)

/**
 * The error that answers a message, under its id, or null where it has none; of a batch, the errors of all that expect an
 * answer.
 */
export const refusalFor = (message: unknown, code: Refusal["code"], said: string): Refusal => {
  const errorFor = (one: unknown) => {
    const id = Predicate.isObject(one) && isId(one["id"]) ? one["id"] : null
    return { jsonrpc: "2.0", id, error: { code, message: said } }
  }
  const asked = Array.isArray(message) ? message.filter((one) => !expectsNothing(one)) : []
  return { code, line: `${JSON.stringify(asked.length > 0 ? asked.map(errorFor) : errorFor(message))}\n` }
}

/** The answer to what is no message of the protocol, nor a batch of messages. */
export const refusalOfForm = (message: unknown): Refusal | undefined => {
  const all: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  const [problem] = all.length === 0 ? ["a batch has messages"] : all.flatMap((one) => problemOf(one) ?? [])
  return problem === undefined ? undefined : refusalFor(message, codes.request, `Invalid request: ${problem}`)
}

/** The answer to a message that is nested too deep for the library, if it is. */
export const refusalOfDepth = (message: unknown): Refusal | undefined =>
  isNestedAtMost(message, deepest)
    ? undefined
    : refusalFor(message, codes.params, "Invalid params: nested too deep. Send flatter arguments")

/** What of a message says what it asks for, and to whom the answer goes. */
const inRequest = /^(?:\d+\.)?(?:id|jsonrpc|method|params)$/
const inParams = /^(?:\d+\.)?params\.(?:arguments\.?|(?=(?:name|cursor|requestId|_meta|_meta\.progressToken)$))/

/** The answer to a message that would be read as another one than its text says, if it would be. */
export const refusalOfChange = (text: string, message: unknown): Refusal | undefined => {
  const changed = changedIn(text)
  const odd = changed.find(({ path }) => inRequest.test(path))
  if (odd !== undefined) return refusalFor(undefined, codes.request, `Invalid request: ${odd.path} ${odd.message}`)
  const named = changed
    .filter(({ path }) => inParams.test(path))
    .map(({ message, path }) => `${path.replace(inParams, "")} ${message}`.trimStart())
  return named.length === 0 ? undefined : refusalFor(message, codes.params, `Invalid params: ${named.join("; ")}`)
}

const isText = (value: unknown): boolean => typeof value === "string"

/** What is wrong with the parameters of a request, of which the library says only that they are invalid. */
const problemOfParams = (message: unknown): string | undefined => {
  if (!Predicate.isObject(message) || message["id"] === undefined || typeof message["method"] !== "string") return
  const { method, params = {} } = message
  if (!Predicate.isObject(params)) return "params is an object"
  const { arguments: args, capabilities, clientInfo, cursor, name, protocolVersion } = params
  if (method === "tools/call") {
    if (!isText(name)) return "name is the name of a tool"
    return args === undefined || Predicate.isObject(args) ? undefined : "arguments is an object"
  }
  if (method === "initialize") {
    if (!isText(protocolVersion)) return 'protocolVersion is text, such as "2025-06-18"'
    if (!Predicate.isObject(capabilities)) return "capabilities is an object, empty if there are none"
    const isInfo = Predicate.isObject(clientInfo) && isText(clientInfo["name"]) && isText(clientInfo["version"])
    return isInfo ? undefined : "clientInfo has the client's name and version"
  }
  return method.endsWith("/list") && cursor !== undefined
    ? "cursor is none that a list gave: each has one page. Leave it out"
    : undefined
}

/** The answer to a request whose parameters are not those of its method. */
export const refusalOfParams = (message: unknown): Refusal | undefined => {
  const all: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  const [problem] = all.flatMap((one) => problemOfParams(one) ?? [])
  return problem === undefined ? undefined : refusalFor(message, codes.params, `Invalid params: ${problem}`)
}
