import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, layer, type Vitest } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { TellForbidden } from "../../src/http-api/index.ts"
import { embedded, hasPostgres, postgres, Requests, skipWithoutPostgres } from "../repository/TestRepositories.ts"
import { routes } from "./AlexService.ts"

/** Everything but the database: the routes behind a real server on a port of its own. */
const served = HttpRouter.serve(routes, { disableLogger: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
)

interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what a browser makes of an answer
  readonly body: any
}

/** Calls a route as a browser does. */
const call = Effect.fnUntraced(function* (method: string, path: string, body?: unknown, user: string | null = "ann") {
  const { address } = yield* HttpServer.HttpServer
  const port = "port" in address ? address.port : 0
  return yield* Effect.promise(async (): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        ...(user !== null && { authorization: `Bearer ${user}` }),
        ...(body !== undefined && { "content-type": "application/json" })
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    return { status: response.status, body: JSON.parse((await response.text()) || "null") }
  })
})

/** How many requests a route makes of the database, where they are counted. */
const table: Array<readonly [string, number]> = []
const route = Effect.fnUntraced(function* (method: string, path: string, body?: unknown, user?: string | null) {
  const requests = yield* Effect.serviceOption(Requests)
  if (requests._tag === "Some") yield* Ref.set(requests.value, [])
  const answer = yield* call(method, path, body, user)
  if (requests._tag === "Some") {
    const name = `${method} ${path.replace(/[0-9a-f-]{36}/, ":id").replace(/\?.*/, "")}`
    table.push([name, (yield* Ref.get(requests.value)).length])
  }
  return answer
})

const behaviour = (it: Vitest.MethodsNonLive<HttpServer.HttpServer>) => {
  it.effect("the list of instruments is whole, or as long as it is asked for, with a search and without", () =>
    Effect.gen(function* () {
      yield* call("GET", "/user", undefined, "bea")
      const account = yield* call("POST", "/accounts", { account_name: "IRA" }, "bea")
      for (const symbol of ["QQQA", "QQQB", "QQQC"]) {
        yield* call("POST", "/positions", { account_id: account.body.id, symbol, quantity: 1 }, "bea")
      }
      const symbols = Effect.fnUntraced(function* (query: string) {
        const { body } = yield* call("GET", `/instruments${query}`, undefined, "bea")
        return body.items.map(({ symbol }: { readonly symbol: string }) => symbol)
      })
      const all = yield* symbols("")
      assert.isAtLeast(all.length, 3)
      assert.deepStrictEqual(yield* symbols("?limit=2"), all.slice(0, 2))
      assert.deepStrictEqual(yield* symbols("?search=qqq"), ["QQQA", "QQQB", "QQQC"])
      assert.deepStrictEqual(yield* symbols("?search=qqq&limit=1"), ["QQQA"])
    })
  )

  it.effect("a job whose JSON is nested thousands deep is refused as input", () =>
    Effect.gen(function* () {
      yield* call("GET", "/user", undefined, "bea")
      const { address } = yield* HttpServer.HttpServer
      const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`
      const { status } = yield* Effect.promise(() =>
        fetch(`http://127.0.0.1:${"port" in address ? address.port : 0}/jobs`, {
          method: "POST",
          headers: { authorization: "Bearer bea", "content-type": "application/json" },
          body: `{"job_type": "portfolio_analysis", "request_payload": {"a": ${deep}}}`
        })
      )
      assert.strictEqual(status, 400)
    })
  )

  it.effect(
    "a body that is not UTF-8 is refused and stored nowhere, and an amount with a sign says what is expected",
    () =>
      Effect.gen(function* () {
        yield* call("GET", "/user", undefined, "cai")
        const { address } = yield* HttpServer.HttpServer
        const posted = (charset: string, name: ReadonlyArray<number>) =>
          Effect.promise(async () => {
            const response = await fetch(`http://127.0.0.1:${"port" in address ? address.port : 0}/accounts`, {
              method: "POST",
              headers: { authorization: "Bearer cai", "content-type": `application/json${charset}` },
              body: Buffer.from([...Buffer.from('{"account_name":"caf'), ...name, ...Buffer.from('"}')])
            })
            return { status: response.status, body: JSON.parse(await response.text()) }
          })
        for (const [charset, name] of [
          ["", [0xe9]],
          ["; charset=iso-8859-1", [0xe9]],
          ["; charset=utf-8", [0xed, 0xa0, 0x80]],
          ["", [0xc3]]
        ] as const) {
          const refused = yield* posted(charset, name)
          assert.strictEqual(refused.status, 400)
          assert.include(JSON.stringify(refused.body), "UTF-8")
        }
        assert.deepStrictEqual((yield* call("GET", "/accounts", undefined, "cai")).body.items, [])
        const taken = yield* posted("; charset=UTF-8", [0xc3, 0xa9])
        assert.deepInclude(taken.body, { account_name: "café" })
        const signed = yield* call("POST", "/accounts", { account_name: "x", cash_balance: "+5" }, "cai")
        assert.include(JSON.stringify(signed.body), "expected an amount of money")
        for (const search of ["%00", "%ED%A0%80"]) {
          const found = yield* call("GET", `/instruments?search=${search}`, undefined, "cai")
          assert.deepStrictEqual(found, { status: 200, body: { items: [], unreadable: [] } })
        }
      })
  )

  it.effect("every data route of the service, with JSON numbers as a browser sends them", () =>
    Effect.gen(function* () {
      const created = yield* route("GET", "/user")
      assert.deepInclude(created.body, { created: true })
      const updated = yield* route("PUT", "/user", { display_name: "Ann", target_retirement_income: 80_000.5 })
      assert.deepInclude(updated.body, { display_name: "Ann", target_retirement_income: "80000.5" })

      const account = yield* route("POST", "/accounts", {
        account_name: "401(k)",
        cash_balance: 1234.56,
        cash_interest: 0.045,
        clerk_user_id: "eve"
      })
      assert.strictEqual(account.status, 201)
      assert.deepInclude(account.body, { clerk_user_id: "ann", cash_balance: "1234.56", cash_interest: "0.045" })
      const { id } = account.body
      assert.deepStrictEqual((yield* route("GET", "/accounts")).body, { items: [account.body], unreadable: [] })
      assert.deepInclude((yield* route("PUT", `/accounts/${id}`, { cash_balance: 1000 })).body, {
        cash_balance: "1000"
      })

      // A symbol that nobody knows is registered, in capitals.
      const position = yield* route("POST", "/positions", { account_id: id, symbol: "spy", quantity: 10.5 })
      assert.strictEqual(position.status, 201)
      assert.deepInclude(position.body, { symbol: "SPY", quantity: "10.5" })
      const held = yield* route("GET", `/accounts/${id}/positions`)
      assert.deepInclude(held.body.items[0], {
        symbol: "SPY",
        current_price: "0",
        allocation_regions: { north_america: 100 }
      })
      const changed = yield* route("PUT", `/positions/${position.body.id}`, { quantity: 2 })
      assert.deepInclude(changed.body, { quantity: "2" })
      assert.deepInclude((yield* route("GET", "/portfolio")).body, { cash: "1000", missing_prices: ["SPY"] })
      const instruments = yield* route("GET", "/instruments?search=sp&limit=1")
      assert.strictEqual(instruments.body.items[0].symbol, "SPY")

      const job = yield* route("POST", "/jobs", { job_type: "portfolio_analysis", request_payload: { years: 20 } })
      assert.deepInclude(job.body, { status: "pending", clerk_user_id: "ann" })
      assert.deepInclude((yield* route("GET", `/jobs/${job.body.id}`)).body, { request_payload: { years: 20 } })
      assert.strictEqual((yield* route("GET", "/jobs?status=pending&limit=5")).body.items.length, 1)

      assert.strictEqual((yield* route("DELETE", `/positions/${position.body.id}`)).status, 200)
      assert.strictEqual((yield* route("DELETE", `/accounts/${id}`)).status, 200)
      assert.deepStrictEqual((yield* route("DELETE", "/accounts")).body, { deleted: 0 })
    })
  )

  it.effect("who has no token, sends nonsense or asks for another person's gets an error that says so", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* call("GET", "/user", undefined, null)).status, 401)
      yield* call("GET", "/user")
      const { body: account } = yield* call("POST", "/accounts", { account_name: "Mine" })
      const wrong = yield* call("POST", "/accounts", { cash_balance: 1.001, cash_interest: "much" })
      assert.strictEqual(wrong.status, 400)
      const paths = wrong.body.problems.map((problem: { path: string }) => problem.path)
      assert.includeMembers(paths, ["account_name"])
      assert.strictEqual((yield* call("GET", "/accounts/nonsense/positions")).status, 400)
      yield* call("GET", "/user", undefined, "eve")
      for (const [method, path, body] of [
        ["PUT", `/accounts/${account.id}`, {}],
        ["DELETE", `/accounts/${account.id}`, undefined],
        ["GET", `/accounts/${account.id}/positions`, undefined],
        ["POST", "/positions", { account_id: account.id, symbol: "SPY", quantity: 1 }]
      ] as const) {
        assert.strictEqual((yield* call(method, path, body, "eve")).status, 404, path)
      }
      assert.strictEqual((yield* call("GET", "/accounts")).body.items.length, 1)
    })
  )
}

layer(served.pipe(Layer.provideMerge(embedded)), { timeout: "60 seconds", excludeTestServices: true })(
  "Alex's HTTP service on the embedded database",
  (it) => {
    behaviour(it)

    it.effect("each route makes one request of the database", () =>
      Effect.sync(() => {
        process.stderr.write(`${table.map(([name, requests]) => `${name.padEnd(30)} ${requests}`).join("\n")}\n`)
        assert.isAbove(table.length, 15)
        assert.deepStrictEqual(
          table.filter(([, requests]) => requests !== 1),
          []
        )
      })
    )
  }
)

layer(served.pipe(Layer.provide(Layer.succeed(TellForbidden, true)), Layer.provideMerge(embedded)), {
  timeout: "60 seconds",
  excludeTestServices: true
})("a service that tells what belongs to another person", (it) => {
  it.effect("answers 403 for what there is, and 404 for what there is not", () =>
    Effect.gen(function* () {
      yield* call("GET", "/user")
      yield* call("GET", "/user", undefined, "eve")
      const { body: account } = yield* call("POST", "/accounts", { account_name: "Mine" })
      assert.strictEqual((yield* call("DELETE", `/accounts/${account.id}`, undefined, "eve")).status, 403)
      const nobodys = "00000000-0000-4000-8000-000000000000"
      assert.strictEqual((yield* call("DELETE", `/accounts/${nobodys}`, undefined, "eve")).status, 404)
    })
  )
})

if (hasPostgres) {
  layer(served.pipe(Layer.provideMerge(postgres)), { timeout: "60 seconds", excludeTestServices: true })(
    "Alex's HTTP service on PostgreSQL",
    behaviour
  )
} else {
  skipWithoutPostgres("Alex's HTTP service")
}
