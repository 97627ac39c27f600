/** The tools that only read. */

import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import {
  Account,
  AccountId,
  AccountValue,
  AllocationDrift,
  Instrument,
  Job,
  JobCursor,
  JobId,
  JobState,
  JobStatus,
  PortfolioSummary,
  Position,
  SpelledSymbol,
  User
} from "../../domain/index.ts"
import { text } from "../../domain/Text.ts"
import { Cursor, limit } from "./pages.ts"
import { failing, reads } from "./toolParts.ts"

const next = Schema.NullOr(Schema.String).annotate({
  description: "What to pass as after for the next page; null at the end"
})

/** Members of a page that is not whole. */
const unreadable = Schema.optionalKey(
  Schema.Array(Schema.String).annotate({
    description: "Entries that are left out because their rows can't be read; say so, since a person has to fix them"
  })
)

const InstrumentPage = Schema.toCodecJson(Schema.Struct({ instruments: Schema.Array(Instrument), next, unreadable }))

const after = Schema.optionalKey(Cursor)

const searchInstruments = Tool.make("search_instruments", {
  description:
    "Find instruments (ETFs, funds, stocks, bonds) whose symbol or name has the given text in it, the best match " +
    "first, a page at a time. Prices are US dollars for one share, as decimal text; allocations are percentages.",
  parameters: Schema.Struct({
    query: text({ min: 1, max: 255, description: "Part of a symbol or name", example: "vanguard" }),
    limit: limit(100, 20),
    after
  }),
  success: InstrumentPage,
  ...failing
}).annotateMerge(reads)

const getInstrument = Tool.make("get_instrument", {
  description: "Read one instrument by its exact symbol: name, type, price in US dollars, allocations in percent.",
  parameters: Schema.Struct({ symbol: SpelledSymbol }),
  success: Schema.toCodecJson(Instrument),
  ...failing
}).annotateMerge(reads)

const listUnclassifiedInstruments = Tool.make("list_unclassified_instruments", {
  description:
    "List the instruments that the user holds and that lack an allocation by region, sector or asset class, by " +
    "symbol, a page at a time.",
  parameters: Schema.Struct({ limit: limit(200, 50), after }),
  success: InstrumentPage,
  ...failing
}).annotateMerge(reads)

/** The lists of a portfolio that an agent may include. */
export const portfolioLists = ["accounts", "holdings", "positions", "missing_prices", "missing_allocations"] as const
/** One of {@link portfolioLists}. */
export type PortfolioList = (typeof portfolioLists)[number]

const { accounts, holdings, missing_allocations, missing_prices, ...totals } = PortfolioSummary.fields

const positions = Schema.Array(
  Position.mapFields(Struct.pick(["account_id", "symbol", "quantity", "as_of_date"]))
).annotate({ description: "Every position, in shares, account by account" })

const ofEach = <S extends Schema.Constraint>(schema: S) =>
  Schema.Struct({
    accounts: schema,
    holdings: schema,
    positions: schema,
    missing_prices: schema,
    missing_allocations: schema
  })

/** A portfolio as an agent reads it: added up, compared with the targets, and the lists that were asked for. */
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
  ...totals,
  asset_class_drift: Schema.Array(AllocationDrift),
  region_drift: Schema.Array(AllocationDrift),
  counts: ofEach(Schema.Finite).annotate({ description: "How many of each there are in all" }),
  accounts: Schema.optionalKey(accounts),
  holdings: Schema.optionalKey(holdings),
  positions: Schema.optionalKey(positions),
  missing_prices: Schema.optionalKey(missing_prices),
  missing_allocations: Schema.optionalKey(missing_allocations),
  next: ofEach(Schema.optionalKey(Schema.String)).annotate({
    description: "Of each list that goes on: what to pass as after, with include naming that list alone"
  })
}).annotate({ description: "A user's targets, and all that the user holds" })

const readPortfolio = Tool.make("read_portfolio", {
  description:
    "Read the user's whole portfolio: targets in percent, totals and the value by asset class, region and sector in " +
    "US dollars as exact decimal text, how far it is from the targets in percent; and the lists of include, a page of " +
    "each: the value by account and by holding, every position in shares, instruments without a price or an allocation.",
  parameters: Schema.Struct({
    include: Schema.optionalKey(
      Schema.Array(Schema.Literals(portfolioLists)).annotate({
        description: "Which lists to return; all unless given, none of an empty list"
      })
    ),
    limit: limit(1000, 100),
    after
  }),
  success: Schema.toCodecJson(PortfolioReading),
  ...failing
}).annotateMerge(reads)

const listAccounts = Tool.make("list_accounts", {
  description:
    "List the user's accounts with their ids, the newest first, a page at a time. Cash is US dollars, interest a " +
    'yearly fraction: "0.045" is 4.5 %.',
  parameters: Schema.Struct({ limit: limit(200, 50), after }),
  success: Schema.toCodecJson(Schema.Struct({ accounts: Schema.Array(Account), next, unreadable })),
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
      }),
      unreadable
    })
  ),
  ...failing
}).annotateMerge(reads)

/** The payloads of a job that an agent may include. */
export const jobIncludes = ["request", "report", "charts", "retirement", "summary"] as const
/** One of {@link jobIncludes}. */
export type JobInclude = (typeof jobIncludes)[number]

/** A job as an agent reads it. */
export const JobReading = Schema.Struct({
  ...Job.fields,
  omitted: Schema.Array(
    Schema.Struct({
      part: Schema.Literals(jobIncludes),
      bytes: Schema.Finite.annotate({ description: "How long it is, as JSON" })
    })
  ).annotate({
    description: "What did not fit: read each alone with include, and one that is too long for that with from: 0"
  }),
  excerpt: Schema.optionalKey(
    Schema.Struct({
      text: Schema.String.annotate({
        description: "Characters of the JSON text of the one payload that was asked for"
      }),
      next: Schema.NullOr(Schema.Finite).annotate({ description: "What to pass as from for the rest; null at the end" })
    })
  )
}).annotate({ description: "A job with its request and its results" })

const readJob = Tool.make("read_job", {
  description:
    "Read one of the user's jobs with its request, its results and, if it failed, the reason. Payloads that are not " +
    "included are null; those that do not fit are named in omitted.",
  parameters: Schema.Struct({
    job_id: JobId,
    include: Schema.optionalKey(
      Schema.Array(Schema.Literals(jobIncludes)).annotate({
        description: "Which payloads to return; all unless given, none of an empty list"
      })
    ),
    from: Schema.optionalKey(
      Schema.Int.annotate({
        description: "Returns an excerpt of the JSON text of the one payload in include, from this character on"
      }).pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0, { message: "expected a number from 0 on" })))
    )
  }),
  success: Schema.toCodecJson(JobReading),
  ...failing
}).annotateMerge(reads)

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
