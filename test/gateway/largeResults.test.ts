/** Results that are too large for one response of the service, through the gateway. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { query, RawClient } from "./RawClient.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("results above 1 MiB"), () => {
  layer(gateway(TestDatabase.postgresUrl ?? "", { password: "trust" }), {
    timeout: "60 seconds",
    excludeTestServices: true
  })((it) => {
    it.effect(
      "a query is read in pages unless a function that it calls, or that a view calls, may write: that runs once",
      () =>
        Effect.gen(function* () {
          const { directUrl, port } = yield* TestGateway
          const found = yield* Effect.promise(async () => {
            const client = await RawClient.connect(port, new URL(directUrl).pathname.slice(1))
            const ask = async (sql: string) => {
              const { code, firsts } = await client.ask(query(sql))
              return code ?? firsts.length
            }
            await ask("create table noted (n int)")
            for (const [name, kind, body] of [
              ["noting", "", "insert into noted values (n); return repeat('x', 1000);"],
              ["reading", "stable", "return repeat('x', 1000);"]
            ] as const) {
              await ask(
                `create function ${name}(n int) returns text language plpgsql ${kind} as $$ begin ${body} end $$`
              )
              await ask(`create view ${name}s as select ${name}(n) as x from generate_series(1, 1100) n`)
            }
            const answers: Array<string | number> = []
            for (const sql of [
              "select x from readings",
              "select reading(n) from generate_series(1, 1100) n",
              "select x from notings",
              "select noting(n) from generate_series(1, 1100) n",
              "begin",
              "select x from readings",
              "select x from notings",
              "select 1",
              "rollback",
              "select n from noted"
            ])
              answers.push(await ask(sql))
            await client.kill()
            return answers
          })
          assert.deepStrictEqual(found, [1100, 1100, "54000", "54000", 0, 1100, "54000", "25P02", 0, 2200])
        })
    )
  })
})
