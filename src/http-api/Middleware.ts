/** What a service provides to mount the API, and how failures are answered. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { refusingDepth } from "../domain/Json.ts"
import { InvalidInput } from "../domain/Problems.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { checkedRequest, PreconditionFailed, refused, UnsupportedBody } from "./RequestChecks.ts"
import { problemsNaming } from "./UnknownNames.ts"

/** The user who calls, as the caller's token says: nothing in a path, a query or a body can name another. */
export class CallingUser extends Context.Service<CallingUser, ClerkUserId>()("alex-database/http-api/CallingUser") {}

/** The caller has no valid token: 401. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  { message: Schema.String },
  { httpApiStatus: 401 }
) {}

/**
 * Identifies the caller and provides {@link CallingUser}. The service that mounts the API supplies this middleware as a
 * layer.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { HttpServerRequest } from "effect/http"
 * import { ClerkUserId } from "alex-database/domain"
 * import { Authorization, CallingUser, Unauthorized } from "alex-database/http-api"
 *
 * declare const userOfToken: (token: string | undefined) => Effect.Effect<string, Unauthorized>
 *
 * const authorization = Layer.succeed(Authorization, (endpoint) =>
 *   Effect.gen(function*() {
 *     const { headers } = yield* HttpServerRequest.HttpServerRequest
 *     const user = ClerkUserId.make(yield* userOfToken(headers["authorization"]))
 *     return yield* Effect.provideService(endpoint, CallingUser, user)
 *   })
 * )
 * ```
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CallingUser }>()(
  "alex-database/http-api/Authorization",
  { error: Unauthorized }
) {}

/** A body, path or query does not fit its schema: 400, with one problem for each field. */
export const InvalidRequest = InvalidInput.annotate({ httpApiStatus: 400 })

/**
 * Answers input that does not fit its route with {@link InvalidRequest}: what is unknown or would not be stored as it is
 * written is refused, and nothing is stored.
 *
 * A parameter of the query that the API does not know is refused as well. An {@link Authorization} that reads a parameter
 * of its own provides the endpoint with `HttpServerRequest.ParsedSearchParams` without it.
 */
export class InputErrors extends HttpApiMiddleware.Service<InputErrors>()("alex-database/http-api/InputErrors", {
  error: [InvalidRequest, UnsupportedBody, PreconditionFailed]
}) {
  /** Names every field that does not fit. A body may also be nested too deep to be read at all. */
  static readonly layer: Layer.Layer<InputErrors> = /* @__PURE__ */ Layer.effect(
    InputErrors,
    /* @__PURE__ */ Effect.map(
      InputErrors,
      (named) => (endpoint, options) =>
        refusingDepth("request's payload")(Effect.andThen(checkedRequest(options.endpoint), named(endpoint, options)))
    )
  ).pipe(
    /* @__PURE__ */ Layer.provide(
      /* @__PURE__ */ HttpApiMiddleware.layerSchemaErrorTransform(InputErrors, (error) =>
        error.kind === "Body" || error.kind === "ResponseHeaders"
          ? Effect.fail(error)
          : Effect.fail(refused(error.kind.toLowerCase(), problemsNaming(error.cause)))
      )
    )
  )
}

/** The account, position or job is another person's: 403, where {@link TellForbidden} asks for it. */
export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  { message: Schema.String },
  { httpApiStatus: 403 }
) {}

/**
 * Whether a request for what another person owns is answered with 403 instead of 404. False by default: a 403 reveals
 * that it exists.
 */
export const TellForbidden = Context.Reference<boolean>("alex-database/http-api/TellForbidden", {
  defaultValue: () => false
})

/** The database could not be reached, or it failed: 503. The log has the reason. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()(
  "DatabaseUnavailable",
  { message: Schema.String },
  { httpApiStatus: 503 }
) {}

/** A row in the database can't be read, or can't be changed before a person has corrected it: 500. The log says why. */
export class DataUnreadable extends Schema.TaggedError<DataUnreadable>()(
  "DataUnreadable",
  { message: Schema.String },
  { httpApiStatus: 500 }
) {}
