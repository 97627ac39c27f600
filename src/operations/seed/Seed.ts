/**
 * Puts the instruments, and for tests a user with a portfolio, into a migrated database.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { InstrumentCreate } from "../../domain/index.ts"
import * as Progress from "../Progress.ts"
import { PortfolioSeed, readInstruments, readPortfolio } from "./SeedFile.ts"

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

const Changes = Schema.Array(Schema.Struct({ symbol: Schema.String, change: Schema.Literals(["inserted", "updated"]) }))

const encodeInstruments = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(InstrumentCreate)))

/**
 * Checks the file's instruments and upserts them: one request, and nothing is written if one of them is invalid.
 *
 * An instrument that is as the file says is left untouched, `updated_at` included. A price or allocation that the file
 * leaves out stays as it is.
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
  const sql = yield* SqlClient.SqlClient
  const instruments = yield* readInstruments(options.file)
  yield* Progress.report({ operation: "seed", done: 0, total: instruments.length, text: "writing the instruments" })
  const json = yield* encodeInstruments(instruments)
  const merged = sql`
    with given as (
      select * from jsonb_to_recordset(${json}::jsonb) as g (
        symbol varchar(20), name varchar(255), instrument_type varchar(50), current_price numeric(12, 4),
        allocation_regions jsonb, allocation_sectors jsonb, allocation_asset_class jsonb
      )
    ),
    merged as (
      select g.symbol, g.name, g.instrument_type,
        coalesce(g.current_price, i.current_price) as current_price,
        coalesce(g.allocation_regions, i.allocation_regions, '{}') as allocation_regions,
        coalesce(g.allocation_sectors, i.allocation_sectors, '{}') as allocation_sectors,
        coalesce(g.allocation_asset_class, i.allocation_asset_class, '{}') as allocation_asset_class,
        case when i.symbol is null then 'inserted' else 'updated' end as change
      from given g left join instruments i on i.symbol = g.symbol
      where i.symbol is null
        or (i.name, i.instrument_type) is distinct from (g.name, g.instrument_type)
        or i.current_price is distinct from coalesce(g.current_price, i.current_price)
        or i.allocation_regions <> coalesce(g.allocation_regions, i.allocation_regions)
        or i.allocation_sectors <> coalesce(g.allocation_sectors, i.allocation_sectors)
        or i.allocation_asset_class <> coalesce(g.allocation_asset_class, i.allocation_asset_class)
    )`
  const dryRun = options.dryRun ?? false
  const rows = yield* dryRun
    ? sql`${merged} select symbol, change from merged order by symbol`
    : sql`
      ${merged},
      written as (
        insert into instruments as i (
          symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class
        )
        select symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class
        from merged order by symbol
        on conflict (symbol) do update set
          name = excluded.name, instrument_type = excluded.instrument_type, current_price = excluded.current_price,
          allocation_regions = excluded.allocation_regions, allocation_sectors = excluded.allocation_sectors,
          allocation_asset_class = excluded.allocation_asset_class
        returning i.symbol
      )
      select w.symbol, m.change from written w join merged m using (symbol) order by w.symbol`
  const changes = yield* Schema.decodeUnknownEffect(Changes)(rows)
  const report: SeedReport = {
    file: options.file ?? "the package's instruments",
    total: instruments.length,
    inserted: changes.filter(({ change }) => change === "inserted").map(({ symbol }) => symbol),
    updated: changes.filter(({ change }) => change === "updated").map(({ symbol }) => symbol),
    unchanged: instruments.length - changes.length,
    dryRun
  }
  return report
})

const encodePortfolio = Schema.encodeEffect(Schema.fromJsonString(PortfolioSeed))

/**
 * Adds the test user with accounts and positions, in one request and all or nothing. What is there already, by the
 * user's id, the account's name and the position's symbol, is left as it is.
 *
 * @errors SeedInvalid, RepositoryError
 */
export const seedPortfolio = Effect.fn("Seed.seedPortfolio")(function* (
  options: { readonly file?: string | undefined } = {}
) {
  const sql = yield* SqlClient.SqlClient
  const portfolio = yield* readPortfolio(options.file)
  yield* Progress.report({ operation: "seed", done: 0, total: 1, text: "writing the test user's portfolio" })
  const json = yield* encodePortfolio(portfolio)
  const rows = yield* sql`
    with given as materialized (select ${json}::jsonb as portfolio),
    new_user as (
      insert into users as u (
        clerk_user_id, display_name, years_until_retirement, target_retirement_income, asset_class_targets, region_targets
      )
      select g.clerk_user_id, g.display_name, g.years_until_retirement, g.target_retirement_income,
        coalesce(g.asset_class_targets, '{"equity": 70, "fixed_income": 30}'),
        coalesce(g.region_targets, '{"north_america": 50, "international": 50}')
      from given, jsonb_to_record(portfolio -> 'user') as g (
        clerk_user_id varchar(255), display_name varchar(255), years_until_retirement integer,
        target_retirement_income numeric(12, 2), asset_class_targets jsonb, region_targets jsonb
      )
      on conflict (clerk_user_id) do nothing
      returning clerk_user_id
    ),
    given_accounts as materialized (
      select portfolio -> 'user' ->> 'clerk_user_id' as clerk_user_id, a.*
      from given, jsonb_to_recordset(portfolio -> 'accounts') as a (
        account_name varchar(255), account_purpose text, cash_balance numeric(12, 2), cash_interest numeric(5, 4),
        positions jsonb
      )
    ),
    new_accounts as (
      insert into accounts as a (clerk_user_id, account_name, account_purpose, cash_balance, cash_interest)
      select g.clerk_user_id, g.account_name, g.account_purpose, coalesce(g.cash_balance, 0), coalesce(g.cash_interest, 0)
      from given_accounts g
      where not exists (
        select from accounts e where e.clerk_user_id = g.clerk_user_id and e.account_name = g.account_name
      )
      returning a.id, a.clerk_user_id, a.account_name
    ),
    all_accounts as (
      select id, clerk_user_id, account_name from new_accounts
      union all
      select e.id, e.clerk_user_id, e.account_name from accounts e
    ),
    new_positions as (
      insert into positions as p (account_id, symbol, quantity)
      select a.id, h.symbol, h.quantity
      from given_accounts g
        join all_accounts a on a.clerk_user_id = g.clerk_user_id and a.account_name = g.account_name
        cross join jsonb_to_recordset(g.positions) as h (symbol varchar(20), quantity numeric(20, 8))
      on conflict (account_id, symbol) do nothing
      returning p.id
    )
    select (select count(*) from new_user)::integer as users,
      (select count(*) from new_accounts)::integer as accounts,
      (select count(*) from new_positions)::integer as positions`
  const [report] = yield* Schema.decodeUnknownEffect(Schema.Tuple([PortfolioReport]))(rows)
  return report
})
