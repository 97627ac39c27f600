/** Methods that a path does not have, of the service as it stands and under a path beside routes of its own. */
import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { ClerkUserId } from "../../src/domain/index.ts"
import {
  AlexApi,
  Authorization,
  CallingUser,
  groups,
  layer as handlers,
  otherMethods
} from "../../src/http-api/index.ts"
import { routes } from "../examples/AlexService.ts"
import { embedded } from "../repository/TestRepositories.ts"

const own = HttpApiGroup.make("own").add(
  HttpApiEndpoint.get("hello", "/hello", { success: Schema.String }),
  HttpApiEndpoint.patch("patchUser", "/user", { success: Schema.String })
)
const api = HttpApi.make("alex").add(own, groups.users)
const ann = Layer.succeed(Authorization, (endpoint) =>
  Effect.provideService(endpoint, CallingUser, ClerkUserId.make("user_ann"))
)
const under = Layer.effect(
  HttpRouter.HttpRouter,
  Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed("/api/v1"))
)
const mounted = Layer.merge(HttpApiBuilder.layer(api), otherMethods(api)).pipe(
  Layer.provide(handlers),
  Layer.provide(
    HttpApiBuilder.group(api, "own", (all) =>
      all.handle("hello", () => Effect.succeed("hello")).handle("patchUser", () => Effect.succeed("patched"))
    )
  ),
  Layer.provide(ann),
  Layer.provide(under)
)

const serving = <E, R>(all: Layer.Layer<never, E, R>) =>
  HttpRouter.serve(all, { disableLogger: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
    Layer.provideMerge(embedded)
  )

const asked = Effect.fnUntraced(function* (method: string, path: string) {
  const { address } = yield* HttpServer.HttpServer
  return yield* Effect.promise(async () => {
    const url = `http://127.0.0.1:${"port" in address ? address.port : 0}${path}`
    const response = await fetch(url, { method, headers: { authorization: "Bearer ann" } })
    return { status: response.status, allow: response.headers.get("allow"), text: await response.text() }
  })
})

const id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

layer(serving(routes), { timeout: "60 seconds", excludeTestServices: true })("a path of the API", (it) => {
  it.effect("answers a method that it does not have with 405 and those that it has, and OPTIONS with them", () =>
    Effect.gen(function* () {
      const allowed = new Map<string, Array<string>>()
      for (const { endpoints } of Object.values(AlexApi.groups)) {
        for (const { method, path } of Object.values(endpoints)) {
          allowed.set(path, [...(allowed.get(path) ?? []), method])
        }
      }
      for (const [path, methods] of allowed) {
        const expected = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].sort()
        for (const at of [path, `${path}/`, `${path}?x=1`].map((one) => one.replace(":id", id))) {
          const { allow, status, text } = yield* asked("OPTIONS", at)
          assert.deepStrictEqual([status, allow?.split(", ").sort(), text], [204, expected, ""], at)
        }
        for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"]) {
          const { allow, status, text } = yield* asked(method, path.replace(":id", id))
          // Nothing has this id: HEAD says so without a body.
          if (expected.includes(method)) assert.notStrictEqual(status, 405, `${method} ${path}`)
          else {
            assert.deepStrictEqual([status, allow?.split(", ").sort()], [405, expected], `${method} ${path}`)
            if (method !== "HEAD") assert.include(text, `"_tag":"MethodNotAllowed"`)
          }
        }
      }
      for (const method of ["GET", "DELETE", "OPTIONS"]) {
        assert.strictEqual((yield* asked(method, "/nothing")).status, 404, method)
        assert.strictEqual((yield* asked(method, "/user/more")).status, 404, method)
      }
    })
  )
})

layer(serving(mounted), { timeout: "60 seconds", excludeTestServices: true })("a path under one of a service", (it) => {
  it.effect("has the methods of all groups of that service, and other paths have none", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* asked("PATCH", "/api/v1/user")).text, '"patched"')
      assert.strictEqual((yield* asked("HEAD", "/api/v1/user")).status, 200)
      assert.include(yield* asked("DELETE", "/api/v1/user"), { status: 405, allow: "PATCH, GET, HEAD, PUT, OPTIONS" })
      assert.include(yield* asked("POST", "/api/v1/hello"), { status: 405, allow: "GET, HEAD, OPTIONS" })
      for (const path of ["/user", "/api/v1/jobs", "/api/v1/accounts"]) {
        assert.strictEqual((yield* asked("DELETE", path)).status, 404, path)
      }
    })
  )
})
