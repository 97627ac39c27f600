import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, layer, type Vitest } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { vi } from "vitest"
import { Granted, grants } from "../../src/agent/tools/Grants.ts"
import { layer as toolHandlers } from "../../src/agent/tools/ToolHandlers.ts"
import { Tools } from "../../src/agent/tools/Tools.ts"
import { CurrentUser } from "../../src/agent/tools/toolParts.ts"
import { DataApiClient } from "../../src/data-api/client/DataApiClient.ts"
import { ClerkUserId, InstrumentSymbol, strict } from "../../src/domain/index.ts"
import { Seed } from "../../src/operations/index.ts"
import { Accounts, Instruments, Jobs, Portfolios, Users } from "../../src/repository/index.ts"
import { embedded, hasPostgres, postgres, skipWithoutPostgres } from "../repository/TestRepositories.ts"
import { corpus } from "./corpus.ts"
import { unharmed } from "./Fingerprint.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

const options = { timeout: "60 seconds", excludeTestServices: true } as const

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-injection-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

/** Values through the repositories: stored and read back as plain text, whichever the backend. */
const repositories = (it: Vitest.MethodsNonLive<Services>) => {
  it.effect(`${corpus.length} hostile strings are stored and read back as plain text by the repositories`, () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* Users
      const accounts = yield* Accounts
      const jobs = yield* Jobs
      const write = Effect.fnUntraced(function* (text: string) {
        const id = ClerkUserId.make(text)
        yield* users.create({ clerk_user_id: id, display_name: text })
        yield* accounts.create({ clerk_user_id: id, account_name: text, account_purpose: text })
        const request_payload = { [text]: [text] }
        const job = yield* jobs.create({ clerk_user_id: id, job_type: "risk_assessment", request_payload })
        yield* jobs.update(job.id, { error_message: text })
      })
      const { problems } = yield* unharmed(Effect.forEach(corpus, write, { discard: true }), {
        users: corpus.length,
        accounts: corpus.length,
        jobs: corpus.length
      })
      assert.deepStrictEqual(problems, [])
      const found = yield* sql<{ readonly clerk_user_id: string; readonly request_payload: object }>`
        SELECT users.clerk_user_id, display_name, account_name, account_purpose, error_message, request_payload
        FROM users JOIN accounts USING (clerk_user_id) JOIN jobs USING (clerk_user_id)`
      const byId = new Map(found.map((row) => [row.clerk_user_id, row]))
      for (const text of corpus) {
        assert.deepStrictEqual(
          { ...byId.get(text) },
          {
            clerk_user_id: text,
            display_name: text,
            account_name: text,
            account_purpose: text,
            error_message: text,
            request_payload: { [text]: [text] }
          }
        )
      }
    })
  )

  it.effect("hostile strings find what is called so, and nothing else", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const instruments = yield* Instruments
      const portfolios = yield* Portfolios
      const { problems, result } = yield* unharmed(
        Effect.gen(function* () {
          const known = yield* Effect.forEach(corpus, (text) => users.findById(ClerkUserId.make(text)), {
            concurrency: "unbounded"
          })
          const unknown = yield* Effect.forEach(
            corpus,
            (text) => Effect.flip(users.findById(ClerkUserId.make(`${text}~`))),
            { concurrency: "unbounded" }
          )
          const symbols = yield* instruments.findMany(
            corpus.map((text) => InstrumentSymbol.make(text, { disableChecks: true }))
          )
          const found = yield* Effect.forEach(corpus, (text) => instruments.search(text))
          const rare = corpus.filter((_, index) => index % 20 === 0)
          const loaded = yield* Effect.forEach(rare, (text) => portfolios.load(ClerkUserId.make(text)))
          yield* Effect.forEach(rare, (text) => users.list({ after: ClerkUserId.make(text), limit: 1 }))
          return {
            known: known.map(({ clerk_user_id }) => clerk_user_id),
            unknown: unknown.filter(({ _tag }) => _tag !== "UserNotFound"),
            symbols,
            found: found.flat(),
            loaded: loaded.map(({ user }) => user.clerk_user_id),
            rare
          }
        })
      )
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(result.known, [...corpus])
      assert.deepStrictEqual(result.loaded, result.rare)
      assert.deepStrictEqual([...result.unknown, ...result.symbols, ...result.found], [])
    })
  )
}

type Services = Users | Accounts | Jobs | Portfolios | Instruments | SqlClient.SqlClient

layer(DataApiClient.layerNoDeps.pipe(Layer.provideMerge(embedded)), options)(
  "hostile strings on the embedded database",
  (it) => {
    repositories(it)

    it.effect("as values of named and numbered parameters they are values", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const client = yield* DataApiClient
        const { problems } = yield* unharmed(
          Effect.forEach(corpus, (text) =>
            Effect.gen(function* () {
              const [numbered] = yield* sql<{ readonly v: string }>`SELECT ${text}::text AS v /* ' */`
              const [named] = yield* client.query("SELECT :v::text AS v, ':v' AS literal -- :v", { v: text })
              assert.strictEqual(numbered?.v, text)
              assert.deepStrictEqual({ ...named }, { v: text, literal: ":v" })
            })
          )
        )
        assert.deepStrictEqual(problems, [])
      })
    )

    it.effect("as identifiers they name a column or table that does not exist, and nothing else", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const client = yield* DataApiClient
        // A name of its own, since a few strings of the corpus are true names.
        const names = corpus.map((text) => `no ${text}`)
        const { problems, result } = yield* unharmed(
          Effect.forEach(names, (name, index) =>
            Effect.forEach(
              // Two ways for each name.
              [
                Effect.asVoid(sql`INSERT INTO users ${sql.insert({ [name]: "x" })}`),
                Effect.asVoid(sql`UPDATE users SET ${sql.update({ [name]: "x" })}`),
                Effect.asVoid(sql`SELECT * FROM ${sql(name)}`),
                Effect.asVoid(client.insert("users", { [name]: "x" })),
                Effect.asVoid(client.insert(name, { clerk_user_id: "x" })),
                Effect.asVoid(client.insert("users", { clerk_user_id: "x" }, { returning: [name] })),
                Effect.asVoid(client.update("users", { [name]: "x" }, { all: true })),
                Effect.asVoid(client.delete("users", { where: { [name]: "x" } }))
              ].filter((_, way) => way % 4 === index % 4),
              Effect.flip
            )
          )
        )
        assert.deepStrictEqual(problems, [])
        for (const error of result.flat()) {
          assert.isTrue(SqlError.isSqlError(error))
          assert.include(["SqlSyntaxError", "UnknownError", "ConstraintError"], error.reason._tag, error.message)
        }
      })
    )

    it.effect("as names of real columns they are written and read back", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const client = yield* DataApiClient
        // In an identifier a dot stands between a table and its column.
        const fits = corpus.filter((text) => Buffer.byteLength(text) <= 63 && !text.includes("."))
        for (let start = 0; start < fits.length; start += 100) {
          const names = fits.slice(start, start + 100)
          const columns = names.map((name) => `"${name.replaceAll('"', '""')}" text`)
          yield* sql.unsafe(`CREATE TABLE named${start} (${columns.join(", ")})`)
          const row = Object.fromEntries(names.map((name) => [name, name]))
          yield* client.insert(`named${start}`, row)
          const { rows } = yield* client.delete(`named${start}`, { where: row, returning: "*" })
          assert.deepStrictEqual(
            rows.map((found) => ({ ...found })),
            [row]
          )
          yield* sql.unsafe(`DROP TABLE named${start}`)
        }
      })
    )

    it.effect("as what a model says to a tool they are text", () =>
      Effect.gen(function* () {
        const alice = ClerkUserId.make("injection_alice")
        yield* (yield* Users).create({ clerk_user_id: alice })
        const jobs = yield* Jobs
        const job = yield* jobs.create({ clerk_user_id: alice, job_type: "risk_assessment" })
        const account = yield* (yield* Accounts).create({ clerk_user_id: alice, account_name: "a" })
        const toolkit = yield* Tools
        const call = (name: keyof typeof Tools.tools, parameters: unknown) =>
          Stream.runCollect(
            Stream.unwrap(toolkit.handle(name, JSON.parse(JSON.stringify(parameters)), undefined, strict))
          ).pipe(Effect.map(([last]) => last ?? assert.fail(`${name} gave no answer`)))
        const { problems, result } = yield* unharmed(
          Effect.forEach(corpus, (text, index) =>
            Effect.gen(function* () {
              const search = yield* call("search_instruments", { query: text })
              const symbol = yield* Effect.result(call("get_instrument", { symbol: text }))
              const ids = yield* Effect.result(call("read_job", { job_id: text }))
              const owner = yield* Effect.result(call("value_account", { account_id: text }))
              const position = yield* Effect.result(
                call("set_position", { account_id: account.id, symbol: text, quantity: "1" })
              )
              const summary = { [text]: text }
              yield* index % 2 === 0
                ? call("record_report", { job_id: job.id, report: { content: text } })
                : call("record_summary", { job_id: job.id, summary })
              const stored = yield* jobs.findById(job.id)
              const refused = [symbol, ids, owner, position].every(
                (answer) => answer._tag === "Failure" || answer.success.isFailure
              )
              const kept =
                index % 2 === 0
                  ? JSON.stringify(stored.report_payload).includes(JSON.stringify(text).slice(1, -1))
                  : JSON.stringify(stored.summary_payload) === JSON.stringify(summary)
              return refused && kept && !search.isFailure ? [] : [text]
            })
          )
        )
        assert.deepStrictEqual([...problems, ...result.flat()], [])
      }).pipe(
        Effect.provide(
          toolHandlers.pipe(
            Layer.provide(Layer.succeed(CurrentUser, ClerkUserId.make("injection_alice"))),
            Layer.provide(Layer.succeed(Granted, new Set(grants)))
          )
        )
      )
    )

    it.effect("as names in seed files they are stored, and as symbols stored or refused", () =>
      Effect.gen(function* () {
        const path = join(yield* folder, "instruments.json")
        const instrument = (symbol: string, name: string) => ({ symbol, name, instrument_type: "etf" })
        const named = corpus.map((text, index) => instrument(`SEED${index}`, text))
        const symbols = corpus.filter((text) => /^[!-~]([ -~]{0,18}[!-~])?$/.test(text))
        yield* Effect.promise(() =>
          writeFile(path, JSON.stringify([...named, ...symbols.map((symbol) => instrument(symbol, symbol))]))
        )
        const { problems } = yield* unharmed(Seed.seed({ file: path }), { instruments: named.length + symbols.length })
        assert.deepStrictEqual(problems, [])
        const all = yield* (yield* Instruments).all()
        const byName = new Set(all.map(({ name }) => name))
        assert.deepStrictEqual(
          corpus.filter((text) => !byName.has(text)),
          []
        )

        const refused = corpus.filter((text) => !symbols.includes(text))
        yield* Effect.promise(() => writeFile(path, JSON.stringify(refused.map((symbol) => instrument(symbol, "x")))))
        const failure = yield* unharmed(Effect.flip(Seed.seed({ file: path })))
        assert.deepStrictEqual(failure.problems, [])
        assert.strictEqual(failure.result._tag, "SeedInvalid")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )

    it.effect("as names in a portfolio's seed file they are stored", () =>
      Effect.gen(function* () {
        const path = join(yield* folder, "portfolio.json")
        const portfolio = {
          user: { clerk_user_id: `seed ${corpus[3]}`, display_name: corpus[4] },
          accounts: corpus.map((text) => ({ account_name: text, account_purpose: text, positions: [] }))
        }
        yield* Effect.promise(() => writeFile(path, JSON.stringify(portfolio)))
        const { problems } = yield* unharmed(Seed.seedPortfolio({ file: path }), { users: 1, accounts: corpus.length })
        assert.deepStrictEqual(problems, [])
        const loaded = yield* (yield* Portfolios).load(ClerkUserId.make(portfolio.user.clerk_user_id))
        assert.strictEqual(loaded.user.display_name, corpus[4])
        assert.sameMembers(
          loaded.accounts.map(({ account_name }) => account_name),
          [...corpus]
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  }
)

if (hasPostgres) layer(postgres, options)("hostile strings on PostgreSQL", repositories)
else skipWithoutPostgres("hostile strings")
