/** Loads a user's whole portfolio in one request. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { Account, AccountCreate, type CashOption, NegativeCash } from "../domain/Account.ts"
import { Instrument } from "../domain/Instrument.ts"
import {
  type Portfolio,
  PortfolioCreate,
  type PortfolioSummary,
  portfolioCreateOf,
  summarize
} from "../domain/Portfolio.ts"
import { Position } from "../domain/Position.ts"
import { InvalidInput } from "../domain/Problems.ts"
import { asText } from "../domain/Text.ts"
import { type ClerkUserId, User, UserNotFound } from "../domain/User.ts"
import { columnDefaults as accountDefaults } from "./Accounts.ts"
import { meant, today } from "./batches/InstrumentBatches.ts"
import { createdPositions, noInstrument } from "./batches/PositionBatches.ts"
import { seeingDeleted } from "./DeletedMeanwhile.ts"
import { computed, encoder, type RepositoryError, type Row, reader } from "./Rows.ts"
import * as Tables from "./Tables.ts"
import { columnDefaults as userDefaults } from "./Users.ts"

/** How many rows were added; existing ones are not counted. */
export interface PortfolioAdded {
  readonly users: number
  readonly accounts: number
  readonly positions: number
}

/** The operations on portfolios. */
export interface Operations {
  /**
   * Loads a user with all accounts, positions and instruments: in one request, or in several if they do not fit into
   * one response of the Data API. Accounts are sorted newest first, positions and instruments by symbol. Fails if a row
   * can't be read, since totals without it would be wrong. A position without a symbol, which is worth nothing, is left
   * out.
   *
   * @errors UserNotFound, RepositoryError
   */
  readonly load: (id: ClerkUserId) => Effect.Effect<Portfolio, UserNotFound | RepositoryError>

  /**
   * Loads a portfolio and adds it up.
   *
   * @errors UserNotFound, RepositoryError
   */
  readonly summary: (id: ClerkUserId) => Effect.Effect<PortfolioSummary, UserNotFound | RepositoryError>

  /**
   * Adds a user with accounts and positions: in one request, or in one transaction if the user exists. Existing rows stay
   * as they are: the user, an account of the same name, a position in the same instrument. Of accounts of one name, the
   * oldest is the last one given. The instruments must be known, in any spelling; if an account names one twice, the last
   * position counts. New accounts are sorted as given. Calls for the same user take turns, so that none repeats an account
   * of another.
   *
   * @errors RepositoryError
   */
  readonly add: (input: PortfolioCreate) => Effect.Effect<PortfolioAdded, RepositoryError>
}

type Sql = SqlClient.SqlClient

/**
 * How many bytes of JSON one response may hold: the Data API returns up to 1 MiB, and this leaves room for what is
 * around the JSON.
 */
const pageBytes = 1_000_000

/** The parts of a portfolio. */
interface Kinds {
  readonly user: User
  readonly position: Position
  readonly account: Account
  readonly instrument: Instrument
}

const readers: { readonly [K in keyof Kinds]: ReturnType<typeof reader<Kinds[K], unknown>> } = {
  user: /* @__PURE__ */ reader(Tables.users, /* @__PURE__ */ Schema.toCodecJson(User)),
  position: /* @__PURE__ */ reader(Tables.positions, /* @__PURE__ */ Schema.toCodecJson(Position)),
  account: /* @__PURE__ */ reader(Tables.accounts, /* @__PURE__ */ Schema.toCodecJson(Account)),
  instrument: /* @__PURE__ */ reader(Tables.instruments, /* @__PURE__ */ Schema.toCodecJson(Instrument))
}

const Part = /* @__PURE__ */ Schema.Tuple([
  Schema.Literals(["user", "position", "account", "instrument"]),
  Schema.Record(Schema.String, Schema.Unknown)
])

const pages = /* @__PURE__ */ computed(
  /* @__PURE__ */ Schema.Struct({
    parts: Schema.Array(Part),
    last: Schema.NullOr(Schema.String),
    complete: Schema.Boolean
  })
)

// Every row of the portfolio is a part with a key; a response holds the parts after `last`, in the order of their keys,
// as far as they fit. Positions come before accounts and instruments: if the portfolio changes between two pages,
// positions whose account or instrument is gone are dropped, and none refers to one that was not read. The response is
// a JSON string, so to_json tells how many bytes a part takes in it.
const page = (sql: Sql, user: ClerkUserId, last: string) =>
  pages(sql`
    WITH account AS (
      SELECT * FROM accounts ${Tables.ofUser(sql, user)}
    ), held AS (
      SELECT positions.* FROM positions JOIN account ON account.id = positions.account_id
    ), part AS (
      SELECT '1' AS key, 'user' AS kind, ${Tables.rowAsJson(Tables.users)} AS fields
      FROM users ${Tables.ofUser(sql, user)}
      UNION ALL
      SELECT '2' || account_id || symbol, 'position', ${Tables.rowAsJson(Tables.positions)} FROM held
      UNION ALL
      SELECT '3' || id, 'account', ${Tables.rowAsJson(Tables.accounts)} FROM account
      UNION ALL
      SELECT '4' || symbol, 'instrument', ${Tables.rowAsJson(Tables.instruments)}
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
      ('[' || coalesce(string_agg(json, ',' ORDER BY key COLLATE "C"), '') || ']')::json AS parts,
      max(key COLLATE "C") AS last,
      count(*) = (SELECT count(*) FROM sized) AS complete
    FROM taken`)

/** The parts of a portfolio as they were read. */
type Parts = { readonly [K in keyof Kinds]: Array<Kinds[K]> }

const addPart = <K extends keyof Kinds>(parts: Parts, kind: K, row: Row) =>
  Effect.map(readers[kind].row(row), (part) => parts[kind].push(part))

const assemble = (user: User, { account, instrument: instruments, position }: Parts): Portfolio => {
  const known = new Set(instruments.map(({ symbol }) => symbol))
  const held = Map.groupBy(position, ({ account_id }) => account_id)
  return {
    user,
    accounts: account
      .sort((a, b) => b.created_at.getTime() - a.created_at.getTime() || (a.id < b.id ? 1 : -1))
      .map((one) => ({
        ...one,
        positions: (held.get(one.id) ?? []).filter(({ symbol }) => known.has(symbol))
      })),
    instruments
  }
}

const load = (sql: Sql): Operations["load"] =>
  Effect.fn("Portfolios.load")(function* (id) {
    const parts: Parts = { user: [], position: [], account: [], instrument: [] }
    let last = ""
    for (;;) {
      const [read] = yield* page(sql, id, last)
      if (read === undefined) break
      for (const [kind, row] of read.parts) yield* addPart(parts, kind, row)
      if (read.complete || read.last === null) break
      last = read.last
    }
    const [user] = parts.user
    if (user === undefined) return yield* new UserNotFound({ clerk_user_id: asText(id) })
    return assemble(user, parts)
  })

const added = /* @__PURE__ */ computed(
  /* @__PURE__ */ Schema.Struct({
    users: Schema.Int,
    accounts: Schema.Int,
    positions: Schema.Int,
    unknown: Schema.Array(Schema.String)
  })
)

const userColumns = /* @__PURE__ */ Tables.settable(PortfolioCreate.fields.user)
const accountColumns = /* @__PURE__ */ Tables.settable(AccountCreate)
const accountColumnsOfNew = /* @__PURE__ */ Tables.settable(AccountCreate, "new")

/**
 * Adds what the portfolio names and the database has not; nothing for a user who exists, unless `known`, and nothing if an
 * instrument is unknown. Accounts of one name are told apart by their age: the oldest is the last one given.
 */
const addFrom = (sql: Sql, json: string, known: boolean) =>
  added(sql`
    WITH given AS (
      SELECT *, input -> 'user' ->> 'clerk_user_id' AS owner FROM (SELECT ${json}::jsonb AS input) AS one
    ), listed AS (
      SELECT * FROM given, jsonb_array_elements(input -> 'accounts') WITH ORDINALITY AS a (account, place)
    ), wanted AS (
      SELECT place, ${meant("held.symbol")} AS symbol, quantity, number
      FROM listed, jsonb_array_elements(account -> 'positions') WITH ORDINALITY AS p (position, number),
        jsonb_populate_record(NULL::positions, position) AS held
    ), unknown AS (
      SELECT * FROM wanted WHERE symbol NOT IN (SELECT symbol FROM instruments)
    ), person AS (
      INSERT INTO users (${userColumns})
      SELECT ${userColumns} FROM given, jsonb_populate_record(NULL::users, input -> 'user')
      WHERE NOT EXISTS (SELECT FROM unknown)
      ON CONFLICT (clerk_user_id) DO NOTHING
      RETURNING clerk_user_id
    ), asked AS (
      SELECT ${accountColumnsOfNew}, gen_random_uuid() AS id, place, now() - place * '1 ms'::interval AS created_at,
        row_number() OVER (PARTITION BY new.account_name ORDER BY place DESC) AS nth
      FROM listed, jsonb_populate_record(NULL::accounts, account || jsonb_build_object('clerk_user_id', owner)) AS new
      WHERE ${sql.literal(known ? "NOT EXISTS (SELECT FROM unknown)" : "EXISTS (SELECT FROM person)")}
    ), paired AS (
      SELECT * FROM asked LEFT JOIN (
        SELECT accounts.id AS old, account_name, row_number() OVER (PARTITION BY account_name ORDER BY created_at, id) AS nth
        FROM given JOIN accounts ON clerk_user_id = owner
      ) AS there USING (account_name, nth)
    ), made AS (
      INSERT INTO accounts (id, ${accountColumns}, created_at)
      SELECT id, ${accountColumns}, created_at FROM paired WHERE old IS NULL
      RETURNING id
    ), put AS (
      INSERT INTO positions (${createdPositions})
      SELECT DISTINCT ON (place, symbol) coalesce(old, id), symbol, quantity, ${today}
      FROM paired JOIN wanted USING (place) ORDER BY place, symbol, number DESC
      ON CONFLICT (account_id, symbol) DO NOTHING
      RETURNING id
    )
    SELECT
      (SELECT count(*) FROM person)::int AS users,
      (SELECT count(*) FROM made)::int AS accounts,
      (SELECT count(*) FROM put)::int AS positions,
      ARRAY(
        SELECT 'accounts.' || place - 1 || '.positions.' || number - 1 || '.symbol' FROM unknown ORDER BY place, number
      ) AS unknown`)

/**
 * Adds to a user who may exist. The user is locked by a statement of its own: the accounts that another call made while
 * this one waited are seen by the next statement only.
 */
const addToUser = (sql: Sql, user: ClerkUserId, json: string) =>
  sql.withTransaction(
    Effect.andThen(
      sql`SELECT clerk_user_id FROM users ${Tables.ofUser(sql, user)} FOR NO KEY UPDATE`,
      addFrom(sql, json, true)
    )
  )

const add = (sql: Sql, option: CashOption): Operations["add"] => {
  const encodeCreate = encoder(portfolioCreateOf(option))
  return Effect.fn("Portfolios.add")(function* (input) {
    const json = yield* encodeCreate(
      {
        user: { ...userDefaults, ...input?.user },
        accounts: input?.accounts?.map?.((account) => ({ ...accountDefaults, ...account }))
      },
      "new portfolio"
    )
    const [created] = yield* seeingDeleted(sql)(addFrom(sql, json, false))
    const isNew = created === undefined || created.users === 1 || created.unknown.length > 0
    const [found] = isNew ? [created] : yield* seeingDeleted(sql)(addToUser(sql, input.user.clerk_user_id, json))
    const { unknown, ...result } = found ?? { users: 0, accounts: 0, positions: 0, unknown: [] }
    if (unknown.length === 0) return result
    const problems = unknown.map((path) => ({ path, message: noInstrument }))
    return yield* new InvalidInput({ subject: "new portfolio", problems })
  })
}

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const loaded = load(sql)
  const operations: Operations = {
    load: loaded,
    summary: Effect.fn("Portfolios.summary")((id) => Effect.map(loaded(id), summarize)),
    add: add(sql, { negativeCash: yield* NegativeCash })
  }
  return operations
})

/**
 * Whole portfolios, read and added across the tables.
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
export class Portfolios extends Context.Service<Portfolios, Operations>()("alex-database/repository/Portfolios", {
  make
}) {
  /** On any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
