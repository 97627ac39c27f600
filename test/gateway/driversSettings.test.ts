/** What drivers set without being asked costs no request where it gives the same results as the server's own value. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import pg from "pg"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

const asked = "select 0.1::float4, now() is not null, '2020-01-01 12:00'::timestamptz::text"

/** The operations of a statement that has run before, what it returned, and what SHOW says. */
const costOf = (setting: string, name: string) =>
  Effect.gen(function* () {
    const { calls, url } = yield* TestGateway
    return yield* Effect.promise(async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(setting)
      await client.query(asked)
      const before = calls.length
      const { rows } = await client.query({ text: asked, rowMode: "array" })
      const cost = calls.slice(before)
      const shown = await client.query({ text: `show ${name}`, rowMode: "array" })
      const read = await client.query({ text: `select current_setting('${name}')`, rowMode: "array" })
      await client.end()
      assert.deepStrictEqual(read.rows, shown.rows)
      return { cost, row: rows[0], shown: shown.rows[0]?.[0] }
    })
  })

const one = ["executeStatement"]
const inTransaction = ["beginTransaction", "executeStatement", "executeStatement", "commitTransaction"]
const utc = "2020-01-01 12:00:00+00"

const settings: ReadonlyArray<
  readonly [setting: string, name: string, cost: ReadonlyArray<string>, row: unknown, shown: string]
> = [
  ["set extra_float_digits = 3", "extra_float_digits", one, [0.1, true, utc], "3"],
  ["set extra_float_digits = 0", "extra_float_digits", one, [0.1, true, utc], "0"],
  ["set extra_float_digits = -5", "extra_float_digits", one, [0.1, true, utc], "-5"],
  ["set timezone = 'Etc/UTC'", "timezone", one, [0.1, true, utc], "Etc/UTC"],
  ["set time zone interval '+00:00' hour to minute", "timezone", one, [0.1, true, utc], "<+00>-00"],
  ["set timezone = 'GMT'", "timezone", one, [0.1, true, utc], "GMT"],
  ["set timezone = 'Europe/Berlin'", "timezone", one, [0.1, true, "2020-01-01 12:00:00+01"], "Europe/Berlin"],
  ["set lock_timeout = '1 min'", "lock_timeout", inTransaction, [0.1, true, utc], "1min"]
]

describe.skipIf(serverUrl === "")("through the gateway", () => {
  layer(gateway(serverUrl), { timeout: "60 seconds" })("settings of drivers", (it) => {
    for (const [setting, name, cost, row, shown] of settings)
      it.effect(setting, () =>
        Effect.map(costOf(setting, name), (seen) => assert.deepStrictEqual<unknown>(seen, { cost, row, shown }))
      )
    it.effect("the name of a zone is the client's own where a statement may write it", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const seen: Array<unknown> = []
        for (const connectionString of [directUrl, url]) {
          yield* Effect.promise(async () => {
            const client = new pg.Client({ connectionString })
            await client.connect()
            await client.query("set time zone interval '+00:00' hour to minute")
            seen.push((await client.query("select to_char(now(), 'TZ') as zone")).rows)
            await client.end()
          })
        }
        assert.deepStrictEqual(seen, [[{ zone: "+00" }], [{ zone: "+00" }]])
      })
    )
  })
})
