/**
 * The HTTP service of Alex's front end: every data route, on `alex-database/http-api`. Who calls is what the token says.
 *
 * What this example imports from `../../src/` a program of yours imports from `alex-database`.
 */
import { createServer } from "node:http"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import { HttpApiBuilder, OpenApi } from "effect/http-api"
import { AlexApi, Authorization, CallingUser, layer, otherMethods, Unauthorized } from "../../src/http-api/index.ts"
import { ClerkUserId, DbLayer } from "../../src/index.ts"

/** Stands for the check of a Clerk token, whose subject is the user. */
const userOfToken = (header: string | undefined) => {
  const user = /^Bearer (\w+)$/.exec(header ?? "")?.[1]
  return user === undefined
    ? Effect.fail(new Unauthorized({ message: "Send a token: Authorization: Bearer ..." }))
    : Effect.succeed(ClerkUserId.make(user))
}

const authorization = Layer.succeed(Authorization, (endpoint) =>
  Effect.gen(function* () {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    return yield* Effect.provideService(endpoint, CallingUser, yield* userOfToken(headers["authorization"]))
  })
)

/** The document says where the token goes: clients that are generated from it send one. */
const api = AlexApi.annotate(OpenApi.Transform, ({ components, ...document }) => ({
  ...document,
  components: { ...components, securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  security: [{ bearer: [] }]
}))

/** The routes, their description for other programs, and 405 for what they do not have; they need the repositories. */
export const routes = Layer.merge(HttpApiBuilder.layer(api, { openapiPath: "/openapi.json" }), otherMethods(api)).pipe(
  Layer.provide(layer),
  Layer.provide(authorization)
)

if (import.meta.main) {
  HttpRouter.serve(routes).pipe(
    Layer.provide(DbLayer.layer),
    Layer.provide(NodeHttpServer.layer(() => createServer(), { port: 3000, host: "127.0.0.1" })),
    Layer.launch,
    NodeRuntime.runMain
  )
}
