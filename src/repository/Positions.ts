/** How many shares of an instrument an account holds. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlResolver from "effect/sql/SqlResolver"
import { type AccountId, AccountNotFound } from "../domain/Account.ts"
import { InstrumentNotFound } from "../domain/Instrument.ts"
import {
  AccountValue,
  HeldPosition,
  Position,
  PositionCreate,
  type PositionId,
  PositionNotFound,
  PositionUpdate
} from "../domain/Position.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { columnsOf, everyPage, jsonOf, rowOf } from "./Rows.ts"

/** A position with its instrument takes up to 2 KB of an answer, which may have 1 MiB. */
const pageSize = 500

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = columnsOf(sql, "positions", Position)
  const position = rowOf(Position)
  const encodeCreate = jsonOf(PositionCreate)
  const encodeUpdate = jsonOf(PositionUpdate)

  const lookUp = SqlResolver.request(
    SqlResolver.findById({
      Id: Schema.String,
      Result: Position,
      ResultId: (found) => found.id,
      execute: (ids) => sql`SELECT ${columns} FROM positions WHERE id = ANY(${ids}::uuid[])`
    }).pipe(RequestResolver.batchN(pageSize))
  )

  const heldPositions = Schema.decodeUnknownEffect(Schema.Array(HeldPosition))
  const Missing = Schema.Struct({ account_found: Schema.Boolean, instrument_found: Schema.Boolean })

  /** The operations on the positions of accounts; where there is an owner, another person's are not found. */
  const operations = (owner: ClerkUserId | undefined) => {
    const owned = owner === undefined ? sql.literal("") : sql`AND accounts.clerk_user_id = ${owner}`
    const found = (id: PositionId) => position(() => new PositionNotFound({ position_id: id }))

    /** Inserts a position; `quantity` says what becomes of the quantity if the account has one already. */
    const put = Effect.fnUntraced(function* (input: PositionCreate, quantity: string) {
      const json = yield* encodeCreate(input)
      const [row] = yield* sql`
        WITH new AS (
          SELECT account_id, symbol, quantity, as_of_date FROM jsonb_populate_record(NULL::positions, ${json}::jsonb)
        ), account AS (
          SELECT accounts.id FROM accounts JOIN new ON accounts.id = new.account_id ${owned}
        ), instrument AS (
          SELECT instruments.symbol FROM instruments JOIN new USING (symbol)
        ), put AS (
          INSERT INTO positions (account_id, symbol, quantity, as_of_date)
          SELECT account.id, instrument.symbol, new.quantity, coalesce(new.as_of_date, CURRENT_DATE)
          FROM new, account, instrument
          ON CONFLICT (account_id, symbol) DO UPDATE SET
            quantity = ${sql.literal(quantity)}, as_of_date = excluded.as_of_date
          RETURNING ${columns}
        )
        SELECT
          EXISTS (SELECT FROM account) AS account_found, EXISTS (SELECT FROM instrument) AS instrument_found, put.*
        FROM new LEFT JOIN put ON true`
      const { account_found, instrument_found } = yield* Schema.decodeUnknownEffect(Missing)(row)
      if (!account_found) return yield* new AccountNotFound({ account_id: input.account_id })
      if (!instrument_found) return yield* new InstrumentNotFound({ symbol: input.symbol })
      return yield* Schema.decodeUnknownEffect(Position)(row)
    })

    return {
      /**
       * Adds a position, or replaces the one that the account has in the instrument.
       *
       * @errors AccountNotFound, InstrumentNotFound, RepositoryError
       */
      put: Effect.fn("Positions.put")((input: PositionCreate) => put(input, "excluded.quantity")),

      /**
       * Adds to the quantity that the account has of the instrument; sums made at the same time are exact.
       *
       * @errors AccountNotFound, InstrumentNotFound, RepositoryError
       */
      addQuantity: Effect.fn("Positions.addQuantity")((input: PositionCreate) =>
        put(input, "positions.quantity + excluded.quantity")
      ),

      /**
       * The positions of an account, with the name, type and price of their instruments, by symbol.
       *
       * @errors AccountNotFound, RepositoryError
       */
      listByAccount: Effect.fn("Positions.listByAccount")((id: AccountId) =>
        everyPage(
          pageSize,
          Effect.fnUntraced(function* (last: HeldPosition | undefined) {
            const rows = yield* sql`
              SELECT ${columns}, instruments.name, instruments.instrument_type, instruments.current_price
              FROM accounts
              LEFT JOIN positions ON positions.account_id = accounts.id AND positions.symbol > ${last?.symbol ?? ""}
              LEFT JOIN instruments ON instruments.symbol = positions.symbol
              WHERE accounts.id = ${id}::uuid ${owned}
              ORDER BY positions.symbol LIMIT ${pageSize}::int`
            if (rows.length === 0) return yield* new AccountNotFound({ account_id: id })
            return yield* heldPositions(rows.filter((row) => row["id"] !== null))
          })
        )
      ),

      /**
       * How many positions and shares an account holds, and their exact market value.
       *
       * @errors AccountNotFound, RepositoryError
       */
      value: Effect.fn("Positions.value")(function* (id: AccountId) {
        return yield* rowOf(AccountValue)(() => new AccountNotFound({ account_id: id }))(sql`
          SELECT
            count(positions.id)::int AS positions,
            coalesce(sum(quantity), 0) AS shares,
            coalesce(sum(quantity * current_price), 0) AS market_value
          FROM accounts
          LEFT JOIN positions ON positions.account_id = accounts.id
          LEFT JOIN instruments ON instruments.symbol = positions.symbol
          WHERE accounts.id = ${id}::uuid ${owned}
          GROUP BY accounts.id`)
      }),

      /**
       * Changes any subset of a position's fields.
       *
       * @errors PositionNotFound, RepositoryError
       */
      update: Effect.fn("Positions.update")(function* (id: PositionId, changes: PositionUpdate) {
        const json = yield* encodeUpdate(changes)
        return yield* found(id)(sql`
          UPDATE positions SET
            (quantity, as_of_date) = (
              SELECT quantity, as_of_date FROM jsonb_populate_record(positions, ${json}::jsonb)
            )
          FROM accounts
          WHERE positions.id = ${id}::uuid AND accounts.id = positions.account_id ${owned}
          RETURNING ${columns}`)
      }),

      /**
       * Deletes a position.
       *
       * @errors PositionNotFound, RepositoryError
       */
      delete: Effect.fn("Positions.delete")(function* (id: PositionId) {
        return yield* found(id)(sql`
          DELETE FROM positions USING accounts
          WHERE positions.id = ${id}::uuid AND accounts.id = positions.account_id ${owned}
          RETURNING ${columns}`)
      })
    }
  }

  return {
    ...operations(undefined),

    /**
     * Finds a position; lookups made concurrently are one request.
     *
     * @errors PositionNotFound, RepositoryError
     */
    findById: Effect.fn("Positions.findById")((id: PositionId) =>
      lookUp(id.toLowerCase()).pipe(
        Effect.catchTag("NoSuchElementError", () => new PositionNotFound({ position_id: id }))
      )
    ),

    /** The same for one user: what another person has is not found, which the same statement checks. */
    forUser: (user: ClerkUserId) => ({
      ...operations(user),

      /** Finds a position of the user. */
      findById: Effect.fn("Positions.forUser.findById")((id: PositionId) =>
        position(() => new PositionNotFound({ position_id: id }))(sql`
          SELECT ${columns} FROM positions JOIN accounts ON accounts.id = positions.account_id
          WHERE positions.id = ${id}::uuid AND accounts.clerk_user_id = ${user}`)
      )
    })
  }
})

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
export class Positions extends Context.Service<Positions>()("alex-database/repository/Positions", { make }) {
  /** On the table `positions` of a `SqlClient`, whoever provides it. */
  static readonly layer = Layer.effect(this, this.make)
}
