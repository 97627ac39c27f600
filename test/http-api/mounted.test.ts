/** The API within a service of one's own: under a path, beside other groups, and asked by the client derived from it. */
import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, it, layer } from "@effect/vitest"
import { BigDecimal, Effect, Layer, Schema } from "effect"
import { FetchHttpClient, HttpRouter, HttpServer, HttpServerRequest } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { AccountId, ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import { AlexApi, Authorization, CallingUser, groups, layer as handlers } from "../../src/http-api/index.ts"
import { embedded } from "../repository/TestRepositories.ts"

const own = HttpApiGroup.make("own").add(HttpApiEndpoint.get("hello", "/hello", { success: Schema.String }))

const { accounts, positions, users } = groups
const api = HttpApi.make("alex")
  .add(own, users, accounts, positions)
  .annotate(OpenApi.Servers, [{ url: "/api/v1" }])

const ann = Layer.succeed(Authorization, (endpoint) =>
  Effect.andThen(
    HttpServerRequest.HttpServerRequest,
    Effect.provideService(endpoint, CallingUser, ClerkUserId.make("user_ann"))
  )
)

const under = (path: `/${string}`) =>
  Layer.effect(
    HttpRouter.HttpRouter,
    Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed(path))
  )

const routes = HttpApiBuilder.layer(api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide(handlers),
  Layer.provide(HttpApiBuilder.group(api, "own", (all) => all.handle("hello", () => Effect.succeed("hello")))),
  Layer.provide(ann),
  Layer.provide(under("/api/v1"))
)

const served = HttpRouter.serve(routes, { disableLogger: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(embedded),
  Layer.provideMerge(FetchHttpClient.layer)
)

it("the document says the range of each limit", () => {
  const { paths } = OpenApi.fromApi(AlexApi)
  const limitOf = (path: string) => paths[path]?.get?.parameters.find(({ name }) => name === "limit")?.schema
  assert.deepStrictEqual(limitOf("/instruments"), { type: "integer", minimum: 1, maximum: 100 })
  assert.deepStrictEqual(limitOf("/jobs"), { type: "integer", minimum: 1, maximum: 200, default: 50 })
})

it("the document names what bodies and answers hold, as the types of a generated client", () => {
  const { components, paths } = OpenApi.fromApi(AlexApi)
  const names = Object.keys(components.schemas).filter((name) => !name.endsWith("Encoded"))
  assert.deepStrictEqual(names.sort(), [
    "Account",
    "AccountCreate",
    "AccountList",
    "AccountUpdate",
    "CallingUser",
    "HeldPosition",
    "HeldPositionList",
    "Instrument",
    "InstrumentList",
    "Job",
    "JobCreate",
    "JobPage",
    "JobState",
    "PortfolioSummary",
    "Position",
    "PositionCreate",
    "PositionUpdate",
    "User",
    "UserUpdate"
  ])
  const said = JSON.stringify(paths["/user"]?.put)
  for (const name of ["User", "UserUpdate"]) assert.include(said, `"$ref":"#/components/schemas/${name}"`)
})

it("the document says of each operation what it does, and has its title", () => {
  const { info, paths } = OpenApi.fromApi(AlexApi)
  assert.strictEqual(info.title, "Alex")
  const all: Record<string, Record<string, { readonly description?: string }>> = JSON.parse(JSON.stringify(paths))
  for (const [path, operations] of Object.entries(all)) {
    for (const [method, { description }] of Object.entries(operations)) {
      assert.match(description ?? "", /^[A-Z].+\.$/, `${method} ${path}`)
    }
  }
})

layer(served, { timeout: "60 seconds", excludeTestServices: true })("the API under a path of a service", (it) => {
  it.effect("answers the derived client with the values of the domain, beside other groups, and says where it is", () =>
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const origin = `http://127.0.0.1:${"port" in address ? address.port : 0}`
      const client = yield* HttpApiClient.make(api, { baseUrl: `${origin}/api/v1` })
      assert.strictEqual(yield* client.own.hello(), "hello")
      assert.isTrue((yield* client.users.getUser()).created)
      const amount = BigDecimal.fromStringUnsafe
      const account = yield* client.accounts.createAccount({
        payload: { account_name: "401(k)", cash_balance: amount("10.50") }
      })
      assert.isTrue(BigDecimal.equals(account.cash_balance, amount("10.5")))
      yield* client.positions.putPosition({
        payload: { account_id: account.id, symbol: InstrumentSymbol.make("SPY"), quantity: amount("1.5") }
      })
      const { holdings } = yield* client.users.getPortfolio()
      assert.deepStrictEqual(
        holdings.map(({ quantity, symbol }) => [symbol, BigDecimal.format(quantity)]),
        [["SPY", "1.5"]]
      )
      const unknown = AccountId.make("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
      const missing = yield* Effect.flip(client.accounts.deleteAccount({ params: { id: unknown } }))
      assert.strictEqual(missing._tag, "AccountNotFound")
      const got = (path: string, method = "GET") =>
        Effect.promise(async () => {
          const response = await fetch(`${origin}${path}`, { method })
          return { status: response.status, text: await response.text() }
        })
      const document = JSON.parse((yield* got("/api/v1/openapi.json")).text)
      assert.deepStrictEqual(document.servers, [{ url: "/api/v1" }])
      assert.containsSubset(Object.keys(document.paths), ["/hello", "/accounts/{id}"])
      assert.notInclude(Object.keys(document.paths), "/jobs")
      // An empty list would say that no token is needed, whatever the service says for all of the document.
      assert.notProperty(document.paths["/accounts"].get, "security")
      assert.strictEqual((yield* got("/accounts")).status, 404)
      // An id that is missing does not delete all accounts here either.
      assert.include((yield* got("/api/v1/accounts/", "DELETE")).text, "no slash at the end")
      assert.lengthOf((yield* client.accounts.listAccounts()).items, 1)
    })
  )
})
