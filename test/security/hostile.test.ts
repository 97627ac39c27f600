import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { DataApiClient } from "../../src/data-api/client/DataApiClient.ts"
import {
  AccountCreate,
  ClerkUserId,
  InstrumentCreate,
  InstrumentSymbol,
  JobCreate,
  PositionCreate,
  UserCreate
} from "../../src/domain/index.ts"
import { Accounts, Instruments, Jobs, Positions, Users } from "../../src/repository/index.ts"
import { embedded } from "../repository/TestRepositories.ts"
import { unharmed } from "./Fingerprint.ts"

const services = DataApiClient.layerNoDeps.pipe(Layer.provideMerge(embedded))

const mallory = ClerkUserId.make("mallory")
const nothingInherited = () => {
  assert.isUndefined(Reflect.get({}, "polluted"))
  assert.isUndefined(Reflect.get(Object.prototype, "polluted"))
  assert.isUndefined(Reflect.get(Array.prototype, "polluted"))
}

layer(services, { timeout: "60 seconds", excludeTestServices: true })("hostile values", (it) => {
  it.effect("JSON that names __proto__ or constructor pollutes nothing, and is read back as it was", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const jobs = yield* Jobs
      yield* (yield* Users).getOrCreate({ clerk_user_id: mallory })
      for (const text of [
        '{"__proto__": {"polluted": true}}',
        '{"constructor": {"prototype": {"polluted": true}}}',
        '[{"__proto__": [{"__proto__": {"polluted": true}}]}]',
        '{"a": {"__proto__": null}, "toString": 1, "hasOwnProperty": 2}'
      ]) {
        const payload: Schema.Json = JSON.parse(text)
        const job = yield* jobs.create({
          clerk_user_id: mallory,
          job_type: "risk_assessment",
          request_payload: payload
        })
        const found = yield* jobs.findById(job.id)
        const [raw] = yield* sql<{ readonly j: unknown }>`SELECT ${text}::jsonb AS j`
        // Keys come in PostgreSQL's order.
        const [same] = yield* sql<{ readonly same: boolean }>`
          SELECT ${JSON.stringify(found.request_payload)}::jsonb = ${text}::jsonb AS same`
        assert.isTrue(same?.same, `${text} was read as ${JSON.stringify(found.request_payload)}`)
        assert.strictEqual(JSON.stringify(raw?.j), JSON.stringify(found.request_payload))
        nothingInherited()
      }
    })
  )

  it.effect("columns that are called __proto__ or constructor pollute nothing", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`SELECT '{"polluted": true}'::jsonb AS "__proto__", 2 AS "constructor", 3 AS "toString"`
      nothingInherited()
      assert.isUndefined(Reflect.get(rows[0] ?? {}, "polluted"))
      assert.strictEqual(rows[0]?.["constructor"], 2)
      const failed = yield* Effect.result(
        Effect.flatMap(DataApiClient, (client) =>
          client.insert("users", JSON.parse('{"clerk_user_id": "x", "__proto__": {"polluted": true}}'))
        )
      )
      assert.strictEqual(failed._tag, "Failure")
      nothingInherited()
    })
  )

  it.effect("deep JSON is stored, or refused by a typed failure", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      yield* (yield* Users).getOrCreate({ clerk_user_id: mallory })
      for (const depth of [100, 1000, 6000]) {
        const text = nested(depth)
        const raw = yield* Effect.result(sql`SELECT ${text}::jsonb AS deep`)
        if (raw._tag === "Failure") assert.isTrue(SqlError.isSqlError(raw.failure))
        else assert.strictEqual(JSON.stringify(raw.success[0]?.["deep"]), text)
      }
      for (const depth of [100, 1000]) {
        let deep: Schema.Json = 1
        for (let level = 0; level < depth; level++) deep = { deep }
        const job = yield* jobs.create({ clerk_user_id: mallory, job_type: "risk_assessment", request_payload: deep })
        const found = yield* jobs.findById(job.id)
        assert.strictEqual(JSON.stringify(found.request_payload), JSON.stringify(deep))
      }
    })
  )

  it.effect("JSON of 700 KB is stored, and one beyond the request's 4 MiB is refused before it is sent", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* (yield* Users).getOrCreate({ clerk_user_id: mallory })
      const create = (size: number) =>
        jobs.create({
          clerk_user_id: mallory,
          job_type: "risk_assessment",
          request_payload: { text: "é".repeat(size) }
        })
      const { id } = yield* create(350_000)
      assert.strictEqual(JSON.stringify((yield* jobs.findById(id)).request_payload).length, 350_011)
      const error = yield* Effect.flip(create(3_000_000))
      assert.isTrue(SqlError.isSqlError(error))
      assert.include(error.message, "4")
      assert.notInclude(error.message, "ééé")
    })
  )

  it.effect("NUL and halves of surrogate pairs are refused by field in the domain and by kind in SQL", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const client = yield* DataApiClient
      const users = yield* Users
      const jobs = yield* Jobs
      yield* users.getOrCreate({ clerk_user_id: mallory })
      const { problems } = yield* unharmed(
        Effect.forEach(["a\u0000b", "\ud800", "b\udfff", "\udc00\ud800"], (text) =>
          Effect.gen(function* () {
            const attempts: ReadonlyArray<Effect.Effect<void, unknown>> = [
              Effect.asVoid(users.create({ clerk_user_id: ClerkUserId.make(text, { disableChecks: true }) })),
              Effect.asVoid(users.update(mallory, { display_name: text })),
              Effect.asVoid(
                jobs.create({ clerk_user_id: mallory, job_type: "risk_assessment", request_payload: { [text]: 1 } })
              ),
              Effect.asVoid(
                jobs.create({ clerk_user_id: mallory, job_type: "risk_assessment", request_payload: [{ a: text }] })
              )
            ]
            for (const attempt of attempts) {
              const error = yield* Effect.flip(attempt)
              assert.propertyVal(error, "_tag", "InvalidInput")
            }
            const raw = [
              Effect.asVoid(sql`SELECT ${text}::text`),
              Effect.asVoid(sql`SELECT ${{ a: text }}::jsonb`),
              Effect.asVoid(client.insert("users", { clerk_user_id: text })),
              Effect.asVoid(client.query("SELECT :v::text", { v: text }))
            ]
            for (const attempt of raw) {
              const error = yield* Effect.flip(attempt)
              assert.isTrue(SqlError.isSqlError(error), String(error))
            }
          })
        )
      )
      assert.deepStrictEqual(problems, [])
    })
  )

  it.effect("a search for what no row can hold is a typed answer", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      for (const text of ["\u0000", "\ud800", "x".repeat(70_000), "%".repeat(5000)]) {
        const result = yield* Effect.result(instruments.search(text))
        if (result._tag === "Success") assert.deepStrictEqual(result.success, [])
        else assert.isTrue(SqlError.isSqlError(result.failure), String(result.failure))
      }
    })
  )

  it.effect("a symbol of look-alike letters is not the symbol", () =>
    Effect.gen(function* () {
      const instruments = yield* Instruments
      yield* instruments.upsert({ symbol: InstrumentSymbol.make("SPY"), name: "S&P 500", instrument_type: "etf" })
      for (const symbol of ["ЅРҮ", "ＳＰＹ", "SPY\u200b", "S\u0301PY", "\u202eYPS", " SPY", "SPY\n"]) {
        assert.isFalse(Schema.is(InstrumentSymbol)(symbol), symbol)
        const found = yield* instruments.findMany([InstrumentSymbol.make(symbol, { disableChecks: true })])
        assert.deepStrictEqual(found, [])
      }
      assert.strictEqual((yield* instruments.findBySymbol(InstrumentSymbol.make("SPY"))).symbol, "SPY")
    })
  )

  it.effect("no number is not a number: NaN and infinities never reach a row", () =>
    Effect.gen(function* () {
      const notNumbers = ["NaN", "Infinity", "-Infinity", "1e400", "1e3", "0x10", "", " 1", "1_000", "١"]
      const instrument = { symbol: "X", name: "x", instrument_type: "etf" }
      for (const text of notNumbers) {
        assert.isFalse(accepts(PositionCreate, { account_id: uuid, symbol: "X", quantity: text }), text)
        assert.isFalse(accepts(AccountCreate, { clerk_user_id: "u", account_name: "a", cash_balance: text }), text)
        assert.isFalse(accepts(InstrumentCreate, { ...instrument, current_price: text }), text)
      }
      for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        assert.isFalse(accepts(InstrumentCreate, { ...instrument, allocation_regions: { global: number } }))
        assert.isFalse(accepts(UserCreate, { clerk_user_id: "u", years_until_retirement: number }))
        assert.isFalse(accepts(JobCreate, { clerk_user_id: "u", job_type: "risk_assessment", request_payload: number }))
      }
      const sql = yield* SqlClient.SqlClient
      const client = yield* DataApiClient
      yield* (yield* Users).getOrCreate({ clerk_user_id: mallory })
      const { problems } = yield* unharmed(
        Effect.forEach([Number.NaN, Number.POSITIVE_INFINITY], (number) =>
          Effect.gen(function* () {
            const row = { clerk_user_id: mallory, account_name: "a", cash_balance: number }
            assert.isTrue(SqlError.isSqlError(yield* Effect.flip(client.insert("accounts", row))))
            const raw = sql`INSERT INTO accounts (clerk_user_id, account_name, cash_balance)
              VALUES (${mallory}, 'a', ${number}::float8::numeric)`
            assert.isTrue(SqlError.isSqlError(yield* Effect.flip(raw)))
          })
        )
      )
      assert.deepStrictEqual(problems, [])
    })
  )

  it.effect("amounts beyond what a column holds are refused, not rounded", () =>
    Effect.gen(function* () {
      const positions = yield* Positions
      const accounts = yield* Accounts
      const instruments = yield* Instruments
      yield* (yield* Users).getOrCreate({ clerk_user_id: mallory })
      yield* instruments.upsert({ symbol: InstrumentSymbol.make("BIG"), name: "b", instrument_type: "etf" })
      const { id } = yield* accounts.create({ clerk_user_id: mallory, account_name: "big" })
      const symbol = InstrumentSymbol.make("BIG")
      const add = (quantity: string) =>
        positions.addQuantity({ account_id: id as never, symbol, quantity: BigDecimal.fromStringUnsafe(quantity) })
      for (const quantity of ["0", "-1", "0.000000001", "1000000000000", "1e-300"]) {
        assert.propertyVal(yield* Effect.flip(add(quantity)), "_tag", "InvalidInput", quantity)
      }
      yield* add("999999999999.99999999")
      assert.propertyVal(yield* Effect.flip(add("0.00000001")), "_tag", "InvalidInput")
      const [held] = yield* positions.listByAccount(id as never)
      assert.strictEqual(BigDecimal.format(held?.quantity ?? assert.fail()), "999999999999.99999999")
    })
  )

  it.effect("days that do not exist and dates that are none are refused", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (const day of [
        "2026-02-30",
        "2026-13-01",
        "0000-01-01",
        "10000-01-01",
        "-0001-01-01",
        "infinity",
        "now",
        "epoch"
      ]) {
        assert.isFalse(accepts(PositionCreate, { account_id: uuid, symbol: "X", quantity: "1", as_of_date: day }), day)
      }
      for (const at of [new Date(Number.NaN), new Date(8.64e15), new Date(-8.64e15)]) {
        const result = yield* Effect.result(sql<{ readonly at: Date }>`SELECT ${at}::timestamptz AS at`)
        if (result._tag === "Success") assert.strictEqual(result.success[0]?.at.getTime(), at.getTime())
        else assert.isTrue(SqlError.isSqlError(result.failure))
      }
    })
  )
})

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`

layer(services, { timeout: "60 seconds", excludeTestServices: true })(
  "JSON beyond the embedded engine's stack",
  (it) => {
    it.effect("is a typed failure and never an empty answer", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const text = nested(50_000)
        const raw = yield* Effect.result(sql`SELECT ${text}::jsonb AS deep`)
        const right =
          raw._tag === "Failure" ? SqlError.isSqlError(raw.failure) : JSON.stringify(raw.success[0]?.["deep"]) === text
        assert.isTrue(right)
      })
    )
  }
)

const uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

const accepts = <A, I>(schema: Schema.Codec<A, I>, value: unknown): boolean =>
  Schema.decodeUnknownResult(schema)(value)._tag === "Success"
