/** The accounts in which people hold cash and positions. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlResolver from "effect/sql/SqlResolver"
import {
  Account,
  AccountCreate,
  type AccountId,
  AccountNotFound,
  AccountTotals,
  AccountUpdate
} from "../domain/Account.ts"
import { type ClerkUserId, UserNotFound } from "../domain/User.ts"
import { columnsOf, jsonOf, rowOf, rowsOf } from "./Rows.ts"

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = columnsOf(sql, "accounts", Account)
  const accounts = rowsOf(Account)
  const account = rowOf(Account)
  const encodeCreate = jsonOf(AccountCreate)
  const encodeUpdate = jsonOf(AccountUpdate)

  const lookUp = SqlResolver.request(
    SqlResolver.findById({
      Id: Schema.String,
      Result: Account,
      ResultId: (found) => found.id,
      execute: (ids) => sql`SELECT ${columns} FROM accounts WHERE id = ANY(${ids}::uuid[])`
    }).pipe(RequestResolver.batchN(200))
  )

  const create = Effect.fn("Accounts.create")(function* (input: AccountCreate) {
    const json = yield* encodeCreate(input)
    return yield* account(() => new UserNotFound({ clerk_user_id: input.clerk_user_id }))(sql`
      INSERT INTO accounts (clerk_user_id, account_name, account_purpose, cash_balance, cash_interest)
      SELECT
        users.clerk_user_id, new.account_name, new.account_purpose,
        coalesce(new.cash_balance, 0), coalesce(new.cash_interest, 0)
      FROM jsonb_populate_record(NULL::accounts, ${json}::jsonb) AS new JOIN users USING (clerk_user_id)
      RETURNING ${columns}`)
  })

  const listByUser = Effect.fn("Accounts.listByUser")((user: ClerkUserId) =>
    accounts(sql`SELECT ${columns} FROM accounts WHERE clerk_user_id = ${user} ORDER BY created_at DESC, id DESC`)
  )

  const totals = Effect.fn("Accounts.totals")(function* (user: ClerkUserId) {
    return yield* rowOf(AccountTotals)(() => new UserNotFound({ clerk_user_id: user }))(sql`
      WITH account AS (
        SELECT id, cash_balance FROM accounts WHERE clerk_user_id = ${user}
      ), cash AS (
        SELECT count(*)::int AS accounts, coalesce(sum(cash_balance), 0) AS cash FROM account
      ), held AS (
        SELECT count(*)::int AS positions, coalesce(sum(quantity * current_price), 0) AS market_value
        FROM account JOIN positions ON positions.account_id = account.id JOIN instruments USING (symbol)
      )
      SELECT accounts, positions, cash, market_value, cash + market_value AS total
      FROM cash, held, users WHERE clerk_user_id = ${user}`)
  })

  /** The operations on one account; where there is an owner, another person's account is not found. */
  const one = (owner: ClerkUserId | undefined) => {
    const owned = owner === undefined ? sql.literal("") : sql`AND accounts.clerk_user_id = ${owner}`
    const found = (id: AccountId) => account(() => new AccountNotFound({ account_id: id }))
    return {
      /**
       * Changes any subset of an account's fields.
       *
       * @errors AccountNotFound, RepositoryError
       */
      update: Effect.fn("Accounts.update")(function* (id: AccountId, changes: AccountUpdate) {
        const json = yield* encodeUpdate(changes)
        return yield* found(id)(sql`
          UPDATE accounts SET
            (account_name, account_purpose, cash_balance, cash_interest) = (
              SELECT account_name, account_purpose, cash_balance, cash_interest
              FROM jsonb_populate_record(accounts, ${json}::jsonb)
            )
          WHERE id = ${id}::uuid ${owned}
          RETURNING ${columns}`)
      }),

      /**
       * Deletes an account with its positions.
       *
       * @errors AccountNotFound, RepositoryError
       */
      delete: Effect.fn("Accounts.delete")(function* (id: AccountId) {
        return yield* found(id)(sql`DELETE FROM accounts WHERE id = ${id}::uuid ${owned} RETURNING ${columns}`)
      })
    }
  }

  return {
    ...one(undefined),

    /**
     * Finds an account; lookups made concurrently are one request.
     *
     * @errors AccountNotFound, RepositoryError
     */
    findById: Effect.fn("Accounts.findById")((id: AccountId) =>
      lookUp(id.toLowerCase()).pipe(
        Effect.catchTag("NoSuchElementError", () => new AccountNotFound({ account_id: id }))
      )
    ),

    /**
     * Creates an account.
     *
     * @errors UserNotFound, RepositoryError
     */
    create,

    /**
     * A user's accounts, the newest first.
     *
     * @errors RepositoryError
     */
    listByUser,

    /**
     * What all accounts of a user come to.
     *
     * @errors UserNotFound, RepositoryError
     */
    totals,

    /** The same for one user: another person's account is not found, which the same statement checks. */
    forUser: (user: ClerkUserId) => ({
      ...one(user),

      /** Finds an account of the user. */
      findById: Effect.fn("Accounts.forUser.findById")((id: AccountId) =>
        account(() => new AccountNotFound({ account_id: id }))(
          sql`SELECT ${columns} FROM accounts WHERE id = ${id}::uuid AND clerk_user_id = ${user}`
        )
      ),

      /** Creates an account of the user. */
      create: (input: Omit<AccountCreate, "clerk_user_id">) => create({ ...input, clerk_user_id: user }),

      /** The user's accounts, the newest first. */
      list: () => listByUser(user),

      /** What all the user's accounts come to. */
      totals: () => totals(user)
    })
  }
})

/**
 * The table `accounts`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Accounts, ClerkUserId } from "alex-database"
 *
 * const names = Effect.gen(function*() {
 *   const accounts = (yield* Accounts).forUser(ClerkUserId.make("user_2abcDEF"))
 *   return (yield* accounts.list()).map((account) => account.account_name)
 * })
 * ```
 */
export class Accounts extends Context.Service<Accounts>()("alex-database/repository/Accounts", { make }) {
  /** On the table `accounts` of a `SqlClient`, whoever provides it. */
  static readonly layer = Layer.effect(this, this.make)
}
