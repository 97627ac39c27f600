/** Refuses what a request says that its route would ignore, or store as something else. */
import * as Effect from "effect/Effect"
import * as HttpMethod from "effect/http/HttpMethod"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { InvalidInput, type Problem } from "../domain/Problems.ts"
import { problemsOfText } from "./BodyText.ts"
import { namesOf, unknownName } from "./UnknownNames.ts"

/** A body has a type, a charset or a compression that no route reads: 415. */
export class UnsupportedBody extends Schema.TaggedError<UnsupportedBody>()(
  "UnsupportedBody",
  { message: Schema.String },
  { httpApiStatus: 415 }
) {}

/** A request asks to be done only on a condition that does not hold: 412. */
export class PreconditionFailed extends Schema.TaggedError<PreconditionFailed>()(
  "PreconditionFailed",
  { message: Schema.String },
  { httpApiStatus: 412 }
) {}

/** The failure for one part of a request. */
export const refused = (part: string, problems: ReadonlyArray<Problem>): InvalidInput =>
  new InvalidInput({ subject: `request's ${part}`, problems })

const refusedWhere = (part: string, problems: ReadonlyArray<Problem>) =>
  problems.length === 0 ? Effect.void : Effect.fail(refused(part, problems))

const refusedWhole = (part: string, message: string) => Effect.fail(refused(part, [{ path: "", message }]))

const decodeUtf8 = /* @__PURE__ */ Option.liftThrowable((body: ArrayBuffer) =>
  new TextDecoder("utf-8", { fatal: true }).decode(body)
)

/** Refuses a body of which some characters would be stored as other ones, or which can't be read at all. */
const textOf = Effect.fnUntraced(function* ({ arrayBuffer, headers }: HttpServerRequest.HttpServerRequest) {
  const [type = "", ...parameters] = (headers["content-type"] ?? "application/json").toLowerCase().split(";")
  if (type.trim() !== "application/json") {
    const message = "Send the body as JSON, with the header content-type: application/json."
    return yield* new UnsupportedBody({ message })
  }
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? ""
  if (encoding !== "" && encoding !== "identity") {
    return yield* new UnsupportedBody({ message: "Send the body without a content-encoding." })
  }
  const charset = parameters
    .map((one) => /^\s*charset\s*=\s*"?([^"\s]*)/.exec(one)?.[1])
    .find((one) => one !== undefined)
  const isUnicode = charset === undefined || ["utf-8", "utf8", "us-ascii"].includes(charset)
  const text = isUnicode ? decodeUtf8(yield* Effect.orDie(arrayBuffer)) : Option.none()
  return Option.isSome(text) ? text.value : yield* refusedWhole("payload", "expected a body in UTF-8")
})

/** Refuses what a body without a schema says: the route would do its work on more than is meant. */
const checkedNoBody = Effect.fnUntraced(function* ({ arrayBuffer, method, url }: HttpServerRequest.HttpServerRequest) {
  if (!HttpMethod.hasBody(method)) return
  const text = decodeUtf8(yield* Effect.orDie(arrayBuffer)).pipe(Option.getOrElse(() => "?"))
  if (!["", "{}", "null"].includes(text.trim())) {
    return yield* refusedWhole("payload", "expected no body: this route takes none, and the path says what is meant")
  }
  // The router ignores a slash at the end, after which an id may be missing.
  if (method === "DELETE" && /^[^?#;]*\/(?:[?#;]|$)/.test(url)) {
    return yield* refusedWhole(
      "path",
      "expected no slash at the end: add the id that is missing, or leave the slash out"
    )
  }
})

/** Refuses names in the query that the route does not know: a misspelt filter would filter nothing. */
const checkedQuery = Effect.fnUntraced(function* ({ query }: HttpApiEndpoint.Top) {
  const known = query === undefined ? [] : namesOf(query.ast)
  const problems = Object.entries(yield* HttpServerRequest.ParsedSearchParams).flatMap(([path, value]) =>
    !known.includes(path)
      ? [{ path, message: unknownName(path, known) }]
      : Array.isArray(value)
        ? [{ path, message: "comes more than once: send it once" }]
        : []
  )
  return yield* refusedWhere("query", problems)
})

/** Refuses a write whose condition does not hold: without entity tags none matches, and what is asked for is there. */
const checkedConditions = Effect.fnUntraced(function* ({ headers, method }: HttpServerRequest.HttpServerRequest) {
  if (method === "GET" || method === "HEAD") return
  const match = headers["if-match"]?.trim() ?? "*"
  const message = "Nothing here has an entity tag: leave out the header"
  if (match !== "*") return yield* new PreconditionFailed({ message: `${message} If-Match.` })
  if (headers["if-none-match"]?.trim() === "*") {
    return yield* new PreconditionFailed({ message: `${message} If-None-Match.` })
  }
})

/** Fails for a request of which its endpoint would silently ignore or change something. */
export const checkedRequest = Effect.fnUntraced(function* (endpoint: HttpApiEndpoint.Top) {
  const request = yield* HttpServerRequest.HttpServerRequest
  yield* checkedConditions(request)
  yield* checkedQuery(endpoint)
  if (endpoint.payload.size === 0) return yield* checkedNoBody(request)
  return yield* refusedWhere("payload", problemsOfText(yield* textOf(request)))
})
