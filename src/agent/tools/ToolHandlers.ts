/** What the tools do, for one user. */
import { BigDecimal, Effect, Schema } from "effect"
import { SqlError } from "effect/sql"
import {
  type AccountId,
  type AccountNotFound,
  driftFrom,
  formatDecimal,
  type Instrument,
  type InstrumentNotFound,
  type JobId,
  type JobNotFound,
  type JobState,
  type JobTooLarge,
  type PositionNotFound,
  summarize,
  type UserNotFound
} from "../../domain/index.ts"
import { Accounts, Instruments, Jobs, Portfolios, Positions, type RepositoryError } from "../../repository/index.ts"
import { BoundJob, type Grant, Granted } from "./Grants.ts"
import { CurrentUser, type PortfolioReading, ToolFailure, Tools } from "./Tools.ts"

type Failure =
  | ToolFailure
  | PositionNotFound
  | UserNotFound
  | InstrumentNotFound
  | AccountNotFound
  | JobNotFound
  | JobTooLarge
  | RepositoryError

const isToolFailure = Schema.is(ToolFailure)

const explain = (error: Failure, mayHaveWritten: boolean): ToolFailure => {
  if (isToolFailure(error)) return error
  if (SqlError.isSqlError(error)) {
    const advice = !error.isRetryable
      ? "Don't repeat the call unchanged."
      : mayHaveWritten
        ? "It may or may not have written: read what is there before you repeat the call."
        : "Try again in a moment."
    return { error: "DatabaseFailed", message: `The database could not do this. ${advice}` }
  }
  if (error._tag === "InvalidInput" || error._tag === "UnreadableRow") {
    return { error: "InvalidData", message: error.message }
  }
  return { error: error._tag, message: error.message }
}

const answered =
  (mayHaveWritten: boolean) =>
  <A>(effect: Effect.Effect<A, Failure>): Effect.Effect<A, ToolFailure> =>
    effect.pipe(
      Effect.tapErrorTag("SqlError", (error) => Effect.logWarning(`A tool's statement failed: ${error.message}`)),
      Effect.mapError((error) => explain(error, mayHaveWritten))
    )

const reading = answered(false)

const notAllowed = (grant: Grant): ToolFailure => ({
  error: "NotAllowed",
  message: `This session may not write ${grant}. The person who started it has to allow them.`
})

/** What a model may not change of an instrument that others see too, without the grant for it. */
const overwritten = (known: Instrument, given: InstrumentWrite): string | undefined => {
  if (known.name !== given.name) return `its name is "${known.name}"`
  const { current_price: price } = given
  if (known.current_price === null || price === undefined || price === null) return undefined
  return BigDecimal.equals(known.current_price, price)
    ? undefined
    : `its price is "${formatDecimal(known.current_price)}"`
}

/** Creates an instrument or fills in what is not known of it; overwrites its name or price only where that is granted. */
const classifying = (instruments: Instruments["Service"], granted: ReadonlySet<Grant>) =>
  Effect.fnUntraced(function* (instrument: InstrumentWrite) {
    if (!granted.has("prices")) {
      const known = yield* instruments
        .findBySymbol(instrument.symbol)
        .pipe(Effect.catchTag("InstrumentNotFound", () => Effect.succeed(undefined)))
      const change = known === undefined ? undefined : overwritten(known, instrument)
      if (change !== undefined) {
        return yield* Effect.fail<ToolFailure>({
          error: "NotAllowed",
          message: `${instrument.symbol} is known, and ${change}: all users see it, and this session may not change it. Repeat it as it is, or leave the price out.`
        })
      }
    }
    const { inserted, updated } = yield* instruments.upsert(instrument)
    const outcome = inserted.length > 0 ? "inserted" : updated.length > 0 ? "updated" : "unchanged"
    return { symbol: instrument.symbol, outcome } as const
  })

const endedStatus: ReadonlyArray<string> = ["completed", "failed", "cancelled"]

/** Records a result of a job that is still at work, and of the bound one where there is one. */
const recordingFor = (jobs: UserJobs, bound: JobId | undefined) =>
  Effect.fnUntraced(function* (
    id: JobId,
    record: Effect.Effect<JobState, JobNotFound | JobTooLarge | RepositoryError>
  ) {
    if (bound !== undefined && id !== bound) {
      return yield* Effect.fail<ToolFailure>({
        error: "NotAllowed",
        message: `This session records results of job ${bound} alone.`
      })
    }
    const { status } = yield* jobs.findById(id)
    if (endedStatus.includes(status)) {
      return yield* Effect.fail<ToolFailure>({
        error: "JobEnded",
        message: `The job is ${status}: its results stay as they are.`
      })
    }
    return yield* record
  })

/** Deletes the position of an account in an instrument. */
const closing = (positions: UserPositions) =>
  Effect.fnUntraced(function* (account_id: AccountId, symbol: string) {
    const held = (yield* positions.listByAccount(account_id)).find((position) => position.symbol === symbol)
    if (held === undefined) {
      return yield* Effect.fail<ToolFailure>({
        error: "PositionNotFound",
        message: `The account has no position in ${symbol}.`
      })
    }
    return yield* positions.delete(held.id)
  })

const handlers = Effect.gen(function* () {
  const user = yield* CurrentUser
  const granted = yield* Granted
  const instruments = yield* Instruments
  const portfolios = yield* Portfolios
  const accounts = (yield* Accounts).forUser(user)
  const positions = (yield* Positions).forUser(user)
  const jobs = (yield* Jobs).forUser(user)

  const writing = <A>(grant: Grant, effect: Effect.Effect<A, Failure>) =>
    granted.has(grant) ? answered(true)(effect) : Effect.fail(notAllowed(grant))
  const classify = classifying(instruments, granted)
  const recording = recordingFor(jobs, yield* BoundJob)
  const close = closing(positions)

  return Tools.of({
    search_instruments: ({ limit, query }) =>
      reading(Effect.map(instruments.search(query, { limit }), (found) => ({ instruments: found }))),
    get_instrument: ({ symbol }) => reading(instruments.findBySymbol(symbol)),
    list_unclassified_instruments: () =>
      reading(Effect.map(instruments.unclassified(user), (found) => ({ instruments: found }))),
    read_portfolio: () => reading(Effect.map(portfolios.load(user), readingOf)),
    list_accounts: () => reading(Effect.map(accounts.list(), (found) => ({ accounts: found }))),
    value_account: ({ account_id }) => reading(positions.value(account_id)),
    list_jobs: (page) => reading(jobs.list(page)),
    read_job: ({ job_id }) => reading(jobs.findById(job_id)),

    classify_instrument: (instrument) => writing("instruments", classify(instrument)),
    set_position: (position) => writing("positions", positions.put(position)),
    add_to_position: (position) => writing("positions", positions.addQuantity(position)),
    close_position: ({ account_id, symbol }) => writing("positions", close(account_id, symbol)),
    record_report: ({ job_id, report }) => writing("results", recording(job_id, jobs.attachReport(job_id, report))),
    record_charts: ({ charts, job_id }) => writing("results", recording(job_id, jobs.attachCharts(job_id, charts))),
    record_retirement: ({ job_id, retirement }) =>
      writing("results", recording(job_id, jobs.attachRetirement(job_id, retirement))),
    record_summary: ({ job_id, summary }) => writing("results", recording(job_id, jobs.attachSummary(job_id, summary)))
  })
})

type UserJobs = ReturnType<Jobs["Service"]["forUser"]>
type UserPositions = ReturnType<Positions["Service"]["forUser"]>
type InstrumentWrite = Parameters<Instruments["Service"]["upsert"]>[0]

const readingOf = (
  portfolio: Effect.Success<ReturnType<Portfolios["Service"]["load"]>>
): typeof PortfolioReading.Type => {
  const summary = summarize(portfolio)
  return {
    user: portfolio.user,
    ...summary,
    asset_class_drift: driftFrom(portfolio.user.asset_class_targets, summary.asset_classes),
    region_drift: driftFrom(portfolio.user.region_targets, summary.regions),
    positions: portfolio.accounts.flatMap((account) => account.positions)
  }
}

/**
 * The handlers of all tools, for the {@link CurrentUser}.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { LanguageModel } from "effect/ai"
 * import { ClerkUserId, DbLayer } from "alex-database"
 * import { CurrentUser, layer, ReadTools } from "alex-database/agent"
 *
 * const answer = (question: string) =>
 *   Effect.flatMap(ReadTools, (toolkit) => LanguageModel.generateText({ prompt: question, toolkit }))
 *
 * const tools = layer.pipe(
 *   Layer.provide(Layer.succeed(CurrentUser, ClerkUserId.make("user_2abcDEF"))),
 *   Layer.provide(DbLayer.layer)
 * )
 * ```
 */
export const layer = Tools.toLayer(handlers)
