/** Writes the instruments, and for tests a user with a portfolio, into a migrated database. */
import { Effect, Schema } from "effect"
import { checked, flag, word } from "../../repository/calls/Arguments.ts"
import { Instruments, Portfolios } from "../../repository/index.ts"
import * as Progress from "../Progress.ts"
import { readInstruments, readPortfolio } from "./SeedFile.ts"

/** What was done, or with `dryRun` would be done; `inserted` and `updated` hold symbols. */
export const SeedReport = Schema.Struct({
  file: Schema.String,
  total: Schema.Int,
  inserted: Schema.Array(Schema.String),
  updated: Schema.Array(Schema.String),
  unchanged: Schema.Int,
  dryRun: Schema.Boolean
})
export type SeedReport = typeof SeedReport.Type

/** How many rows were added; all zero if the portfolio existed already. */
export const PortfolioReport = Schema.Struct({ users: Schema.Int, accounts: Schema.Int, positions: Schema.Int })
export type PortfolioReport = typeof PortfolioReport.Type

/**
 * Checks the file's instruments and upserts them: one request, and nothing is written if one of them is invalid.
 *
 * Each field in the file is stored, an empty allocation too; a field that it leaves out stays as it is. An instrument
 * that is equal to the file's is not written, so its `updated_at` stays.
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
export const seed = Effect.fn("Seed.seed")(function* (given?: {
  readonly file?: string | undefined
  readonly dryRun?: boolean | undefined
}) {
  yield* checked(given, { file: word, dryRun: flag })
  const options = given ?? {}
  const { upsertMany } = yield* Instruments.make
  const instruments = yield* readInstruments(options.file ?? undefined)
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
 * Adds the test user with accounts and positions, all or nothing. Existing rows, found by the user's
 * id, the account's name and the position's symbol, stay as they are.
 *
 * @errors SeedInvalid, RepositoryError
 */
export const seedPortfolio = Effect.fn("Seed.seedPortfolio")(function* (given?: {
  readonly file?: string | undefined
}) {
  yield* checked(given, { file: word })
  const options = given ?? {}
  const { add } = yield* Portfolios.make
  const portfolio = yield* readPortfolio(options.file ?? undefined)
  yield* Progress.report({ operation: "seed", done: 0, total: 1, text: "writing the test user's portfolio" })
  return yield* add(portfolio)
})
