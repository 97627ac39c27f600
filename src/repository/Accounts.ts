/** The accounts in which people hold cash and positions. */
import * as BigDecimal from "effect/BigDecimal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import {
  Account,
  AccountCreate,
  type AccountId,
  AccountNotFound,
  AccountTotals,
  AccountUpdate,
  accountCreateOf,
  accountUpdateOf,
  type CashOption,
  NegativeCash
} from "../domain/Account.ts"
import { asText } from "../domain/Text.ts"
import { type ClerkUserId, UserNotFound } from "../domain/User.ts"
import { seeingDeleted } from "./DeletedMeanwhile.ts"
import {
  encoder,
  everyRow,
  type Listed,
  lookUp,
  type Owner,
  ownerOf,
  type RepositoryError,
  reader,
  type StreamOptions,
  uuidOrNull
} from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** The operations on one account. */
interface OneAccount {
  /**
   * Finds an account. Concurrent lookups are one request, except those of `forUser`.
   *
   * @errors AccountNotFound, RepositoryError
   */
  readonly findById: (id: AccountId) => Effect.Effect<Account, AccountNotFound | RepositoryError>

  /**
   * Changes any subset of an account's fields.
   *
   * @errors AccountNotFound, RepositoryError
   */
  readonly update: (id: AccountId, changes: AccountUpdate) => Effect.Effect<Account, AccountNotFound | RepositoryError>

  /**
   * Deletes an account with its positions.
   *
   * @errors AccountNotFound, RepositoryError
   */
  readonly delete: (id: AccountId) => Effect.Effect<Account, AccountNotFound | RepositoryError>
}

/** The operations on one user's accounts. Another user's account is not found; the same statement checks that. */
interface UserAccounts extends OneAccount {
  /** Creates an account of the user. */
  readonly create: (
    input: Omit<AccountCreate, "clerk_user_id">
  ) => Effect.Effect<Account, UserNotFound | RepositoryError>

  /** The user's accounts, the newest first. */
  readonly list: () => Effect.Effect<Listed<Account>, RepositoryError>

  /** Deletes all accounts of the user with their positions, and returns them. */
  readonly deleteAll: () => Effect.Effect<Listed<Account>, RepositoryError>

  /** The sum of all the user's accounts. */
  readonly totals: () => Effect.Effect<AccountTotals, UserNotFound | RepositoryError>
}

/** The operations on accounts. */
export interface Operations extends OneAccount {
  /**
   * Creates an account.
   *
   * @errors UserNotFound, RepositoryError
   */
  readonly create: (input: AccountCreate) => Effect.Effect<Account, UserNotFound | RepositoryError>

  /**
   * A user's accounts, the newest first.
   *
   * @errors RepositoryError
   */
  readonly listByUser: (user: ClerkUserId) => Effect.Effect<Listed<Account>, RepositoryError>

  /**
   * All accounts of all users, by id.
   *
   * @errors RepositoryError
   */
  readonly all: (options?: StreamOptions) => Stream.Stream<Account, RepositoryError>

  /**
   * Deletes all accounts of a user with their positions, in one request, and returns them.
   *
   * @errors RepositoryError
   */
  readonly deleteAll: (user: ClerkUserId) => Effect.Effect<Listed<Account>, RepositoryError>

  /**
   * The sum of all accounts of a user.
   *
   * @errors UserNotFound, RepositoryError
   */
  readonly totals: (user: ClerkUserId) => Effect.Effect<AccountTotals, UserNotFound | RepositoryError>

  /** The same for one user: another user's account is not found; the same statement checks that. */
  readonly forUser: (user: ClerkUserId) => UserAccounts
}

type Sql = SqlClient.SqlClient

const columns = /* @__PURE__ */ Tables.selected(Tables.accounts)
const read = /* @__PURE__ */ reader(Tables.accounts, Account)
const notFound = (account_id: AccountId) => () => new AccountNotFound({ account_id: asText(account_id) })

/** Limits a query to the accounts of one owner, if there is one. */
export const accountOwnedBy = (sql: Sql, owner: Owner) =>
  owner === undefined ? Tables.nothing : sql`AND accounts.clerk_user_id = ${owner}::varchar`

/** Limits a query to one account, of one owner if there is one. */
export const isAccount = (sql: Sql, id: AccountId, owner: Owner) =>
  sql`accounts.id = ${uuidOrNull(id)}::uuid ${accountOwnedBy(sql, owner)}`

const findById = (sql: Sql): Operations["findById"] => {
  const find = lookUp(sql, Tables.accounts, 200, Tables.byKeys(sql, Tables.accounts))
  return Effect.fn("Accounts.findById")((id) => find(id, notFound(id)))
}

const findOwned = (sql: Sql, owner: Owner): Operations["findById"] =>
  Effect.fn("Accounts.forUser.findById")((id) =>
    read.first(sql`SELECT ${columns} FROM accounts WHERE ${isAccount(sql, id, owner)}`, notFound(id))
  )

/** The defaults of the columns, as in the migrations. */
export const columnDefaults = { cash_balance: BigDecimal.fromBigInt(0n), cash_interest: BigDecimal.fromBigInt(0n) }

const created = /* @__PURE__ */ Tables.settable(AccountCreate)
const createdOfNew = /* @__PURE__ */ Tables.settable(AccountCreate, "new")

const create = (sql: Sql, option: CashOption): Operations["create"] => {
  const encodeCreate = encoder(accountCreateOf(option))
  return Effect.fn("Accounts.create")(function* (input) {
    const json = yield* encodeCreate({ ...columnDefaults, ...input }, "new account")
    return yield* read.first(
      seeingDeleted(sql)(sql`
        INSERT INTO accounts (${created})
        SELECT ${createdOfNew}
        FROM jsonb_populate_record(NULL::accounts, ${json}::jsonb) AS new
          JOIN users USING (clerk_user_id)
        RETURNING ${columns}`),
      () => new UserNotFound({ clerk_user_id: input.clerk_user_id }),
      "written"
    )
  })
}

const listByUser = (sql: Sql): Operations["listByUser"] =>
  Effect.fn("Accounts.listByUser")((user) =>
    read.list(sql`
      SELECT ${columns} FROM accounts
      ${Tables.ofUser(sql, user)} ORDER BY created_at DESC, id DESC`)
  )

const pageSize = 1000

const all =
  (sql: Sql): Operations["all"] =>
  (options) =>
    everyRow(sql, Tables.accounts, Account, { columns, pageSize }, options)

const deleteAll = (sql: Sql): Operations["deleteAll"] =>
  Effect.fn("Accounts.deleteAll")((user) =>
    read.list(seeingDeleted(sql)(sql`DELETE FROM accounts ${Tables.ofUser(sql, user)} RETURNING ${columns}`), "deleted")
  )

const sums = /* @__PURE__ */ reader({ name: "accounts", key: "clerk_user_id" }, AccountTotals)

const totals = (sql: Sql): Operations["totals"] =>
  Effect.fn("Accounts.totals")((user) =>
    sums.first(
      sql`
        WITH account AS (
          SELECT id, cash_balance FROM accounts ${Tables.ofUser(sql, user)}
        ), cash AS (
          SELECT count(*)::int AS accounts, coalesce(sum(cash_balance), 0) AS cash FROM account
        ), held AS (
          SELECT count(*)::int AS positions, coalesce(sum(quantity * current_price), 0) AS market_value
          FROM account JOIN positions ON positions.account_id = account.id JOIN instruments USING (symbol)
        )
        SELECT clerk_user_id, accounts, positions, cash, market_value, cash + market_value AS total
        FROM cash, held, users ${Tables.ofUser(sql, user)}`,
      () => new UserNotFound({ clerk_user_id: asText(user) })
    )
  )

type EncodeUpdate = ReturnType<typeof encoder<AccountUpdate, unknown>>
const updated = /* @__PURE__ */ Tables.settable(AccountUpdate)

const update = (sql: Sql, encodeUpdate: EncodeUpdate, owner?: Owner): Operations["update"] =>
  Effect.fn("Accounts.update")(function* (id, changes) {
    const json = yield* encodeUpdate(changes, `change of account ${asText(id)}`)
    return yield* read.first(
      sql`
        ${Tables.updateFrom(sql, Tables.accounts, updated, json)}
        WHERE ${isAccount(sql, id, owner)}
        RETURNING ${columns}`,
      notFound(id),
      "written"
    )
  })

const remove = (sql: Sql, owner?: Owner): Operations["delete"] =>
  Effect.fn("Accounts.delete")((id) =>
    read.first(
      seeingDeleted(sql)(sql`DELETE FROM accounts WHERE ${isAccount(sql, id, owner)} RETURNING ${columns}`),
      notFound(id),
      "deleted"
    )
  )

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const option = { negativeCash: yield* NegativeCash }
  const encodeUpdate = encoder(accountUpdateOf(option))
  const ofUser = {
    create: create(sql, option),
    listByUser: listByUser(sql),
    deleteAll: deleteAll(sql),
    totals: totals(sql)
  }
  const operations: Operations = {
    ...ofUser,
    all: all(sql),
    findById: findById(sql),
    update: update(sql, encodeUpdate),
    delete: remove(sql),
    forUser: (user) => ({
      findById: findOwned(sql, ownerOf(user)),
      update: update(sql, encodeUpdate, ownerOf(user)),
      delete: remove(sql, ownerOf(user)),
      create: (input) => ofUser.create({ ...input, clerk_user_id: user }),
      list: () => ofUser.listByUser(user),
      deleteAll: () => ofUser.deleteAll(user),
      totals: () => ofUser.totals(user)
    })
  }
  return operations
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
export class Accounts extends Context.Service<Accounts, Operations>()("alex-database/repository/Accounts", { make }) {
  /** On the table `accounts` of any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
