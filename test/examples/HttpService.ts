/**
 * An HTTP service: creates users, opens accounts, adds positions, reads portfolios.
 *
 * What these examples import from `../../src/index.ts` a program of yours imports from `alex-database`.
 */
import { createServer } from "node:http"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Data, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import {
  Account,
  AccountCreate,
  Accounts,
  ClerkUserId,
  DbLayer,
  PortfolioSummary,
  Portfolios,
  Position,
  PositionCreate,
  Positions,
  strict,
  User,
  UserCreate,
  Users
} from "../../src/index.ts"

class BadRequest extends Data.TaggedError("BadRequest")<{ readonly message: string }> {}

/** The body of the request. Money and quantities are decimal text in JSON, as everywhere. */
const body = <A, I>(schema: Schema.Codec<A, I>) =>
  HttpServerRequest.schemaBodyJson(Schema.toCodecJson(schema), strict).pipe(
    Effect.mapError((error) => new BadRequest({ message: error.message }))
  )

const pathUser = HttpRouter.schemaPathParams(Schema.Struct({ user: ClerkUserId })).pipe(
  Effect.mapBoth({ onFailure: (error) => new BadRequest({ message: error.message }), onSuccess: ({ user }) => user })
)

const json = <A, I>(schema: Schema.Codec<A, I>, value: A, status = 200) =>
  Effect.orDie(HttpServerResponse.schemaJson(Schema.toCodecJson(schema))(value, { status }))

const problem = (status: number, message: string) =>
  Effect.orDie(HttpServerResponse.json({ error: message }, { status }))

/** Failures of the domain become answers; those of the database say no more than that. */
const answering = <E extends { readonly _tag: string; readonly message: string }, R>(
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) =>
  Effect.catch(handler, (error) => {
    if (error._tag === "BadRequest") return problem(400, error.message)
    if (error._tag.endsWith("NotFound")) return problem(404, error.message)
    if (error._tag.endsWith("AlreadyExists")) return problem(409, error.message)
    return Effect.andThen(Effect.logError(error), problem(503, "The database can't answer now."))
  })

/** The routes; they need the repositories. */
export const routes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const users = yield* Users
    const accounts = yield* Accounts
    const positions = yield* Positions
    const portfolios = yield* Portfolios

    const createUser = Effect.gen(function* () {
      return yield* json(User, yield* users.create(yield* body(UserCreate)), 201)
    })
    const openAccount = Effect.gen(function* () {
      return yield* json(Account, yield* accounts.create(yield* body(AccountCreate)), 201)
    })
    // `forUser` makes sure that the account is this person's own.
    const putPosition = Effect.gen(function* () {
      const own = positions.forUser(yield* pathUser)
      return yield* json(Position, yield* own.put(yield* body(PositionCreate)))
    })
    const readPortfolio = Effect.gen(function* () {
      return yield* json(PortfolioSummary, yield* portfolios.summary(yield* pathUser))
    })

    yield* router.add("POST", "/users", answering(createUser))
    yield* router.add("POST", "/accounts", answering(openAccount))
    yield* router.add("PUT", "/users/:user/positions", answering(putPosition))
    yield* router.add("GET", "/users/:user/portfolio", answering(readPortfolio))
  })
)

if (import.meta.main) {
  HttpRouter.serve(routes).pipe(
    Layer.provide(DbLayer.layer),
    Layer.provide(NodeHttpServer.layer(() => createServer(), { port: 3000, host: "127.0.0.1" })),
    Layer.launch,
    NodeRuntime.runMain
  )
}
