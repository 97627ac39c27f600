/** Answers the methods that a path does not have. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"

// The router answers HEAD as GET.
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"] as const

/** The methods of each path of an API. */
const methodsByPath = <Id extends string, Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<Id, Groups>) => {
  const found = new Map<HttpRouter.PathInput, Set<string>>()
  HttpApi.reflect(api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint: { method, path } }) => {
      const at: HttpRouter.PathInput = `/${path.replace(/^\//, "")}`
      const own = found.get(at) ?? new Set()
      found.set(at, method === "GET" ? own.add(method).add("HEAD") : own.add(method))
    }
  })
  return found
}

const refusal = (allow: string) =>
  HttpServerResponse.jsonUnsafe(
    { _tag: "MethodNotAllowed", message: `This path does not have that method: send one of ${allow}.` },
    { status: 405, headers: { allow } }
  )

/**
 * The routes that answer a method that a path does not have with 405, and `OPTIONS` with 204; the header `Allow` names the
 * methods of the path in both. Without them a router answers 404.
 *
 * @param api The API that is served, with the groups of one's own. Another route of a service must not have the path of one
 * of its endpoints: it would be declared twice.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { HttpApiBuilder } from "effect/http-api"
 * import { AlexApi, layer, otherMethods } from "alex-database/http-api"
 *
 * const routes = Layer.merge(HttpApiBuilder.layer(AlexApi), otherMethods(AlexApi)).pipe(Layer.provide(layer))
 * ```
 */
export const otherMethods = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      for (const [path, own] of methodsByPath(api)) {
        const allow = [...new Set([...own, "OPTIONS"])].join(", ")
        if (!own.has("OPTIONS")) {
          yield* router.add("OPTIONS", path, HttpServerResponse.empty({ status: 204, headers: { allow } }))
        }
        for (const method of methods) if (!own.has(method)) yield* router.add(method, path, refusal(allow))
      }
    })
  )
