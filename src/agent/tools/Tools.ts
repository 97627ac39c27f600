/**
 * The tools with which an agent works for one user: an `effect/ai` toolkit over the repositories.
 *
 * The user is bound when the handlers are made ({@link CurrentUser}) and no tool has a parameter for it, so that no
 * prompt can reach another person's accounts, positions or jobs. Money is decimal text at this boundary as at any other.
 */
import { Context, Effect, Schema, Struct } from "effect"
import { Tool, Toolkit } from "effect/ai"
import {
  Account,
  AccountId,
  AccountValue,
  AllocationDrift,
  type ClerkUserId,
  ClosedChartsPayload,
  ClosedReportPayload,
  ClosedRetirementPayload,
  Instrument,
  InstrumentClassification,
  InstrumentCreate,
  InstrumentSymbol,
  Job,
  JobCursor,
  JobId,
  JobState,
  JobStatus,
  PortfolioSummary,
  Position,
  PositionCreate,
  SummaryPayload,
  User
} from "../../domain/index.ts"
import { type Grant, grants } from "./Grants.ts"

/** The one user for whom the tools work. */
export class CurrentUser extends Context.Service<CurrentUser, ClerkUserId>()("alex-database/agent/CurrentUser") {}

/** What a tool answers when it can't do what was asked: a name for the program, words for the model. */
export const ToolFailure = Schema.Struct({
  error: Schema.Literals([
    "UserNotFound",
    "InstrumentNotFound",
    "AccountNotFound",
    "JobNotFound",
    "JobTooLarge",
    "PositionNotFound",
    "NotAllowed",
    "JobEnded",
    "InvalidData",
    "TooLarge",
    "DatabaseBusy",
    "DatabaseFailed"
  ]).annotate({ description: "What went wrong" }),
  message: Schema.String.annotate({ description: "What went wrong, and what to do about it" })
}).annotate({ description: "Why the tool could not do what was asked" })
export type ToolFailure = typeof ToolFailure.Type

const reads = Context.empty().pipe(
  Context.add(Tool.Readonly, true),
  Context.add(Tool.Destructive, false),
  Context.add(Tool.Idempotent, true),
  Context.add(Tool.OpenWorld, false),
  Context.add(Tool.Strict, true)
)

const writes = (hints: { readonly destructive: boolean; readonly idempotent: boolean }) =>
  Context.empty().pipe(
    Context.add(Tool.Readonly, false),
    Context.add(Tool.Destructive, hints.destructive),
    Context.add(Tool.Idempotent, hints.idempotent),
    Context.add(Tool.OpenWorld, false),
    Context.add(Tool.Strict, true)
  )

const replaces = writes({ destructive: true, idempotent: true })

// A failure is an answer to the model and not the end of its turn.
const failing = { failure: ToolFailure, failureMode: "return" } as const

const limit = (most: number, otherwise: number) =>
  Schema.Int.annotate({ description: `How many to return at most, from 1 to ${most}; ${otherwise} by default` }).pipe(
    Schema.check(Schema.isBetween({ minimum: 1, maximum: most }, { message: `expected a number from 1 to ${most}` })),
    Schema.withDecodingDefaultKey(Effect.succeed(otherwise))
  )

const InstrumentList = Schema.toCodecJson(Schema.Struct({ instruments: Schema.Array(Instrument) }))

const searchInstruments = Tool.make("search_instruments", {
  description:
    "Find instruments (ETFs, funds, stocks, bonds) whose symbol or name has the given text in it, the best match " +
    "first. Prices are US dollars for one share, as decimal text; allocations are percentages.",
  parameters: Schema.Struct({
    query: Schema.NonEmptyString.annotate({ description: "Part of a symbol or name", examples: ["vanguard"] }),
    limit: limit(100, 20)
  }),
  success: InstrumentList,
  ...failing
}).annotateMerge(reads)

const getInstrument = Tool.make("get_instrument", {
  description: "Read one instrument by its exact symbol: name, type, price in US dollars, allocations in percent.",
  parameters: Schema.Struct({ symbol: InstrumentSymbol }),
  success: Schema.toCodecJson(Instrument),
  ...failing
}).annotateMerge(reads)

const listUnclassifiedInstruments = Tool.make("list_unclassified_instruments", {
  description: "List the instruments that the user holds and that lack an allocation by region, sector or asset class.",
  success: InstrumentList,
  ...failing
}).annotateMerge(reads)

/** A portfolio as an agent reads it: added up, compared with the targets, and position by position. */
export const PortfolioReading = Schema.Struct({
  user: User.mapFields(
    Struct.pick([
      "display_name",
      "years_until_retirement",
      "target_retirement_income",
      "asset_class_targets",
      "region_targets"
    ])
  ),
  ...PortfolioSummary.fields,
  asset_class_drift: Schema.Array(AllocationDrift),
  region_drift: Schema.Array(AllocationDrift),
  positions: Schema.Array(Position.mapFields(Struct.pick(["account_id", "symbol", "quantity", "as_of_date"])))
}).annotate({ description: "A user's targets, and all that the user holds" })

const readPortfolio = Tool.make("read_portfolio", {
  description:
    "Read the user's whole portfolio: targets in percent, totals by account, the value of each holding and the value " +
    "by asset class, region and sector in US dollars as exact decimal text, how far it is from the targets in " +
    "percent, instruments without a price or an allocation, and every position in shares.",
  success: Schema.toCodecJson(PortfolioReading),
  ...failing
}).annotateMerge(reads)

const listAccounts = Tool.make("list_accounts", {
  description:
    "List the user's accounts with their ids, the newest first. Cash is US dollars, interest a yearly fraction: " +
    '"0.045" is 4.5 %.',
  success: Schema.toCodecJson(Schema.Struct({ accounts: Schema.Array(Account) })),
  ...failing
}).annotateMerge(reads)

const valueAccount = Tool.make("value_account", {
  description:
    "Say how many positions and shares one of the user's accounts holds, and what they are worth in US dollars; the " +
    "account's cash is not part of it, and a position without a price counts as 0.",
  parameters: Schema.Struct({ account_id: AccountId }),
  success: Schema.toCodecJson(AccountValue),
  ...failing
}).annotateMerge(reads)

const listJobs = Tool.make("list_jobs", {
  description: "List the user's jobs without their payloads, the newest first, a page at a time.",
  parameters: Schema.Struct({
    status: Schema.optionalKey(JobStatus),
    limit: limit(100, 20),
    after: Schema.optionalKey(JobCursor)
  }),
  success: Schema.toCodecJson(
    Schema.Struct({
      jobs: Schema.Array(JobState),
      next: Schema.NullOr(JobCursor).annotate({
        description: "What to pass as after for the next page; null at the end"
      })
    })
  ),
  ...failing
}).annotateMerge(reads)

const readJob = Tool.make("read_job", {
  description: "Read one of the user's jobs with its request, its results and, if it failed, the reason.",
  parameters: Schema.Struct({ job_id: JobId }),
  success: Schema.toCodecJson(Job),
  ...failing
}).annotateMerge(reads)

const classifyInstrument = Tool.make("classify_instrument", {
  description:
    "Store an instrument with its type and its allocations by region, sector and asset class: percentages, each " +
    "allocation sums to 100. Creates the instrument or replaces what is known of it; a price (US dollars for one " +
    "share) that is left out stays as it is. Instruments are shared by all users.",
  parameters: Schema.Struct({
    symbol: InstrumentCreate.fields.symbol,
    name: InstrumentCreate.fields.name,
    current_price: InstrumentCreate.fields.current_price,
    ...InstrumentClassification.fields
  }),
  success: Schema.Struct({
    symbol: Schema.String,
    outcome: Schema.Literals(["inserted", "updated", "unchanged"]).annotate({ description: "What became of it" })
  }),
  ...failing
}).annotateMerge(replaces)

const setPosition = Tool.make("set_position", {
  description:
    "Set how many shares of an instrument one of the user's accounts holds, replacing the position if there is one. " +
    "The instrument must be known. Repeating the call changes nothing.",
  parameters: PositionCreate,
  success: Schema.toCodecJson(Position),
  ...failing
}).annotateMerge(replaces)

const addToPosition = Tool.make("add_to_position", {
  description:
    "Add shares of an instrument to what one of the user's accounts holds of it. The instrument must be known. " +
    "Repeating the call adds again.",
  parameters: PositionCreate,
  success: Schema.toCodecJson(Position),
  ...failing
}).annotateMerge(writes({ destructive: false, idempotent: false }))

const closePosition = Tool.make("close_position", {
  description:
    "Close the position that one of the user's accounts has in an instrument: all of its shares are gone. Repeating " +
    "the call finds no position any more.",
  parameters: PositionCreate.mapFields(Struct.pick(["account_id", "symbol"])),
  success: Schema.toCodecJson(Position),
  ...failing
}).annotateMerge(writes({ destructive: true, idempotent: false }))

const recordReport = Tool.make("record_report", {
  description: "Store the report, as Markdown, as the result of one of the user's jobs; replaces an earlier one.",
  parameters: Schema.Struct({ job_id: JobId, report: ClosedReportPayload }),
  success: Schema.toCodecJson(JobState),
  ...failing
}).annotateMerge(replaces)

const recordCharts = Tool.make("record_charts", {
  description: "Store the charts as a result of one of the user's jobs; replaces all earlier ones.",
  parameters: Schema.Struct({ job_id: JobId, charts: ClosedChartsPayload }),
  success: Schema.toCodecJson(JobState),
  ...failing
}).annotateMerge(replaces)

const recordRetirement = Tool.make("record_retirement", {
  description:
    "Store the retirement analysis as a result of one of the user's jobs; replaces an earlier one. Values and income " +
    "are US dollars, the success rate is in percent.",
  parameters: Schema.Struct({ job_id: JobId, retirement: ClosedRetirementPayload }),
  success: Schema.toCodecJson(JobState),
  ...failing
}).annotateMerge(replaces)

const recordSummary = Tool.make("record_summary", {
  description: "Store a summary, any JSON object, as a result of one of the user's jobs; replaces an earlier one.",
  parameters: Schema.Struct({ job_id: JobId, summary: SummaryPayload }),
  success: Schema.toCodecJson(JobState),
  ...failing
})
  .annotateMerge(replaces)
  // Providers' strict modes can't say an object of any shape.
  .annotate(Tool.Strict, false)

/** The tools that only read. */
export const ReadTools = Toolkit.make(
  searchInstruments,
  getInstrument,
  listUnclassifiedInstruments,
  readPortfolio,
  listAccounts,
  valueAccount,
  listJobs,
  readJob
)

/** The tools that write, by the grant that each takes. */
export const WriteTools = {
  instruments: Toolkit.make(classifyInstrument),
  positions: Toolkit.make(setPosition, addToPosition, closePosition),
  results: Toolkit.make(recordReport, recordCharts, recordRetirement, recordSummary),
  // Widens what classify_instrument may change.
  prices: Toolkit.empty
}

/** All tools. */
export const Tools = Toolkit.merge(ReadTools, WriteTools.instruments, WriteTools.positions, WriteTools.results)

/** The tools that there are with these grants. */
export const toolsFor = (granted: ReadonlySet<Grant>): ReadonlyArray<Tool.Any> =>
  [ReadTools, ...grants.filter((grant) => granted.has(grant)).map((grant) => WriteTools[grant])].flatMap(
    (toolkit): ReadonlyArray<Tool.Any> => Object.values(toolkit.tools)
  )
