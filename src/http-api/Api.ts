/** The routes of Alex's data as an `HttpApi`: what each takes, answers and fails with. */
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import * as Domain from "../domain/index.ts"
import {
  Authorization,
  DatabaseUnavailable,
  DataUnreadable,
  Forbidden,
  InputErrors,
  InvalidRequest
} from "./Middleware.ts"
import { ignored } from "./UnknownNames.ts"

const digits = { digits: "refuse" } as const

const notFound = HttpApiSchema.status(404)
const AccountNotFound = Domain.AccountNotFound.pipe(notFound)
const PositionNotFound = Domain.PositionNotFound.pipe(notFound)
const JobNotFound = Domain.JobNotFound.pipe(notFound)
const UserNotFound = Domain.UserNotFound.pipe(notFound)
const JobTooLarge = Domain.JobTooLarge.pipe(HttpApiSchema.status(413))

/** What any route can fail with. */
const failures = [DatabaseUnavailable, DataUnreadable, InvalidRequest] as const

/**
 * Corrects what the document says of an operation: a limit is text by its schema, as all of a query is; and "no security"
 * would hide what the service says about its tokens for the whole document.
 */
const documented =
  (limit?: object): OpenApi.Transform["Service"] =>
  ({ parameters, security, ...operation }) => ({
    ...operation,
    ...(security.length > 0 && { security }),
    parameters: parameters.map((one: OpenApi.OpenAPISpecParameter) =>
      one.name === "limit" ? { ...one, schema: limit } : one
    )
  })

/** How many to return at most: a number in the query, in digits. */
const limit = (most: number) => {
  const expected = { message: `expected a number from 1 to ${most}` }
  return Schema.String.check(Schema.isPattern(/^\d{1,9}$/, expected)).pipe(
    Schema.decodeTo(Schema.NumberFromString.check(Schema.isBetween({ minimum: 1, maximum: most }, expected)))
  )
}

/** What an answer holds, in JSON. The name is that of its type in a client that is generated from the document. */
const json = <A, I>(name: string, schema: Schema.Codec<A, I>) =>
  Schema.toCodecJson(schema).annotate({ identifier: name })

/** A body may be what was read before, with changes: these members of it are the service's, and what they say is left out. */
const setByService = { id: ignored, clerk_user_id: ignored, created_at: ignored, updated_at: ignored }

/** A position is listed with its instrument. */
const setWithPosition = {
  ...setByService,
  account_id: ignored,
  symbol: ignored,
  name: ignored,
  instrument_type: ignored,
  current_price: ignored,
  allocation_regions: ignored,
  allocation_sectors: ignored,
  allocation_asset_class: ignored
}

const Account = json("Account", Domain.Account)
const Position = json("Position", Domain.Position)
const JobState = json("JobState", Domain.JobState)
const User = json("User", Domain.User)

/** Rows, and the keys of those that can't be read. */
const listOf = <A, I>(name: string, schema: Schema.Codec<A, I>) =>
  json(`${name}List`, Schema.Struct({ items: Schema.Array(schema), unreadable: Schema.Array(Schema.String) }))

const users = HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("getUser", "/user", {
      success: json("CallingUser", Schema.Struct({ user: User, created: Schema.Boolean })),
      error: [...failures]
    }).annotate(OpenApi.Description, "Reads the user, who is created where this is the first request."),
    HttpApiEndpoint.put("updateUser", "/user", {
      payload: Domain.userUpdateInput(digits)
        .mapFields(Struct.assign(setByService))
        .annotate({ identifier: "UserUpdate" }),
      success: User,
      error: [...failures, UserNotFound]
    }).annotate(OpenApi.Description, "Changes what the body names; what is left out stays as it is."),
    HttpApiEndpoint.get("getPortfolio", "/portfolio", {
      success: json("PortfolioSummary", Domain.PortfolioSummary),
      error: [...failures, UserNotFound]
    }).annotate(
      OpenApi.Description,
      "Adds up all that the user holds: totals, the value by account, holding, region, sector and asset class."
    )
  )
  .middleware(InputErrors)
  .middleware(Authorization)
  .annotate(HttpApi.PayloadParseOptions, Domain.strict)
  .annotateEndpoints(OpenApi.Transform, documented())

const accounts = HttpApiGroup.make("accounts")
  .add(
    HttpApiEndpoint.get("listAccounts", "/accounts", {
      success: listOf("Account", Account),
      error: [...failures]
    }).annotate(OpenApi.Description, "Lists all accounts, the newest first."),
    HttpApiEndpoint.post("createAccount", "/accounts", {
      payload: Domain.accountCreateInput(digits)
        .mapFields(Struct.assign(setByService))
        .annotate({ identifier: "AccountCreate" }),
      success: Account.pipe(HttpApiSchema.status(201)),
      error: [...failures, UserNotFound]
    }).annotate(OpenApi.Description, "Creates an account."),
    HttpApiEndpoint.put("updateAccount", "/accounts/:id", {
      params: { id: Domain.AccountId },
      payload: Domain.accountUpdateInput(digits)
        .mapFields(Struct.assign(setByService))
        .annotate({ identifier: "AccountUpdate" }),
      success: Account,
      error: [...failures, AccountNotFound, Forbidden]
    }).annotate(OpenApi.Description, "Changes what the body names; what is left out stays as it is."),
    HttpApiEndpoint.delete("deleteAccount", "/accounts/:id", {
      params: { id: Domain.AccountId },
      success: Account,
      error: [...failures, AccountNotFound, Forbidden]
    }).annotate(OpenApi.Description, "Deletes an account with its positions."),
    HttpApiEndpoint.delete("deleteAccounts", "/accounts", {
      success: Schema.Struct({ deleted: Schema.Int }),
      error: [...failures]
    }).annotate(OpenApi.Description, "Deletes all accounts of the user with their positions.")
  )
  .middleware(InputErrors)
  .middleware(Authorization)
  .annotate(HttpApi.PayloadParseOptions, Domain.strict)
  .annotateEndpoints(OpenApi.Transform, documented())

const positions = HttpApiGroup.make("positions")
  .add(
    HttpApiEndpoint.get("listPositions", "/accounts/:id/positions", {
      params: { id: Domain.AccountId },
      success: listOf("HeldPosition", json("HeldPosition", Domain.HeldPosition)),
      error: [...failures, AccountNotFound, Forbidden]
    }).annotate(OpenApi.Description, "Lists the positions of an account, each with its instrument."),
    HttpApiEndpoint.post("putPosition", "/positions", {
      payload: Domain.positionCreateInput(digits)
        .mapFields(Struct.assign({ ...setByService, symbol: Domain.SpelledSymbol }))
        .annotate({ identifier: "PositionCreate" }),
      success: Position.pipe(HttpApiSchema.status(201)),
      error: [...failures, AccountNotFound, Forbidden]
    }).annotate(
      OpenApi.Description,
      "Sets how many shares an account holds of an instrument, which replaces a position that is there; an unknown instrument is registered."
    ),
    HttpApiEndpoint.put("updatePosition", "/positions/:id", {
      params: { id: Domain.PositionId },
      payload: Domain.positionUpdateInput(digits)
        .mapFields(Struct.assign(setWithPosition))
        .annotate({ identifier: "PositionUpdate" }),
      success: Position,
      error: [...failures, PositionNotFound, Forbidden]
    }).annotate(OpenApi.Description, "Changes the quantity or the day of a position; what is left out stays as it is."),
    HttpApiEndpoint.delete("deletePosition", "/positions/:id", {
      params: { id: Domain.PositionId },
      success: Position,
      error: [...failures, PositionNotFound, Forbidden]
    }).annotate(OpenApi.Description, "Deletes a position.")
  )
  .middleware(InputErrors)
  .middleware(Authorization)
  .annotate(HttpApi.PayloadParseOptions, Domain.strict)
  .annotateEndpoints(OpenApi.Transform, documented())

const instruments = HttpApiGroup.make("instruments")
  .add(
    HttpApiEndpoint.get("listInstruments", "/instruments", {
      query: { search: Schema.optionalKey(Schema.String), limit: Schema.optionalKey(limit(100)) },
      success: listOf("Instrument", json("Instrument", Domain.Instrument)),
      error: [...failures]
    }).annotate(
      OpenApi.Description,
      "Lists the instruments whose symbol or name has the text in it, the best matches first and 20 unless limit says otherwise, or all; an instrument is every user's."
    )
  )
  .middleware(InputErrors)
  .middleware(Authorization)
  .annotate(HttpApi.PayloadParseOptions, Domain.strict)
  .annotateEndpoints(OpenApi.Transform, documented({ type: "integer", minimum: 1, maximum: 100 }))

const jobs = HttpApiGroup.make("jobs")
  .add(
    HttpApiEndpoint.post("createJob", "/jobs", {
      payload: Domain.JobCreate.mapFields(Struct.assign(setByService)).annotate({ identifier: "JobCreate" }),
      success: JobState.pipe(HttpApiSchema.status(201)),
      error: [...failures, UserNotFound, JobTooLarge]
    }).annotate(OpenApi.Description, "Creates a pending job. Running it is up to the service."),
    HttpApiEndpoint.get("listJobs", "/jobs", {
      query: {
        status: Schema.optionalKey(Domain.JobStatus),
        after: Schema.optionalKey(Domain.JobCursor),
        limit: limit(200).pipe(Schema.withDecodingDefaultKey(Effect.succeed("50")))
      },
      success: json(
        "JobPage",
        Schema.Struct({
          items: Schema.Array(JobState),
          unreadable: Schema.Array(Schema.String),
          next: Schema.NullOr(Domain.JobCursor)
        })
      ),
      error: [...failures]
    }).annotate(
      OpenApi.Description,
      "Lists the jobs without their payloads, the newest first, a page at a time: next is the after of the following page."
    ),
    HttpApiEndpoint.get("getJob", "/jobs/:id", {
      params: { id: Domain.JobId },
      success: json("Job", Domain.Job),
      error: [...failures, JobNotFound, Forbidden]
    }).annotate(OpenApi.Description, "Reads a job with its request and its results.")
  )
  .middleware(InputErrors)
  .middleware(Authorization)
  .annotate(HttpApi.PayloadParseOptions, Domain.strict)
  .annotateEndpoints(OpenApi.Transform, documented({ type: "integer", minimum: 1, maximum: 200, default: 50 }))

/**
 * The groups of routes, each of which can be added to an API of one's own, whose identifier has to be that of
 * {@link AlexApi}, since the handlers are for it: `HttpApi.make("alex").add(groups.users, mine)`.
 *
 * Amounts in bodies are JSON numbers or decimal text; in answers they are decimal text. Members that the
 * service sets itself may be sent back, and are left out. What a request says otherwise and a route does not know, and a
 * number with more digits than a JSON number keeps, is answered with 400: nothing is left out or
 * rounded without a word. There are no entity tags: a write with `If-Match`, or with `If-None-Match: *`, is answered with
 * 412.
 */
export const groups = { users, accounts, positions, instruments, jobs } as const

/**
 * All groups as one API. Serve it with {@link layer}, and add groups of one's own by `AlexApi.add(mine)`.
 *
 * The paths of `AlexApi.prefix("/api")` are not those of the handlers: to serve it under a path, give the routes a router
 * with that prefix, and clients a `baseUrl` that ends with it.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { HttpApiBuilder, OpenApi } from "effect/http-api"
 * import { AlexApi, layer } from "alex-database/http-api"
 *
 * const under = Layer.effect(
 *   HttpRouter.HttpRouter,
 *   Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed("/api"))
 * )
 * const api = AlexApi.annotate(OpenApi.Servers, [{ url: "/api" }])
 * const routes = HttpApiBuilder.layer(api).pipe(Layer.provide(layer), Layer.provide(under))
 * ```
 */
export class AlexApi extends HttpApi.make("alex")
  .add(users, accounts, positions, instruments, jobs)
  .annotate(OpenApi.Title, "Alex") {}
