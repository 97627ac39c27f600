/**
 * Puts the instruments, and for tests a user with a portfolio, into a migrated database.
 */
import { Effect, Schema } from "effect"
import { Instruments, Portfolios } from "../../repository/index.ts"
import * as Progress from "../Progress.ts"
import { readInstruments, readPortfolio } from "./SeedFile.ts"

/** What happened, or with `dryRun` would happen, to the instruments; the two lists hold their symbols. */
export const SeedReport = Schema.Struct({
  file: Schema.String,
  total: Schema.Int,
  inserted: Schema.Array(Schema.String),
  updated: Schema.Array(Schema.String),
  unchanged: Schema.Int,
  dryRun: Schema.Boolean
})
export type SeedReport = typeof SeedReport.Type

/** How many rows were added; zeros when the portfolio was there already. */
export const PortfolioReport = Schema.Struct({ users: Schema.Int, accounts: Schema.Int, positions: Schema.Int })
export type PortfolioReport = typeof PortfolioReport.Type

/**
 * Checks the file's instruments and upserts them: one request, and nothing is written if one of them is invalid.
 *
 * What the file says is stored, an empty allocation too, and what it leaves out stays as it is. An instrument that is
 * as the file says is left untouched, `updated_at` included.
 *
 * @errors SeedInvalid, RepositoryError
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Seed } from "alex-database"
 *
 * const program = Effect.gen(function*() {
 *   const report = yield* Seed.seed({ dryRun: true })
 *   return `${report.inserted.length} new, ${report.updated.length} changed, ${report.unchanged} as they are`
 * })
 * ```
 */
export const seed = Effect.fn("Seed.seed")(function* (
  options: { readonly file?: string | undefined; readonly dryRun?: boolean | undefined } = {}
) {
  const { upsertMany } = yield* Instruments.make
  const instruments = yield* readInstruments(options.file)
  yield* Progress.report({ operation: "seed", done: 0, total: instruments.length, text: "writing the instruments" })
  const dryRun = options.dryRun ?? false
  const { inserted, unchanged, updated } = yield* upsertMany(instruments, { dryRun, allOrNothing: true })
  const report: SeedReport = {
    file: options.file ?? "the package's instruments",
    total: instruments.length,
    inserted: [...inserted].sort(),
    updated: [...updated].sort(),
    unchanged: unchanged.length,
    dryRun
  }
  return report
})

/**
 * Adds the test user with accounts and positions, in one request and all or nothing. What is there already, by the
 * user's id, the account's name and the position's symbol, is left as it is.
 *
 * @errors SeedInvalid, RepositoryError
 */
export const seedPortfolio = Effect.fn("Seed.seedPortfolio")(function* (
  options: { readonly file?: string | undefined } = {}
) {
  const { add } = yield* Portfolios.make
  const portfolio = yield* readPortfolio(options.file)
  yield* Progress.report({ operation: "seed", done: 0, total: 1, text: "writing the test user's portfolio" })
  return yield* add(portfolio)
})
