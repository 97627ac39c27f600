/** Arrays as parameters of a client: they mean what they mean to a direct connection, and PostgreSQL plans with their elements. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import pg from "pg"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { bothWays } from "./BothWays.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""
const id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

/** Texts of arrays: as clients write them, of other shapes, and such as PostgreSQL refuses. */
const texts: Readonly<Record<string, ReadonlyArray<string | null>>> = {
  int4: ["{}", "{1}", "{1,2,NULL}", '{"1","-2147483648"}', "{null,1}", "{ 1 , 2 }", "{{1,2},{3,4}}", "[0:1]={5,6}"],
  int8: ['{"9223372036854775807",1}', "{9223372036854775808}", "{1.5}", "{x}"],
  numeric: ["{1.50,NaN,-Infinity,1e3}", '{"0.10",NULL}'],
  float8: ["{0.1,1e300,-0}", "{1e999}"],
  bool: ["{t,f,true,NULL}", "{maybe}"],
  uuid: [`{${id},NULL}`, `{"${id}"}`, "{nothing}"],
  text: [
    '{a,"b,c"}',
    '{"NULL",NULL,null}',
    '{""}',
    '{"",""}',
    '{"q\\"\\\\{}"}',
    '{"a b"," "}',
    "{a b}",
    "{ü,😀}",
    "{a,}",
    "{,}"
  ],
  varchar: ["{a,NULL}", '{"NULL"}'],
  timestamptz: ['{"2026-01-01 00:00:00+00"}'],
  jsonb: ['{"{\\"a\\": [1, 2]}"}']
}

const malformed = [
  "",
  "{",
  "}",
  "{1",
  "1}",
  "1,2",
  "{1,2}}",
  "{1,2} ",
  " {1}",
  "{1}{2}",
  '{"1}',
  '{"1"2}',
  "{1\\}",
  "{{1}",
  "[1:2]={1}",
  null
]

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("arrays"), () => {
  layer(gateway(serverUrl), { timeout: "60 seconds" })((it) => {
    it.effect("an array means what it means to a direct connection, or is refused in the same words", () =>
      Effect.gen(function* () {
        const addresses = yield* TestGateway
        const { direct, through } = yield* Effect.promise(() =>
          bothWays(addresses, async (query) => {
            const answers: Array<unknown> = []
            for (const [type, values] of Object.entries(texts)) {
              await query(`create table kept_${type} (n serial, list ${type}[])`)
              for (const value of [...values, ...malformed]) {
                answers.push(await query(`select $1::${type}[] as a, array_dims($1::${type}[]) as d`, [value]))
                answers.push(await query(`insert into kept_${type} (list) values ($1) returning list`, [value]))
                answers.push(
                  await query(`select count(*) from kept_${type} where list = $1 or list[1] = any($1)`, [value])
                )
              }
            }
            return answers
          })
        )
        assert.deepStrictEqual(through, direct)
        const refused = through.filter((answer) => typeof answer === "string").length
        assert.isAbove(refused, 300)
        assert.isAbove(through.length - refused, 100)
      })
    )

    it.effect(
      "PostgreSQL knows the elements when it plans, also where the same statement had other arrays before",
      () =>
        Effect.gen(function* () {
          const { url } = yield* TestGateway
          const plans = yield* Effect.promise(async () => {
            const client = new pg.Client({ connectionString: url })
            await client.connect()
            await client.query("create table scanned as select g as n, 'k' || g as k from generate_series(1, 10) g")
            const found: Array<unknown> = []
            for (const array of ["{1,2}", "{{1,2}}", '{"3",NULL}']) {
              const text = "explain (costs off) select from scanned where n = any($1::int4[])"
              const { rows } = await client.query({ text, values: [array], rowMode: "array" })
              found.push(rows.at(-1)?.[0])
            }
            const { rows } = await client.query("select k from scanned where n = any($1) and k = any($2)", [
              [1, 2, 3],
              ["k3", "k,"]
            ])
            await client.end()
            return [...found, rows]
          })
          assert.deepStrictEqual(plans, [
            "  Filter: (n = ANY ('{1,2}'::integer[]))",
            "  Filter: (n = ANY (('{{1,2}}'::cstring)::integer[]))",
            "  Filter: (n = ANY ('{3,NULL}'::integer[]))",
            [{ k: "k3" }]
          ])
        })
    )
  })
})
