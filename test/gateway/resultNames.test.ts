/** Parameters that are result columns by themselves, and those between others: as with a direct connection. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { bothWays } from "./BothWays.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

const one = "(values ('own')) v (text)"

const statements: ReadonlyArray<readonly [text: string, values: ReadonlyArray<unknown>]> = [
  ["select $1", ["a"]],
  ["select $1, $2::int, $3 + 1", ["a", 1, 2]],
  ["select distinct $1, text from (values ('own'), ('own')) v (text)", ["a"]],
  [`select $1, text from ${one} order by text`, ["a"]],
  [`select text from (select $1, text from ${one}) q`, ["a"]],
  [`select (select $1), array(select $2::int), exists (select $3) from ${one}`, ["a", 1, "c"]],
  ["select array[$1, $2, $3]", ["a", "b", "c"]],
  ["select array[$1::int, $2, $3], $4, (array[7, 8])[$5]", [1, 2, 3, "d", 2]],
  ["select concat_ws($1::text, $2::text, $3::text), $4", [",", "b", "c", "d"]],
  ["select 1 = any(array[$1::int, $2, $3]) and 2 in ($4, $5, $6)", [1, 2, 3, 4, 5, 2]],
  ["values ($1, $2::int, $3)", ["a", 1, "c"]],
  ["create table kept (text text, n int)", []],
  ["insert into kept select $1, $2 returning $3, *", ["a", 1, "z"]],
  ["insert into kept select $1, n from kept order by n returning *", ["b"]],
  ["update kept set text = $1, n = $2 where n = $2 returning n, $3", ["c", 1, "d"]],
  ["select text from kept group by text, $1::int, n order by text, $2::text, n", [1, "b"]]
]

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("names of results"), () => {
  layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect(
      "are those of a direct connection, with parameters anywhere among them",
      () =>
        Effect.gen(function* () {
          const ways = yield* TestGateway
          const { direct, through } = yield* Effect.promise(() =>
            bothWays(ways, async (query) => {
              const answers: Array<unknown> = []
              for (const [text, values] of statements) answers.push(await query(text, values))
              return answers
            })
          )
          for (const answer of direct) assert.isNotString(answer, "an error of the direct connection")
          assert.deepStrictEqual(through, direct)
        }),
      60_000
    )
  })
})
