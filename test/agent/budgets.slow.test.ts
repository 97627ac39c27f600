/** No answer is longer than it may be, however much there is; and page after page all of it can be read. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import * as ToolCalls from "../../src/agent/calls/ToolCalls.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import * as UserTools from "../../src/agent/tools/UserTools.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import { Users } from "../../src/repository/index.ts"
import { embedded, hasPostgres, postgres, skipWithoutPostgres } from "../repository/TestRepositories.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

const user = ClerkUserId.make("user_of_many")
const count = 3000

/** One with 30 accounts, and 3,000 positions in as many instruments that nobody has classified or priced. */
const many = Effect.gen(function* () {
  yield* (yield* Users).getOrCreate({ clerk_user_id: user })
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    INSERT INTO instruments (symbol, name, instrument_type)
    SELECT 'S' || n, repeat('株', CASE WHEN n % 100 = 0 THEN 200 ELSE 5 END) || n, 'stock' FROM generate_series(1, ${count}::int) AS n
    ON CONFLICT DO NOTHING`
  yield* sql`
    WITH account AS (
      INSERT INTO accounts (clerk_user_id, account_name, account_purpose)
      SELECT ${user}::varchar, repeat('é', 200) || n, repeat('x', 2000) FROM generate_series(1, 30) AS n
      RETURNING id
    ), numbered AS (SELECT id, row_number() OVER () - 1 AS number FROM account)
    INSERT INTO positions (account_id, symbol, quantity)
    SELECT numbered.id, 'S' || n, 1.5 FROM generate_series(1, ${count}::int) AS n JOIN numbered ON number = n % 30`
  yield* sql`
    INSERT INTO jobs (clerk_user_id, job_type, status, error_message, report_payload, summary_payload)
    SELECT ${user}::varchar, 'portfolio_analysis', 'failed', repeat('boom ', 1000),
      jsonb_build_object('content', repeat('語"', 100000)), '{"small": true}' FROM generate_series(1, 40)`
})

type Json = ReturnType<typeof JSON.parse>

const opened = (maxResult?: number) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
    const handlers = UserTools.layer({ user, granted: new Set(grants) }).pipe(
      Layer.provide(Layer.succeedContext(context))
    )
    const call = yield* ToolCalls.make(handlers, { granted: new Set(grants), budget: "5 minutes", maxResult })
    let calls = 0
    const read = (name: string, args: object) =>
      Effect.map(call(name, args), ({ isError, value }) => {
        calls++
        const json = JSON.stringify(value)
        assert.isFalse(isError, `${name}: ${json.slice(0, 500)}`)
        assert.isAtMost(Buffer.byteLength(json), maxResult ?? 60_000, name)
        return JSON.parse(json) as Json
      })
    const pages = (name: string, args: object, list: string, nextOf: (answer: Json) => unknown) =>
      Effect.gen(function* () {
        const all: Array<Json> = []
        for (let after: unknown = undefined; after !== null; ) {
          const answer: Json = yield* read(name, { ...args, ...(after === undefined ? {} : { after }) })
          assert.isNotEmpty(answer[list])
          all.push(...answer[list])
          after = nextOf(answer) ?? null
        }
        return all
      })
    return { call, read, pages, calls: () => calls }
  })

const distinct = (items: ReadonlyArray<unknown>) => new Set(items.map((item) => JSON.stringify(item))).size

layer(embedded)("with 3,000 positions in 3,000 unclassified instruments", (it) => {
  it.effect(
    "every list is read whole, page by page, and no page is longer than 60,000 bytes, nor than 15,000 where asked",
    () =>
      Effect.gen(function* () {
        yield* many
        const { calls, pages, read } = yield* opened()
        const portfolio = yield* read("read_portfolio", {})
        assert.deepStrictEqual(portfolio.counts, {
          accounts: 30,
          holdings: count,
          positions: count,
          missing_prices: count,
          missing_allocations: count
        })
        for (const list of ["accounts", "holdings", "positions", "missing_prices", "missing_allocations"]) {
          const all = yield* pages("read_portfolio", { include: [list], limit: 1000 }, list, ({ next }) => next[list])
          assert.strictEqual(distinct(all), portfolio.counts[list], list)
        }
        const next = ({ next }: Json) => next
        const open = yield* pages("list_unclassified_instruments", { limit: 200 }, "instruments", next)
        assert.strictEqual(distinct(open), count)
        const found = yield* pages("search_instruments", { query: "S1", limit: 100 }, "instruments", next)
        assert.strictEqual(distinct(found), 1111)
        const jobs = yield* pages("list_jobs", { limit: 100 }, "jobs", next)
        assert.strictEqual(distinct(jobs), 40)
        assert.strictEqual(distinct(yield* pages("list_accounts", {}, "accounts", next)), 30)
        process.stdout.write(`${calls()} calls\n`)

        const narrow = yield* opened(15_000)
        yield* narrow.read("read_portfolio", {})
        yield* narrow.read("list_jobs", { limit: 100 })
        const some = yield* narrow.read("list_unclassified_instruments", { limit: 200 })
        assert.isBelow(some.instruments.length, 100)
      }),
    300_000
  )

  it.effect("a job says which results did not fit, and gives an excerpt of one, to its end", () =>
    Effect.gen(function* () {
      const { call, read } = yield* opened()
      const page = yield* read("list_jobs", { limit: 1 })
      const job_id = page.jobs[0].id
      const job = yield* read("read_job", { job_id })
      assert.isNull(job.report_payload)
      assert.deepStrictEqual(job.summary_payload, { small: true })
      assert.deepStrictEqual(
        job.omitted.map(({ part }: Json) => part),
        ["report"]
      )
      assert.deepStrictEqual((yield* read("read_job", { job_id, include: [] })).omitted, [])
      let text = ""
      for (let from: number | null = 0; from !== null; ) {
        const { excerpt }: Json = yield* read("read_job", { job_id, include: ["report"], from })
        text += excerpt.text
        from = excerpt.next
      }
      assert.strictEqual(JSON.parse(text).content, '語"'.repeat(100_000))
      const refused = yield* call("read_job", { job_id, from: 0 })
      assert.include(JSON.stringify(refused), "name that one alone in include")
    })
  )

  it.effect(
    "an excerpt has whole characters wherever it begins, and where there is no room for one the answer says so",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const content = `a${"😀".repeat(2000)}`
        const [row] = yield* sql<{ readonly id: string }>`
        INSERT INTO jobs (clerk_user_id, job_type, status, report_payload)
        VALUES (${user}::varchar, 'portfolio_analysis', 'failed', jsonb_build_object('content', ${content}::text))
        RETURNING id`
        const job = { job_id: row?.id ?? assert.fail(), include: ["report"] }
        const { read } = yield* opened(1500)
        let text = ""
        for (let from: number | null = 0; from !== null; ) {
          const { excerpt }: Json = yield* read("read_job", { ...job, from })
          assert.isTrue(excerpt.text.isWellFormed(), String(from))
          assert.isNotEmpty(excerpt.text)
          text += excerpt.text
          from = excerpt.next
        }
        assert.strictEqual(JSON.parse(text).content, content)
        for (const from of [11, 12, 13, 14, text.length - 3, text.length - 1, text.length, text.length + 9]) {
          const { excerpt }: Json = yield* read("read_job", { ...job, from })
          assert.isTrue(excerpt.text.isWellFormed(), String(from))
          assert.strictEqual(excerpt.next === null, from > text.length - 400, String(from))
        }
        for (const least of [1, 400, 430, 440, 450, 460, 470, 480]) {
          const { call } = yield* opened(least)
          const { value } = yield* call("read_job", { ...job, from: 20 })
          const { error, excerpt }: Json = value
          if (error === undefined) assert.isTrue(excerpt.text.isWellFormed() && excerpt.text !== "")
          else assert.strictEqual(error, "TooLarge")
        }
      })
  )

  it.effect("a cursor of another list, or of none, is refused with what to do", () =>
    Effect.gen(function* () {
      const { call } = yield* opened()
      for (const [name, args] of [
        ["read_portfolio", { after: "S1" }],
        ["read_portfolio", { include: ["accounts"], after: "S1" }],
        ["list_accounts", { after: "nowhere" }],
        ["search_instruments", { query: "S", after: "S1" }],
        ["search_instruments", { query: "S", after: "'; DROP TABLE users" }],
        ["list_jobs", { after: "S1" }],
        // What models make up: read as a place in the list, it would leave out what is before.
        ["search_instruments", { query: "S", after: 5 }],
        ["search_instruments", { query: "S", after: "5" }],
        ["list_unclassified_instruments", { after: "N" }],
        ["list_unclassified_instruments", { after: "S1" }],
        ["list_unclassified_instruments", { after: "after:%" }],
        ["list_unclassified_instruments", { after: "after:%41" }]
      ] as const) {
        const { isError, value } = yield* call(name, args)
        assert.isTrue(isError, name)
        assert.strictEqual(Object(value).error, "InvalidData", name)
      }
    })
  )

  it.effect("where not even one entry fits, the refusal names the narrower call", () =>
    Effect.gen(function* () {
      const { call } = yield* opened(200)
      const { value } = yield* call("list_unclassified_instruments", {})
      assert.strictEqual(Object(value).error, "TooLarge")
      assert.include(Object(value).message, "Give a smaller limit")
    })
  )
})

// The embedded database does not take such a payload.
if (!hasPostgres) skipWithoutPostgres("a payload that is nested thousands deep")
else {
  layer(postgres)("with what another program has stored", (it) => {
    it.effect("a payload that is nested too deep to be sent is no failure of the database, and can be left out", () =>
      Effect.gen(function* () {
        yield* (yield* Users).getOrCreate({ clerk_user_id: user })
        const sql = yield* SqlClient.SqlClient
        const deep = `${'{"a":'.repeat(6000)}1${"}".repeat(6000)}`
        const [row] = yield* sql<{ readonly id: string }>`
          INSERT INTO jobs (clerk_user_id, job_type, status, report_payload)
          VALUES (${user}::varchar, 'portfolio_analysis', 'failed', ${deep}::jsonb) RETURNING id`
        const { call, read } = yield* opened()
        for (const asked of [{}, { include: ["report"] }]) {
          const { value } = yield* call("read_job", { job_id: row?.id, ...asked })
          assert.deepInclude(value, { error: "TooLarge" })
        }
        // Text is not nested; but before Node 26 JSON.stringify can't make it.
        const { value: excerpt } = yield* call("read_job", { job_id: row?.id, include: ["report"], from: 0 })
        const made = Option.liftThrowable(JSON.stringify)(JSON.parse(deep))
        if (Option.isNone(made)) assert.deepInclude(excerpt, { error: "TooLarge" })
        else assert.deepNestedInclude(excerpt, { "excerpt.text": deep, "excerpt.next": null })
        assert.isNull((yield* read("read_job", { job_id: row?.id, include: ["summary"] })).report_payload)
      })
    )
  })
}
