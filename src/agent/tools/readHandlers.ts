/** The handlers of the tools that only read. */
import * as Effect from "effect/Effect"
import { driftFrom, type Job, type Portfolio, summarize, type UnreadableRow } from "../../domain/index.ts"
import { Accounts, Instruments, Jobs, type Listed, Portfolios, Positions } from "../../repository/index.ts"
import { reading, refused } from "./failures.ts"
import { cursorOf, cut, keyIn, MaxResult, overhead, type Page, pageOf } from "./pages.ts"
import {
  type JobInclude,
  type JobReading,
  jobIncludes,
  type PortfolioList,
  type PortfolioReading,
  portfolioLists,
  ReadTools
} from "./readTools.ts"
import { CurrentUser } from "./toolParts.ts"

/** The page of a list that a call asks for. */
interface Asked {
  readonly after?: string | undefined
  readonly limit: number
}

const unknownCursor = refused(
  "InvalidData",
  "after is not a cursor of this list, or the entry that it named is gone. Begin without it."
)

const found = <A>(page: Page<A> | undefined) => (page === undefined ? unknownCursor : Effect.succeed(page))

/** How many unreadable rows an answer names. */
const named = 10

/** The member of an answer for rows that can't be read, if there are any. */
const leftOut = (unreadable: ReadonlyArray<UnreadableRow> = []) =>
  unreadable.length === 0 ? {} : { unreadable: unreadable.slice(0, named).map(({ key }) => key) }

/** A page of rows of which one more than `limit` was asked for; if none can be read, it goes on at `last`. */
const pageOfRows = <A>(
  rows: Listed<A>,
  keyOf: (item: A, index: number) => string,
  { bytes, last, limit }: { readonly limit: number; readonly bytes: number; readonly last: string | undefined }
) => {
  const isMore = rows.length + (rows.unreadable ?? []).length > limit
  const entries = rows.map((item, index) => ({ item, key: keyOf(item, index) }))
  const end = isMore && rows.length === 0 && last !== undefined ? cursorOf(last) : null
  return Effect.map(found(pageOf(entries, ({ key }) => key, { limit, bytes, isMore })), (page) => ({
    instruments: page.items.map(({ item }) => item),
    next: page.next ?? end,
    ...leftOut(rows.unreadable)
  }))
}

const searching = (instruments: Instruments["Service"], bytes: number) =>
  Effect.fnUntraced(function* ({ after, limit, query }: Asked & { readonly query: string }) {
    const key = after === undefined ? "0" : (keyIn(after) ?? "")
    if (!/^\d{1,9}$/.test(key)) return yield* unknownCursor
    const offset = Number(key)
    const rows = yield* instruments.search(query, { limit: limit + 1, offset })
    const last = String(offset + rows.length + (rows.unreadable ?? []).length)
    // Where a row before could not be read, a cursor within the page may repeat entries, and skips none.
    const keyOf = (_: unknown, index: number) => (index === rows.length - 1 ? last : String(offset + index + 1))
    return yield* pageOfRows(rows, keyOf, { limit, bytes, last })
  })

const unclassified = (instruments: Instruments["Service"], user: CurrentUser["Service"], bytes: number) =>
  Effect.fnUntraced(function* ({ after, limit }: Asked) {
    const key = after === undefined ? undefined : keyIn(after)
    if (after !== undefined && key === undefined) return yield* unknownCursor
    const rows = yield* instruments.unclassified(user, { after: key, limit: limit + 1 })
    return yield* pageOfRows(rows, ({ symbol }) => symbol, { limit, bytes, last: rows.unreadable?.at(-1)?.key })
  })

/** The lists of a portfolio, each entry with its key. */
const listsOf = (portfolio: Portfolio) => {
  const summary = summarize(portfolio)
  return {
    summary,
    accounts: summary.accounts.map((item) => ({ item, key: item.account_id })),
    holdings: summary.holdings.map((item) => ({ item, key: item.symbol })),
    positions: portfolio.accounts.flatMap(({ positions }) =>
      positions.map(({ account_id, as_of_date, quantity, symbol }) => ({
        item: { account_id, symbol, quantity, as_of_date },
        key: `${account_id}/${symbol}`
      }))
    ),
    missing_prices: summary.missing_prices.map((item) => ({ item, key: item })),
    missing_allocations: summary.missing_allocations.map((item) => ({ item, key: item }))
  }
}

const shortestFirst = (lists: ReturnType<typeof listsOf>, include: ReadonlyArray<PortfolioList>) =>
  include.toSorted((a, b) => lists[a].length - lists[b].length)

/** What a reading of a portfolio always has. */
const totalsOf = ({ user }: Portfolio, lists: ReturnType<typeof listsOf>) => {
  const { accounts: _a, holdings: _h, missing_allocations: _m, missing_prices: _p, ...totals } = lists.summary
  return {
    user: {
      display_name: user.display_name,
      years_until_retirement: user.years_until_retirement,
      target_retirement_income: user.target_retirement_income,
      asset_class_targets: user.asset_class_targets,
      region_targets: user.region_targets
    },
    ...totals,
    asset_class_drift: driftFrom(user.asset_class_targets, totals.asset_classes),
    region_drift: driftFrom(user.region_targets, totals.regions),
    counts: {
      accounts: lists.accounts.length,
      holdings: lists.holdings.length,
      positions: lists.positions.length,
      missing_prices: lists.missing_prices.length,
      missing_allocations: lists.missing_allocations.length
    }
  }
}

/** A portfolio with as much of each list as fits: short lists first, the long ones share the rest. */
const portfolioOf = Effect.fnUntraced(function* (
  portfolio: Portfolio,
  asked: Asked & { readonly include?: ReadonlyArray<PortfolioList> | undefined },
  bytes: number
) {
  const { after, limit, include = portfolioLists } = asked
  if (after !== undefined && include.length !== 1) {
    return yield* refused("InvalidData", "after goes on with one list: name that one alone in include.")
  }
  const lists = listsOf(portfolio)
  const base = totalsOf(portfolio, lists)
  let left = bytes - Buffer.byteLength(JSON.stringify(base))
  const order = shortestFirst(lists, [...new Set(include)])
  const next: { [List in PortfolioList]?: string } = {}
  const take = <A>(name: PortfolioList, list: ReadonlyArray<{ readonly item: A; readonly key: string }>) =>
    Effect.gen(function* () {
      const share = left / (order.length - order.indexOf(name))
      const page = yield* found(pageOf(list, ({ key }) => key, { after, limit, bytes: share }))
      left -= page.bytes
      if (page.next !== undefined) next[name] = page.next
      return page.items.map(({ item }) => item)
    })
  let answer: Omit<typeof PortfolioReading.Type, "next"> = base
  for (const name of order) {
    // Each list has items of its own kind.
    switch (name) {
      case "accounts":
        answer = { ...answer, accounts: yield* take(name, lists.accounts) }
        break
      case "holdings":
        answer = { ...answer, holdings: yield* take(name, lists.holdings) }
        break
      case "positions":
        answer = { ...answer, positions: yield* take(name, lists.positions) }
        break
      default:
        answer = { ...answer, [name]: yield* take(name, lists[name]) }
    }
  }
  return { ...answer, next }
})

const accountsPage = (accounts: ReturnType<Accounts["Service"]["forUser"]>, bytes: number) =>
  Effect.fnUntraced(function* (asked: Asked) {
    const rows = yield* accounts.list()
    const all = rows.map((account) => ({
      ...account,
      account_purpose: account.account_purpose === null ? null : cut(account.account_purpose)
    }))
    const page = yield* found(pageOf(all, ({ id }) => id, { ...asked, bytes }))
    return { accounts: page.items, next: page.next ?? null, ...leftOut(rows.unreadable) }
  })

export type UserJobs = ReturnType<Jobs["Service"]["forUser"]>
type JobPage = NonNullable<Parameters<UserJobs["list"]>[0]>

/** A page of jobs. If it does not fit, a shorter one is read, so that the cursor is that of its last job. */
const jobsPage = (jobs: UserJobs, bytes: number) =>
  Effect.fnUntraced(function* (page: JobPage) {
    const list = Effect.fnUntraced(function* (limit: number | undefined) {
      const list = yield* jobs.list({ ...page, ...(limit === undefined ? {} : { limit }) })
      return { jobs: list.jobs.map(withShortReason), next: list.next, ...leftOut(list.unreadable) }
    })
    const whole = yield* list(page.limit)
    const fitting = pageOf(whole.jobs, ({ id }) => id, { limit: whole.jobs.length, bytes })?.items.length ?? 0
    return fitting === whole.jobs.length ? whole : yield* list(fitting)
  })

const withShortReason = <A extends { readonly error_message: string | null }>(job: A): A => ({
  ...job,
  error_message: job.error_message === null ? null : cut(job.error_message)
})

const columnOf = (part: JobInclude) => `${part}_payload` as const

interface JobAsked {
  readonly include?: ReadonlyArray<JobInclude> | undefined
  readonly from?: number | undefined
}

/** Whether a position is within a character that takes two places. */
const isWithin = (text: string, at: number): boolean =>
  at > 0 && at < text.length && (text.codePointAt(at - 1) ?? 0) > 0xffff

/**
 * The longest excerpt from a position that takes at most this many bytes as a JSON string, or nearly so: whole
 * characters, and at least one, so that a reader makes progress.
 */
const excerptOf = (text: string, from: number, bytes: number) => {
  const start = isWithin(text, from) ? from - 1 : from
  let end = Math.min(text.length, Math.max(start + 1, start + bytes))
  while (end > start + 1 && Buffer.byteLength(JSON.stringify(text.slice(start, end))) > bytes) {
    end = start + Math.max(1, Math.floor((end - start) * 0.8))
  }
  if (isWithin(text, end)) end = end > start + 1 ? end - 1 : end + 1
  return { text: text.slice(start, end), next: end < text.length ? end : null }
}

/** A job with the payloads that fit, shortest first. */
const jobOf = Effect.fnUntraced(function* (job: Job, { from, include = jobIncludes }: JobAsked, bytes: number) {
  const none = {
    request_payload: null,
    report_payload: null,
    charts_payload: null,
    retirement_payload: null,
    summary_payload: null
  }
  const state = { ...withShortReason(job), ...none }
  const texts = [...new Set(include)].map((part) => ({ part, text: JSON.stringify(job[columnOf(part)]) }))
  let left = bytes - Buffer.byteLength(JSON.stringify(state))
  if (from !== undefined) {
    const [only] = texts
    if (only === undefined || texts.length > 1) {
      return yield* refused("InvalidData", "from reads one payload: name that one alone in include.")
    }
    return { ...state, omitted: [], excerpt: excerptOf(only.text, from, left) }
  }
  const omitted: Array<{ readonly part: JobInclude; readonly bytes: number }> = []
  let answer: typeof JobReading.Type = { ...state, omitted }
  for (const { part, text } of texts.toSorted((a, b) => a.text.length - b.text.length)) {
    const size = Buffer.byteLength(text)
    if (size > left) omitted.push({ part, bytes: size })
    else {
      left -= size
      answer = { ...answer, [columnOf(part)]: job[columnOf(part)] }
    }
  }
  return answer
})

/** The handlers of the reading tools, for one user. */
export const readHandlers = Effect.gen(function* () {
  const user = yield* CurrentUser
  const instruments = yield* Instruments
  const portfolios = yield* Portfolios
  const accounts = (yield* Accounts).forUser(user)
  const positions = (yield* Positions).forUser(user)
  const jobs = (yield* Jobs).forUser(user)
  const bytes = (yield* MaxResult) - overhead
  const search = searching(instruments, bytes)
  const listUnclassified = unclassified(instruments, user, bytes)
  const listAccounts = accountsPage(accounts, bytes)
  const listJobs = jobsPage(jobs, bytes)

  return ReadTools.of({
    search_instruments: (asked) => reading(search(asked)),
    get_instrument: ({ symbol }) => reading(instruments.findBySymbol(symbol)),
    list_unclassified_instruments: (asked) => reading(listUnclassified(asked)),
    read_portfolio: (asked) =>
      reading(Effect.flatMap(portfolios.load(user), (portfolio) => portfolioOf(portfolio, asked, bytes))),
    list_accounts: (asked) => reading(listAccounts(asked)),
    value_account: ({ account_id }) => reading(positions.value(account_id)),
    list_jobs: (page) => reading(listJobs(page)),
    read_job: ({ job_id, ...asked }) =>
      reading(
        Effect.flatMap(jobs.findById(job_id, { parts: (asked.include ?? jobIncludes).map(columnOf) }), (job) =>
          jobOf(job, asked, bytes)
        )
      )
  })
})
