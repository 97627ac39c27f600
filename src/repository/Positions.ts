/** How many shares of an instrument an account holds. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import { type AccountId, AccountNotFound } from "../domain/Account.ts"
import { InstrumentCreate, InstrumentNotFound, InstrumentSymbol, unknownInstrument } from "../domain/Instrument.ts"
import {
  AccountValue,
  HeldPosition,
  Position,
  PositionCreate,
  type PositionId,
  PositionNotFound,
  PositionUpdate
} from "../domain/Position.ts"
import { InvalidInput } from "../domain/Problems.ts"
import { asText } from "../domain/Text.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { accountOwnedBy, isAccount } from "./Accounts.ts"
import type { BatchOptions } from "./batches/Batches.ts"
import { meant, today } from "./batches/InstrumentBatches.ts"
import { createdPositions, type PutManyResult, putMany } from "./batches/PositionBatches.ts"
import { type Noted, noted } from "./calls/CallNote.ts"
import { seeingDeleted } from "./DeletedMeanwhile.ts"
import type { KnownInstrument } from "./Instruments.ts"
import {
  encoder,
  everyPage,
  everyRow,
  keptRow,
  type Listed,
  lookUp,
  mostAttempts,
  type Owner,
  ownerOf,
  type RepositoryError,
  type Row,
  reader,
  type StreamOptions,
  uuidOrNull
} from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** The errors of `put` and `addQuantity`. */
type PutError = AccountNotFound | InstrumentNotFound | RepositoryError

/** The operations on positions; with `forUser`, another user's accounts and positions are not found. */
interface UserPositions {
  /**
   * Finds a position. Concurrent lookups are one request, except those of `forUser`.
   *
   * @errors PositionNotFound, RepositoryError
   */
  readonly findById: (id: PositionId) => Effect.Effect<Position, PositionNotFound | RepositoryError>

  /**
   * Adds a position, or replaces the one that the account has in the instrument.
   *
   * @errors AccountNotFound, InstrumentNotFound, RepositoryError
   */
  readonly put: (input: PositionCreate) => Effect.Effect<Position, PutError>

  /**
   * `put` that registers the symbol, as `Instruments.register` does, if there is no such instrument: in one request.
   *
   * @errors AccountNotFound, RepositoryError
   */
  readonly registerAndPut: (
    input: PositionCreate,
    known?: KnownInstrument
  ) => Effect.Effect<Position, AccountNotFound | RepositoryError>

  /**
   * `put` of many in one request, or in several of 1,000,000 characters of JSON in one transaction; if an account and
   * symbol occur twice, the last one counts. A position that can't be stored is refused and the others are stored,
   * unless `allOrNothing` is set.
   *
   * @errors RepositoryError
   */
  readonly putMany: (
    input: ReadonlyArray<PositionCreate>,
    options?: BatchOptions
  ) => Effect.Effect<PutManyResult, RepositoryError>

  /**
   * Adds a position, or adds its quantity to the one that the account has in the instrument.
   *
   * @errors AccountNotFound, InstrumentNotFound, RepositoryError
   */
  readonly addQuantity: (input: PositionCreate) => Effect.Effect<Position, PutError>

  /**
   * The positions of an account, with the name, type, price and allocations of their instruments, by symbol.
   *
   * @errors AccountNotFound, RepositoryError
   */
  readonly listByAccount: (id: AccountId) => Effect.Effect<Listed<HeldPosition>, AccountNotFound | RepositoryError>

  /**
   * How many positions and shares an account holds, and their exact market value.
   *
   * @errors AccountNotFound, RepositoryError
   */
  readonly value: (id: AccountId) => Effect.Effect<AccountValue, AccountNotFound | RepositoryError>

  /**
   * Changes any subset of a position's fields.
   *
   * @errors PositionNotFound, RepositoryError
   */
  readonly update: (
    id: PositionId,
    changes: PositionUpdate
  ) => Effect.Effect<Position, PositionNotFound | RepositoryError>

  /**
   * Deletes a position.
   *
   * @errors PositionNotFound, RepositoryError
   */
  readonly delete: (id: PositionId) => Effect.Effect<Position, PositionNotFound | RepositoryError>
}

/** The operations on positions. */
export interface Operations extends UserPositions {
  /**
   * All positions of all users, by id.
   *
   * @errors RepositoryError
   */
  readonly all: (options?: StreamOptions) => Stream.Stream<Position, RepositoryError>

  /** The same for one user: another user's accounts and positions are not found; the same statement checks that. */
  readonly forUser: (user: ClerkUserId) => UserPositions
}

type Sql = SqlClient.SqlClient

/** A position with its instrument takes up to 2.5 KB of a response of the Data API, which holds 1 MiB. */
const pageSize = 400

const columns = /* @__PURE__ */ Tables.selected(Tables.positions)
const read = /* @__PURE__ */ reader(Tables.positions, Position)
const notFound = (position_id: PositionId) => () => new PositionNotFound({ position_id: asText(position_id) })
const noAccount = (account_id: AccountId) => () => new AccountNotFound({ account_id: asText(account_id) })

/** Limits a query of positions and accounts to one position with its account, of one owner if there is one. */
const isPosition = (sql: Sql, id: PositionId, owner: Owner) =>
  sql`positions.id = ${uuidOrNull(id)}::uuid AND accounts.id = positions.account_id ${accountOwnedBy(sql, owner)}`

const findById = (sql: Sql): Operations["findById"] => {
  const find = lookUp(sql, Tables.positions, pageSize, Tables.byKeys(sql, Tables.positions))
  return Effect.fn("Positions.findById")((id) => find(id, notFound(id)))
}

const findOwned = (sql: Sql, owner: Owner): Operations["findById"] =>
  Effect.fn("Positions.forUser.findById")((id) =>
    read.first(
      sql`
        SELECT ${columns} FROM positions, accounts WHERE ${isPosition(sql, id, owner)}`,
      notFound(id)
    )
  )

const encodeCreate = /* @__PURE__ */ encoder(PositionCreate)
const encodeInstrument = /* @__PURE__ */ encoder(InstrumentCreate)
const registered = /* @__PURE__ */ Tables.settable(InstrumentCreate)

/** What the column holds less than: `numeric(20,8)`. */
const quantityBound = "1000000000000"

// The SQL of the outcome, for the record of the call.
const came = {
  outcome: `
  CASE
    WHEN EXISTS (SELECT FROM put) THEN 'ok'
    WHEN NOT EXISTS (SELECT FROM account) THEN 'AccountNotFound'
    WHEN NOT EXISTS (SELECT FROM instrument) THEN 'InstrumentNotFound'
    ELSE 'InvalidData'
  END`
}

const registeredFrom = (sql: Sql, instrument: string) => sql`
  INSERT INTO instruments (${registered})
  SELECT ${registered} FROM jsonb_populate_record(NULL::instruments, ${instrument}::jsonb)
  WHERE symbol = (SELECT symbol FROM new) AND EXISTS (SELECT FROM account)
  ON CONFLICT (symbol) DO NOTHING
  RETURNING symbol`

const putOne = (sql: Sql, owner: Owner, json: string, instrument: string | undefined, quantity: string, note: Noted) =>
  seeingDeleted(sql)(sql<Row>`
    WITH given AS (
      SELECT ${createdPositions} FROM jsonb_populate_record(NULL::positions, ${json}::jsonb)
    ), new AS (
      SELECT account_id, ${meant("given.symbol")} AS symbol, quantity, as_of_date FROM given
    ), account AS (
      SELECT accounts.id FROM accounts JOIN new ON accounts.id = new.account_id ${accountOwnedBy(sql, owner)}
    ), registered AS (
      ${instrument === undefined ? sql.literal("SELECT symbol FROM instruments WHERE false") : registeredFrom(sql, instrument)}
    ), instrument AS (
      SELECT instruments.symbol FROM instruments JOIN new USING (symbol) UNION SELECT symbol FROM registered
    ), put AS (
      INSERT INTO positions (${createdPositions})
      SELECT account.id, instrument.symbol, new.quantity, coalesce(new.as_of_date, ${today})
      FROM new, account, instrument
      ON CONFLICT (account_id, symbol) DO UPDATE SET
        quantity = ${sql.literal(quantity)}, as_of_date = excluded.as_of_date
      WHERE ${sql.literal(quantity)} < ${quantityBound}::numeric
      RETURNING ${columns}
    )${note(came)}
    SELECT
      EXISTS (SELECT FROM account) AS account_found, EXISTS (SELECT FROM instrument) AS instrument_found, put.*
    FROM new LEFT JOIN put ON true`)

/** Inserts a position; `quantity` is the SQL of the new quantity if the account has a position already. */
const putWith = (sql: Sql, owner: Owner, quantity: string) =>
  Effect.fnUntraced(function* (input: PositionCreate) {
    const json = yield* encodeCreate(input, `position in ${asText(input?.symbol)}`)
    const [row] = yield* putOne(sql, owner, json, undefined, quantity, yield* noted(sql))
    if (row?.["account_found"] !== true) return yield* noAccount(input.account_id)()
    if (row["instrument_found"] !== true) return yield* new InstrumentNotFound({ symbol: input.symbol })
    if (row["id"] === null) {
      const message = `expected no more shares than keep the position below ${quantityBound}`
      return yield* new InvalidInput({
        subject: `position in ${input.symbol}`,
        problems: [{ path: "quantity", message }]
      })
    }
    return yield* read.row(row, "written")
  })

const put = (sql: Sql, owner?: Owner): Operations["put"] =>
  Effect.fn("Positions.put")(putWith(sql, owner, "excluded.quantity"))

const addQuantity = (sql: Sql, owner?: Owner): Operations["addQuantity"] =>
  Effect.fn("Positions.addQuantity")(putWith(sql, owner, "positions.quantity + excluded.quantity"))

const registerAndPut = (sql: Sql, owner?: Owner): Operations["registerAndPut"] =>
  Effect.fn("Positions.registerAndPut")(function* (input: PositionCreate, known?: KnownInstrument) {
    const json = yield* encodeCreate(input, `position in ${asText(input?.symbol)}`)
    const symbol = InstrumentSymbol.make(input.symbol.toUpperCase())
    const instrument = yield* encodeInstrument(unknownInstrument(symbol, known), `instrument ${symbol}`)
    // A symbol that another transaction is inserting is neither inserted nor visible here; the next attempt sees it.
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const [row] = yield* putOne(sql, owner, json, instrument, "excluded.quantity", () => Tables.nothing)
      if (row?.["account_found"] !== true) return yield* noAccount(input.account_id)()
      if (row["instrument_found"] === true) return yield* read.row(row, "written")
    }
    return yield* keptRow(Tables.instruments, symbol)
  })

const all =
  (sql: Sql): Operations["all"] =>
  (options) =>
    everyRow(sql, Tables.positions, Position, { columns, pageSize }, options)

const heldColumns = /* @__PURE__ */ Tables.fixed(
  /* @__PURE__ */ Object.keys(HeldPosition.fields)
    .filter((column) => !(column in Position.fields))
    .map((column) => `instruments.${column}`)
    .join(", ")
)

const readHeld = /* @__PURE__ */ reader(Tables.positions, HeldPosition)

const listByAccount = (sql: Sql, owner?: Owner): Operations["listByAccount"] =>
  Effect.fn("Positions.listByAccount")((id) => {
    // A position without a symbol, which only other programs can have written, is on the first page.
    const page = (after: string | undefined) => sql`
      SELECT ${columns}, ${heldColumns}
      FROM accounts
      LEFT JOIN positions ON positions.account_id = accounts.id AND ${Tables.following(sql, "positions.symbol", after)}
      LEFT JOIN instruments ON instruments.symbol = positions.symbol
      WHERE ${isAccount(sql, id, owner)}
      ORDER BY positions.symbol ${sql.literal(after === undefined ? "NULLS FIRST" : "")} LIMIT ${pageSize}::int`
    const rows = Effect.flatMap(everyPage(pageSize, "symbol", page), (all) =>
      all.length > 0 ? Effect.succeed(all) : Effect.fail(noAccount(id)())
    )
    // If the account has no positions, or its last page was full, there is a row without a position.
    return readHeld.list(Effect.map(rows, (all) => all.filter((row) => row["id"] !== null)))
  })

const sums = /* @__PURE__ */ reader({ name: "accounts", key: "id" }, AccountValue)

const value = (sql: Sql, owner?: Owner): Operations["value"] =>
  Effect.fn("Positions.value")((id) =>
    sums.first(
      sql`
        SELECT accounts.id, count(positions.id)::int AS positions, coalesce(sum(quantity), 0) AS shares,
          coalesce(sum(quantity * current_price), 0) AS market_value
        FROM accounts
        LEFT JOIN positions ON positions.account_id = accounts.id
        LEFT JOIN instruments ON instruments.symbol = positions.symbol
        WHERE ${isAccount(sql, id, owner)}
        GROUP BY accounts.id`,
      noAccount(id)
    )
  )

const encodeUpdate = /* @__PURE__ */ encoder(PositionUpdate)
const updated = /* @__PURE__ */ Tables.settable(PositionUpdate)

const update = (sql: Sql, owner?: Owner): Operations["update"] =>
  Effect.fn("Positions.update")(function* (id, changes) {
    const json = yield* encodeUpdate(changes, `change of position ${asText(id)}`)
    return yield* read.first(
      seeingDeleted(sql)(sql`
        ${Tables.updateFrom(sql, Tables.positions, updated, json)}
        FROM accounts
        WHERE ${isPosition(sql, id, owner)}
        RETURNING ${columns}`),
      notFound(id),
      "written"
    )
  })

const remove = (sql: Sql, owner?: Owner): Operations["delete"] =>
  Effect.fn("Positions.delete")(function* (id) {
    const note = yield* noted(sql)
    return yield* read.first(
      seeingDeleted(sql)(sql`
        WITH deleted AS (
          DELETE FROM positions USING accounts
          WHERE ${isPosition(sql, id, owner)}
          RETURNING ${columns}
        )${note({ outcome: "CASE WHEN EXISTS (SELECT FROM deleted) THEN 'ok' ELSE 'PositionNotFound' END" })}
        SELECT * FROM deleted`),
      notFound(id),
      "deleted"
    )
  })

const operations = (sql: Sql, owner?: Owner): Omit<UserPositions, "findById"> => ({
  put: put(sql, owner),
  registerAndPut: registerAndPut(sql, owner),
  putMany: putMany(sql, owner),
  addQuantity: addQuantity(sql, owner),
  listByAccount: listByAccount(sql, owner),
  value: value(sql, owner),
  update: update(sql, owner),
  delete: remove(sql, owner)
})

const make = Effect.map(
  SqlClient.SqlClient,
  (sql): Operations => ({
    ...operations(sql),
    findById: findById(sql),
    all: all(sql),
    forUser: (user) => ({ ...operations(sql, ownerOf(user)), findById: findOwned(sql, ownerOf(user)) })
  })
)

/**
 * The table `positions`.
 *
 * @example
 * ```ts
 * import { BigDecimal, Effect } from "effect"
 * import { type AccountId, type ClerkUserId, InstrumentSymbol, Positions } from "alex-database"
 *
 * const buy = Effect.fn(function*(user: ClerkUserId, account_id: AccountId) {
 *   const positions = (yield* Positions).forUser(user) // another person's account is not found
 *   const quantity = BigDecimal.fromStringUnsafe("0.5")
 *   return yield* positions.addQuantity({ account_id, symbol: InstrumentSymbol.make("SPY"), quantity })
 * })
 * ```
 */
export class Positions extends Context.Service<Positions, Operations>()("alex-database/repository/Positions", {
  make
}) {
  /** On the table `positions` of any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
