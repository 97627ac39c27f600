/** All that a user holds, in one request. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { Account } from "../domain/Account.ts"
import { Instrument } from "../domain/Instrument.ts"
import { type Portfolio, summarize } from "../domain/Portfolio.ts"
import { Position } from "../domain/Position.ts"
import { type ClerkUserId, User, UserNotFound } from "../domain/User.ts"
import { rowsOf } from "./Rows.ts"

/**
 * How many bytes of JSON one answer may carry: the Data API returns up to 1 MiB, and this leaves room for what is
 * around the JSON.
 */
const pageBytes = 1_000_000

const Parts = {
  user: Schema.toCodecJson(User),
  position: Schema.toCodecJson(Position),
  account: Schema.toCodecJson(Account),
  instrument: Schema.toCodecJson(Instrument)
}

const Part = Schema.Union([
  Schema.Tuple([Schema.Literal("user"), Parts.user]),
  Schema.Tuple([Schema.Literal("position"), Parts.position]),
  Schema.Tuple([Schema.Literal("account"), Parts.account]),
  Schema.Tuple([Schema.Literal("instrument"), Parts.instrument])
])
type Part = typeof Part.Type

const Page = Schema.Struct({
  parts: Schema.fromJsonString(Schema.Array(Part)),
  last: Schema.NullOr(Schema.String),
  complete: Schema.Boolean
})

const assemble = (user: User, parts: ReadonlyArray<Part>): Portfolio => {
  const positionsByAccount = new Map<string, Array<Position>>()
  const accounts: Array<Account> = []
  const instruments: Array<Instrument> = []
  for (const [kind, part] of parts) {
    if (kind === "position") {
      const positions = positionsByAccount.get(part.account_id)
      if (positions === undefined) positionsByAccount.set(part.account_id, [part])
      else positions.push(part)
    } else if (kind === "account") accounts.push(part)
    else if (kind === "instrument") instruments.push(part)
  }
  const known = new Set(instruments.map(({ symbol }) => symbol))
  return {
    user,
    accounts: accounts
      .sort((a, b) => b.created_at.getTime() - a.created_at.getTime() || (a.id < b.id ? 1 : -1))
      .map((account) => ({
        ...account,
        positions: (positionsByAccount.get(account.id) ?? []).filter(({ symbol }) => known.has(symbol))
      })),
    instruments
  }
}

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const pages = rowsOf(Page)

  // Every row of the portfolio is a part with a key; an answer takes the parts after `last`, in the order of their
  // keys, as far as they fit. Positions come before accounts and instruments: should a portfolio of several pages
  // change between two of them, an account or instrument that is gone takes its positions with it, and nothing is
  // held in an account or instrument that was not read. Numbers travel as text, so that none is rounded. The answer is
  // a JSON string, in which to_json shows how long a part becomes.
  const page = (user: ClerkUserId, last: string) =>
    pages(sql`
      WITH account AS (
        SELECT * FROM accounts WHERE clerk_user_id = ${user}
      ), held AS (
        SELECT positions.* FROM positions JOIN account ON account.id = positions.account_id
      ), part AS (
        SELECT '1' AS key, 'user' AS kind, jsonb_build_object(
          'clerk_user_id', clerk_user_id, 'display_name', display_name,
          'years_until_retirement', years_until_retirement,
          'target_retirement_income', target_retirement_income::text,
          'asset_class_targets', asset_class_targets, 'region_targets', region_targets,
          'created_at', created_at, 'updated_at', updated_at
        ) AS fields
        FROM users WHERE clerk_user_id = ${user}
        UNION ALL
        SELECT '2' || account_id || symbol, 'position', jsonb_build_object(
          'id', id, 'account_id', account_id, 'symbol', symbol, 'quantity', quantity::text,
          'as_of_date', as_of_date, 'created_at', created_at, 'updated_at', updated_at
        )
        FROM held
        UNION ALL
        SELECT '3' || id, 'account', jsonb_build_object(
          'id', id, 'clerk_user_id', clerk_user_id, 'account_name', account_name, 'account_purpose', account_purpose,
          'cash_balance', cash_balance::text, 'cash_interest', cash_interest::text,
          'created_at', created_at, 'updated_at', updated_at
        )
        FROM account
        UNION ALL
        SELECT '4' || symbol, 'instrument', jsonb_build_object(
          'symbol', symbol, 'name', name, 'instrument_type', instrument_type, 'current_price', current_price::text,
          'allocation_regions', allocation_regions, 'allocation_sectors', allocation_sectors,
          'allocation_asset_class', allocation_asset_class, 'created_at', created_at, 'updated_at', updated_at
        )
        FROM instruments WHERE symbol IN (SELECT symbol FROM held)
      ), sized AS (
        SELECT
          key, json,
          row_number() OVER following AS number,
          sum(octet_length(to_json(json)::text)) OVER following AS bytes
        FROM part, LATERAL (SELECT jsonb_build_array(kind, fields)::text AS json) AS written
        WHERE key COLLATE "C" > ${last}::text COLLATE "C"
        WINDOW following AS (ORDER BY key COLLATE "C")
      ), taken AS (
        SELECT key, json FROM sized WHERE number = 1 OR bytes <= ${pageBytes}::int
      )
      SELECT
        '[' || coalesce(string_agg(json, ',' ORDER BY key COLLATE "C"), '') || ']' AS parts,
        max(key COLLATE "C") AS last,
        count(*) = (SELECT count(*) FROM sized) AS complete
      FROM taken`)

  const load = Effect.fn("Portfolios.load")(function* (id: ClerkUserId) {
    const parts: Array<Part> = []
    let last = ""
    for (;;) {
      const [read] = yield* page(id, last)
      if (read === undefined) break
      parts.push(...read.parts)
      if (read.complete || read.last === null) break
      last = read.last
    }
    const [first] = parts
    if (first === undefined || first[0] !== "user") return yield* new UserNotFound({ clerk_user_id: id })
    return assemble(first[1], parts)
  })

  return {
    /**
     * Loads a user with all accounts, positions and instruments: one request, or as many as it takes where they do not
     * fit into one answer of the Data API. Accounts come the newest first, positions and instruments by symbol.
     *
     * @errors UserNotFound, RepositoryError
     */
    load,

    /**
     * Loads a portfolio and adds it up.
     *
     * @errors UserNotFound, RepositoryError
     */
    summary: Effect.fn("Portfolios.summary")((id: ClerkUserId) => Effect.map(load(id), summarize))
  }
})

/**
 * Portfolios, each as a whole.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ClerkUserId, Portfolios } from "alex-database"
 *
 * const missing = Effect.gen(function*() {
 *   const portfolios = yield* Portfolios
 *   const summary = yield* portfolios.summary(ClerkUserId.make("user_2abcDEF"))
 *   return summary.missing_prices
 * })
 * ```
 */
export class Portfolios extends Context.Service<Portfolios>()("alex-database/repository/Portfolios", { make }) {
  /** On a `SqlClient`, whoever provides it. */
  static readonly layer = Layer.effect(this, this.make)
}
