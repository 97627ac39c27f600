/** What a caller and the log are told where the database refuses what a request asks for. */
import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql"
import type { Services } from "../contract/repositoryContract.ts"
import { routes } from "../examples/AlexService.ts"
import { embedded, hasPostgres, postgres, skipWithoutPostgres } from "../repository/TestRepositories.ts"

const served = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
)

const asked = Effect.fnUntraced(function* (method: string, path: string, body?: object) {
  const { address } = yield* HttpServer.HttpServer
  const origin = `http://127.0.0.1:${"port" in address ? address.port : 0}`
  const headers = { authorization: "Bearer ann", ...(body !== undefined && { "content-type": "application/json" }) }
  return yield* Effect.promise(async () => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body)
    })
    return { status: response.status, text: await response.text() }
  })
})

const suite = <E>(name: string, repositories: Layer.Layer<Services, E>) => {
  const said: Array<string> = []
  const log = Logger.layer([Logger.make(({ message }) => said.push(String(message)))])
  const all = served.pipe(Layer.provideMerge(repositories), Layer.provideMerge(log))
  layer(all, { timeout: "60 seconds", excludeTestServices: true })(name, (it) => {
    it.effect(
      "a row that breaks a rule can't be changed, which is not to be tried again, and the log names the rule",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* asked("GET", "/user")
          const { text } = yield* asked("POST", "/accounts", { account_name: "In percent" })
          const { id } = JSON.parse(text)
          yield* sql`ALTER TABLE accounts DROP CONSTRAINT accounts_cash_interest_check`
          yield* sql`UPDATE accounts SET cash_interest = 4.5 WHERE id = ${id}::uuid`
          yield* sql`ALTER TABLE accounts ADD CONSTRAINT accounts_cash_interest_check CHECK (cash_interest <= 1) NOT VALID`
          const refused = yield* asked("PUT", `/accounts/${id}`, { account_name: "Renamed" })
          assert.strictEqual(refused.status, 500)
          assert.deepStrictEqual(JSON.parse(refused.text), {
            _tag: "DataUnreadable",
            message:
              "What is stored breaks a rule of the database: a person has to correct it before it can be changed."
          })
          assert.include(said.join("\n"), 'violates check constraint "accounts_cash_interest_check"')
        })
    )

    it.effect("a request that changes a row which can't be read says what was done to it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* asked("GET", "/user")
        const { id } = JSON.parse((yield* asked("POST", "/accounts", { account_name: "Broken" })).text)
        yield* sql`ALTER TABLE accounts DROP CONSTRAINT accounts_cash_balance_check`
        yield* sql`UPDATE accounts SET cash_balance = 'NaN' WHERE id = ${id}::uuid`
        const requests = [
          ["PUT", { account_name: "Renamed" }, "The row was written. A row in the database can't be read."],
          ["DELETE", undefined, "The row was deleted. A row in the database can't be read."]
        ] as const
        for (const [method, body, message] of requests) {
          const { status, text } = yield* asked(method, `/accounts/${id}`, body)
          assert.deepStrictEqual([status, JSON.parse(text)], [500, { _tag: "DataUnreadable", message }])
        }
        assert.strictEqual((yield* asked("DELETE", `/accounts/${id}`)).status, 404)
      })
    )
  })
}

suite("requests on the embedded database", embedded)
if (hasPostgres) suite("requests on PostgreSQL", postgres)
else skipWithoutPostgres("requests")
