import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Layer } from "effect"
import { HttpRouter } from "effect/http"
import { DbLayer, Reset } from "../../src/index.ts"
import { routes } from "./HttpService.ts"

const database = Layer.effectDiscard(Reset.reset()).pipe(
  Layer.provideMerge(DbLayer.layerEmbedded({ directory: "memory" })),
  Layer.provide(NodeServices.layer)
)

it("an HTTP service creates a user, adds positions and reads the portfolio", async () => {
  const { dispose, handler } = HttpRouter.toWebHandler(routes.pipe(Layer.provide(database)), { disableLogger: true })
  const call = async (method: string, path: string, body?: unknown) => {
    const request = new Request(`http://service${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
    })
    const response = await handler(request)
    return { status: response.status, body: JSON.parse(await response.text()) }
  }

  const user = await call("POST", "/users", { clerk_user_id: "user_ann", display_name: "Ann" })
  assert.strictEqual(user.status, 201)
  assert.strictEqual(user.body.display_name, "Ann")
  assert.strictEqual((await call("POST", "/users", { clerk_user_id: "user_ann" })).status, 409)

  const account = { clerk_user_id: "user_ann", account_name: "401(k)", cash_balance: "1000.00" }
  const { body: opened } = await call("POST", "/accounts", account)
  const position = { account_id: opened.id, symbol: "SPY", quantity: "10.5" }
  const put = await call("PUT", "/users/user_ann/positions", position)
  assert.strictEqual(put.status, 200)
  assert.strictEqual(put.body.quantity, "10.5")

  const { body: portfolio } = await call("GET", "/users/user_ann/portfolio")
  assert.strictEqual(portfolio.cash, "1000")
  assert.deepStrictEqual(
    portfolio.holdings.map((holding: { symbol: string; quantity: string }) => [holding.symbol, holding.quantity]),
    [["SPY", "10.5"]]
  )

  const lacking = await call("POST", "/accounts", { clerk_user_id: "user_ann", cash_balance: "1.001" })
  assert.strictEqual(lacking.status, 400)
  assert.include(lacking.body.error, "account_name")
  const unknown = await call("GET", "/users/user_bob/portfolio")
  assert.strictEqual(unknown.status, 404)
  assert.include(unknown.body.error, "There is no user")
  // Another person's account is not there.
  await call("POST", "/users", { clerk_user_id: "user_eve" })
  assert.strictEqual((await call("PUT", "/users/user_eve/positions", position)).status, 404)
  await dispose()
})
