/** The daily values of portfolios, and the daily prices of instruments. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { Change, DailyPrice, PortfolioSnapshot } from "../domain/DailyValues.ts"
import { type InstrumentSymbol, StoredSymbol } from "../domain/Instrument.ts"
import { aDay, CalendarDay } from "../domain/Text.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { meant, meantBy, today } from "./batches/InstrumentBatches.ts"
import { checked, listOf, type Rule, word } from "./calls/Arguments.ts"
import { isAlone, isForeignKeyViolation, seeingDeleted } from "./DeletedMeanwhile.ts"
import { computed, everyPage, type Listed, type RepositoryError, type Row, reader } from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** The days from `from` to `to`, both included, as YYYY-MM-DD. */
export interface Period {
  readonly from: string
  readonly to: string
}

/** How the price of an instrument changed over a period. */
export interface PriceChange extends Change {
  readonly symbol: InstrumentSymbol
}

/** The operations on the history. */
export interface Operations {
  /**
   * Stores the current value of every user's portfolio as today's snapshot (in UTC), in one request, and returns how
   * many users have one. A later snapshot of the same day replaces it. Values that can't be added, such as a price of
   * NaN or an allocation that is not an object, count as 0, so that one bad row does not stop the rest. While users are
   * deleted, the others are stored one by one if need be. Of `users` the role may only read.
   *
   * @errors RepositoryError
   */
  readonly snapshot: (options?: { readonly user?: ClerkUserId | undefined }) => Effect.Effect<number, RepositoryError>

  /**
   * A user's snapshots of a period, the oldest first.
   *
   * @errors RepositoryError
   */
  readonly portfolio: (user: ClerkUserId, period: Period) => Effect.Effect<Listed<PortfolioSnapshot>, RepositoryError>

  /**
   * How the total of a user's portfolio changed from the first to the last snapshot of a period; null if there is none.
   *
   * @errors RepositoryError
   */
  readonly portfolioChange: (user: ClerkUserId, period: Period) => Effect.Effect<Change | null, RepositoryError>

  /**
   * The prices of an instrument in a period, one a day, the oldest first.
   *
   * @errors RepositoryError
   */
  readonly prices: (symbol: InstrumentSymbol, period: Period) => Effect.Effect<Listed<DailyPrice>, RepositoryError>

  /**
   * How the prices of instruments changed from the first to the last price of a period, by symbol: one request.
   *
   * @errors RepositoryError
   */
  readonly priceChanges: (
    symbols: ReadonlyArray<InstrumentSymbol>,
    period: Period
  ) => Effect.Effect<Listed<PriceChange>, RepositoryError>
}

type Sql = SqlClient.SqlClient

const snapshots = { name: "portfolio_snapshots", key: "day", row: PortfolioSnapshot }
const dailyPrices = { name: "price_history", key: "day", row: DailyPrice }

const day: Rule = [/* @__PURE__ */ Schema.is(CalendarDay), aDay]

/** Fails if a day is not valid, and names the member. */
const daysChecked = (period: Period) => Effect.as(checked(period, { from: day, to: day }, "from", "to"), period)

/** The SQL of the sums of values by one of the allocations, as a column of texts by name; the rest is `unclassified`. */
const spread = (name: string, allocation: string, cash: string) => {
  const shares = `jsonb_each(CASE WHEN jsonb_typeof(${allocation}) = 'object' THEN ${allocation} ELSE '{}' END) AS share`
  return Tables.fixed(`
  SELECT clerk_user_id, jsonb_object_agg(name, trim_scale(value)::text) AS ${name} FROM (
    SELECT clerk_user_id, name, sum(value) AS value FROM (
      SELECT
        clerk_user_id, share.key AS name,
        CASE WHEN jsonb_typeof(share.value) = 'number' THEN held.value * share.value::text::numeric * 0.01 ELSE 0 END AS value
      FROM held, ${shares}
      UNION ALL
      SELECT
        clerk_user_id, 'unclassified',
        held.value - coalesce((
          SELECT sum(held.value * share.value::text::numeric * 0.01)
          FROM ${shares}
          WHERE jsonb_typeof(share.value) = 'number'
        ), 0)
      FROM held
      ${cash}
    ) AS parts GROUP BY clerk_user_id, name
  ) AS named WHERE value <> 0 GROUP BY clerk_user_id`)
}

const taken = /* @__PURE__ */ computed(/* @__PURE__ */ Schema.Struct({ users: Schema.Int }))

const columns = /* @__PURE__ */ Tables.settable(PortfolioSnapshot)
const replaced = /* @__PURE__ */ Tables.fixed(
  /* @__PURE__ */ Object.keys(PortfolioSnapshot.fields)
    .filter((column) => column !== "clerk_user_id" && column !== "day")
    .map((column) => `${column} = excluded.${column}`)
    .join(", ")
)

const snapshotOf = (sql: Sql, user: string | undefined) =>
  sql`
    WITH person AS (
      SELECT clerk_user_id FROM users ${user === undefined ? Tables.nothing : Tables.ofUser(sql, user)}
    ), account AS (
      SELECT accounts.id, clerk_user_id, CASE WHEN cash_balance < 'NaN' THEN cash_balance ELSE 0 END AS cash
      FROM accounts JOIN person USING (clerk_user_id)
    ), held AS MATERIALIZED (
      SELECT
        account.id, clerk_user_id, allocation_asset_class, allocation_regions, allocation_sectors,
        CASE WHEN quantity < 'NaN' AND current_price < 'NaN' THEN quantity * current_price ELSE 0 END AS value
      FROM account JOIN positions ON positions.account_id = account.id JOIN instruments USING (symbol)
    ), by_account AS (
      SELECT clerk_user_id, id, cash, coalesce((SELECT sum(value) FROM held WHERE held.id = account.id), 0) AS value
      FROM account
    ), totals AS (
      SELECT
        clerk_user_id, sum(cash) AS cash, sum(value) AS value,
        jsonb_object_agg(id, trim_scale(cash + value)::text) AS accounts
      FROM by_account GROUP BY clerk_user_id
    ), classes AS (${spread("asset_classes", "allocation_asset_class", "UNION ALL SELECT clerk_user_id, 'cash', cash FROM account")}
    ), region AS (${spread("regions", "allocation_regions", "")}
    ), sector AS (${spread("sectors", "allocation_sectors", "")}
    ), taken AS (
      INSERT INTO portfolio_snapshots (${columns})
      SELECT
        clerk_user_id, ${today}, coalesce(cash, 0), coalesce(value, 0), coalesce(cash + value, 0),
        coalesce(accounts, '{}'), coalesce(asset_classes, '{}'), coalesce(regions, '{}'), coalesce(sectors, '{}'), now()
      FROM person LEFT JOIN totals USING (clerk_user_id) LEFT JOIN classes USING (clerk_user_id)
        LEFT JOIN region USING (clerk_user_id) LEFT JOIN sector USING (clerk_user_id)
      ORDER BY clerk_user_id
      ON CONFLICT (clerk_user_id, day) DO UPDATE SET ${replaced}
      RETURNING 1
    )
    SELECT count(*)::int AS users FROM taken`

const usersOfPage = 2_000
const key = "clerk_user_id"

// A user may be deleted after any statement has begun: of one who is alone in it, the next attempt finds nothing.
const each = Effect.fnUntraced(function* <E>(sql: Sql, take: (user: string) => Effect.Effect<number, E>) {
  const users = yield* everyPage(
    usersOfPage,
    key,
    (after) => sql<Row>`
      SELECT clerk_user_id FROM users WHERE ${Tables.following(sql, key, after)} ORDER BY clerk_user_id LIMIT ${usersOfPage}::int`
  )
  const counts = yield* Effect.forEach(users, (user) => take(String(user[key])))
  return counts.reduce((all, one) => all + one, 0)
})

const snapshot = (sql: Sql): Operations["snapshot"] =>
  Effect.fn("History.snapshot")(function* (options?: { readonly user?: ClerkUserId | undefined }) {
    yield* checked(options, { user: word })
    const take = (user: string | undefined) =>
      Effect.map(taken(seeingDeleted(sql)(snapshotOf(sql, user))), ([result]) => result?.users ?? 0)
    return yield* take(options?.user ?? undefined).pipe(
      Effect.catchTag("SqlError", (error) =>
        Effect.flatMap(isAlone(sql), (alone) =>
          alone && isForeignKeyViolation(error) ? each(sql, take) : Effect.fail(error)
        )
      )
    )
  })

const readSnapshots = /* @__PURE__ */ reader(snapshots, PortfolioSnapshot)
const readPrices = /* @__PURE__ */ reader(dailyPrices, DailyPrice)

/** The rows of a period, page after page; `select` is a query with a condition on other columns than the day. */
const daysOf = ({ from, to }: Period, size: number, sql: Sql, select: Fragment) =>
  everyPage(
    size,
    "day",
    (after) => sql`
      ${select} AND day <= ${to}::date AND ${after === undefined ? sql`day >= ${from}::date` : sql`day > ${after}::date`}
      ORDER BY day LIMIT ${size}::int`
  )

/** A snapshot takes up to 4 KB of a response of the Data API, which holds 1 MiB. */
const snapshotsOfPage = 250

const portfolio = (sql: Sql): Operations["portfolio"] =>
  Effect.fn("History.portfolio")(function* (user, period) {
    const select = sql`SELECT ${columns} FROM portfolio_snapshots ${Tables.ofUser(sql, user)}`
    return yield* readSnapshots.list(daysOf(yield* daysChecked(period), snapshotsOfPage, sql, select))
  })

const priceColumns = /* @__PURE__ */ Tables.settable(DailyPrice)
const pricesOfPage = 5000

const prices = (sql: Sql): Operations["prices"] =>
  Effect.fn("History.prices")(function* (symbol, period) {
    const select = sql`SELECT ${priceColumns} FROM price_history WHERE symbol = ${meantBy(sql, symbol)}`
    return yield* readPrices.list(daysOf(yield* daysChecked(period), pricesOfPage, sql, select))
  })

/** The SQL of what changed between two rows, `first` and `last`, that have a day and a value. */
const changed = /* @__PURE__ */ Tables.fixed(`
  first.day AS first_day, first.value AS first, last.day AS last_day, last.value AS last,
  last.value - first.value AS change, round((last.value - first.value) * 100 / nullif(first.value, 0), 2) AS percentage`)

/** The first and the last row of a period, each as a table; `select` as in {@link daysOf}. */
const ends = ({ from, to }: Period, sql: Sql, select: Fragment) => {
  const values = sql`${select} AND day BETWEEN ${from}::date AND ${to}::date ORDER BY day`
  return sql`LATERAL (${values} LIMIT 1) AS first, LATERAL (${values} DESC LIMIT 1) AS last`
}

const readChange = /* @__PURE__ */ reader(snapshots, Change)

const portfolioChange = (sql: Sql): Operations["portfolioChange"] =>
  Effect.fn("History.portfolioChange")(function* (user, period) {
    const select = sql`SELECT day, total AS value FROM portfolio_snapshots ${Tables.ofUser(sql, user)}`
    const [row] = yield* sql`SELECT ${changed} FROM ${ends(yield* daysChecked(period), sql, select)}`
    return row === undefined ? null : yield* readChange.row(row)
  })

const readPriceChanges = /* @__PURE__ */ reader(
  { name: "price_history", key: "symbol" },
  /* @__PURE__ */ Schema.Struct({ symbol: StoredSymbol, ...Change.fields })
)

const priceChanges = (sql: Sql): Operations["priceChanges"] =>
  Effect.fn("History.priceChanges")(function* (symbols, period) {
    yield* checked({ symbols }, { symbols: listOf(word) }, "symbols")
    const select = sql`SELECT day, price AS value FROM price_history WHERE price_history.symbol = wanted.symbol`
    const between = ends(yield* daysChecked(period), sql, select)
    return yield* readPriceChanges.list(sql`
      SELECT wanted.symbol, ${changed}
      FROM (SELECT DISTINCT ${meant("given")} AS symbol FROM unnest(${symbols}::text[]) AS given) AS wanted, ${between}
      ORDER BY wanted.symbol`)
  })

const make = Effect.map(
  SqlClient.SqlClient,
  (sql): Operations => ({
    snapshot: snapshot(sql),
    portfolio: portfolio(sql),
    portfolioChange: portfolioChange(sql),
    prices: prices(sql),
    priceChanges: priceChanges(sql)
  })
)

/**
 * The tables `portfolio_snapshots` and `price_history`. `Instruments.setPrices` fills the second.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ClerkUserId, History } from "alex-database"
 *
 * const year = Effect.gen(function*() {
 *   const history = yield* History
 *   yield* history.snapshot() // of all users, as of today
 *   const change = yield* history.portfolioChange(ClerkUserId.make("user_2abcDEF"), { from: "2026-01-01", to: "2026-12-31" })
 *   return change?.percentage
 * })
 * ```
 */
export class History extends Context.Service<History, Operations>()("alex-database/repository/History", { make }) {
  /** On any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
