import { assert, layer } from "@effect/vitest"
import { BigDecimal, Effect, Layer, Ref, Stream } from "effect"
import { DataApi, type ExecuteStatementRequest } from "../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { ClerkUserId, InstrumentSymbol } from "../../src/domain/index.ts"
import * as Repositories from "../../src/repository/index.ts"
import { Accounts, Instruments, Jobs, Portfolios, Positions, Users } from "../../src/repository/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { migrate } from "./TestRepositories.ts"

const sent = Ref.makeUnsafe<ReadonlyArray<ExecuteStatementRequest>>([])

const recording = Layer.effect(
  DataApi,
  Effect.map(DataApi, (api) => ({
    ...api,
    executeStatement: (request: ExecuteStatementRequest) =>
      Effect.andThen(
        Ref.update(sent, (all) => [...all, request]),
        api.executeStatement(request)
      )
  }))
)

const repositories = Repositories.layer.pipe(
  Layer.provideMerge(Layer.effectDiscard(migrate())),
  Layer.provideMerge(DataApiSql.layer()),
  Layer.provide(recording),
  Layer.provide(TestDatabase.layer())
)

/** The parameters of a statement whose type is not said: those that no cast follows. */
const uncast = ({ parameters = [], sql }: ExecuteStatementRequest) =>
  parameters
    .map(({ name = "" }) => name)
    .filter((name) => {
      const typed = `(:${name}\\s*::\\s*\\w+)|CAST\\s*\\(:${name} AS |string_to_array\\(:${name}, ',', 'NULL'\\)::\\w+`
      return !new RegExp(typed, "i").test(sql)
    })

layer(repositories, { timeout: "60 seconds", excludeTestServices: true })("statements of the repositories", (it) => {
  it.effect("say the type of every value that they send, so that PostgreSQL need not be asked for it", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const accounts = yield* Accounts
      const positions = yield* Positions
      const instruments = yield* Instruments
      const jobs = yield* Jobs
      const portfolios = yield* Portfolios
      const clerk_user_id = ClerkUserId.make("caster")
      const symbol = InstrumentSymbol.make("CAST")
      const one = BigDecimal.fromBigInt(1n)
      yield* Ref.set(sent, [])
      yield* users.getOrCreate({ clerk_user_id })
      yield* users.create({ clerk_user_id: ClerkUserId.make("cast") })
      yield* users.findById(clerk_user_id)
      yield* users.list({ after: ClerkUserId.make("a") })
      yield* users.update(clerk_user_id, { display_name: "Ann" })
      yield* instruments.register(symbol)
      yield* instruments.create({ symbol: InstrumentSymbol.make("CAST2"), name: "x", instrument_type: "etf" })
      yield* instruments.upsert({ symbol, name: "x", instrument_type: "etf" })
      yield* instruments.upsertMany([{ symbol, name: "y", instrument_type: "etf" }], { dryRun: true })
      yield* instruments.setPrices([{ symbol, current_price: one }])
      yield* instruments.findBySymbol(symbol)
      yield* instruments.findMany([symbol])
      yield* instruments.all()
      yield* instruments.byType("etf")
      yield* instruments.search("x")
      yield* instruments.unclassified(clerk_user_id)
      yield* instruments.update(symbol, { name: "z" })
      yield* Effect.flip(instruments.delete(InstrumentSymbol.make("NONE")))
      for (const own of [accounts, accounts.forUser(clerk_user_id)]) {
        const account = yield* accounts.create({ clerk_user_id, account_name: "x" })
        yield* own.findById(account.id)
        yield* own.update(account.id, { account_name: "y" })
        for (const held of [positions, positions.forUser(clerk_user_id)]) {
          const position = yield* held.put({ account_id: account.id, symbol, quantity: one })
          yield* held.addQuantity({ account_id: account.id, symbol, quantity: one, as_of_date: "2026-01-02" })
          yield* held.findById(position.id)
          yield* held.update(position.id, { quantity: one })
          yield* held.registerAndPut({ account_id: account.id, symbol, quantity: one })
          yield* held.putMany([{ account_id: account.id, symbol, quantity: one }])
          yield* held.listByAccount(account.id)
          yield* held.value(account.id)
          yield* held.delete(position.id)
        }
        yield* own.delete(account.id)
      }
      yield* accounts.listByUser(clerk_user_id)
      yield* accounts.totals(clerk_user_id)
      yield* Stream.runDrain(accounts.all())
      yield* Stream.runDrain(positions.all())
      yield* Stream.runDrain(jobs.all())
      yield* users.allSymbols()
      for (const own of [jobs, jobs.forUser(clerk_user_id)]) {
        const { id } = yield* jobs.create({ clerk_user_id, job_type: "risk_assessment", request_payload: { a: 1 } })
        yield* own.start(id)
        yield* own.attachReport(id, { content: "x" })
        yield* own.complete(id)
        yield* own.findById(id)
        yield* own.findById(id, { parts: ["report_payload"] })
        yield* Stream.runDrain(jobs.streamPayload(id, "report_payload"))
      }
      yield* jobs.listWithPayloads(clerk_user_id)
      const next = yield* jobs.create({ clerk_user_id, job_type: "risk_assessment" })
      const [claimed] = yield* jobs.claim({ types: ["risk_assessment"], limit: 1 })
      yield* claimed?.extend("1 minute") ?? Effect.void
      yield* claimed?.release() ?? Effect.void
      yield* jobs.start(next.id, { takeOver: "1 minute", lease: "1 minute" })
      yield* jobs.fail(next.id, "x")
      yield* jobs.retry(next.id, { results: "clear" })
      yield* jobs.cancel(next.id, "x")
      const page = yield* jobs.listByUser(clerk_user_id, { status: "completed", limit: 1 })
      yield* jobs.listByUser(clerk_user_id, { after: page.next })
      yield* Effect.forEach(page.jobs, ({ id }) => jobs.delete(id))
      yield* portfolios.load(clerk_user_id)
      yield* portfolios.add({ user: { clerk_user_id }, accounts: [{ account_name: "x", positions: [] }] })
      yield* accounts.deleteAll(clerk_user_id)
      yield* users.delete(clerk_user_id)
      const statements = yield* Ref.get(sent)
      assert.isAbove(statements.length, 60)
      const found = statements.filter((statement) => uncast(statement).length > 0)
      assert.deepStrictEqual(
        found.map(({ sql }) => sql),
        []
      )
    })
  )
})
