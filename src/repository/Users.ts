/** The people whose money Alex looks after. */
import * as BigDecimal from "effect/BigDecimal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type InstrumentSymbol, StoredSymbol } from "../domain/Instrument.ts"
import { asText } from "../domain/Text.ts"
import { type ClerkUserId, User, UserAlreadyExists, UserCreate, UserNotFound, UserUpdate } from "../domain/User.ts"
import { checked, count, word } from "./calls/Arguments.ts"
import { seeingDeleted } from "./DeletedMeanwhile.ts"
import { computed, encoder, everyPage, type Listed, lookUp, type RepositoryError, reader, untilSeen } from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** The product's assumptions about a user who has not entered these values yet. */
export const userDefaults = {
  years_until_retirement: 20,
  target_retirement_income: BigDecimal.fromBigInt(60_000n),
  asset_class_targets: { equity: 70, fixed_income: 30 },
  region_targets: { north_america: 50, international: 50 }
} as const satisfies Omit<UserCreate, "clerk_user_id">

/** Where a page of users begins, and how long it is. */
export interface UserPage {
  readonly after?: ClerkUserId
  readonly limit?: number
}

/** The operations on users. */
export interface Operations {
  /**
   * Finds a user; concurrent lookups are one request.
   *
   * @errors UserNotFound, RepositoryError
   */
  readonly findById: (id: ClerkUserId) => Effect.Effect<User, UserNotFound | RepositoryError>

  /**
   * Lists users by id, at most `limit` (100) of those after `after`.
   *
   * @errors RepositoryError
   */
  readonly list: (page?: UserPage) => Effect.Effect<Listed<User>, RepositoryError>

  /**
   * Creates a user; a field that is left out gets the database's default, or null.
   *
   * @errors UserAlreadyExists, RepositoryError
   */
  readonly create: (input: UserCreate) => Effect.Effect<User, UserAlreadyExists | RepositoryError>

  /**
   * Finds a user, or creates one with {@link userDefaults}. One request; `created` says which it was.
   *
   * @errors RepositoryError
   */
  readonly getOrCreate: (
    input: UserCreate
  ) => Effect.Effect<{ readonly user: User; readonly created: boolean }, RepositoryError>

  /**
   * Changes any subset of a user's fields.
   *
   * @errors UserNotFound, RepositoryError
   */
  readonly update: (id: ClerkUserId, changes: UserUpdate) => Effect.Effect<User, UserNotFound | RepositoryError>

  /**
   * The symbols of all instruments that anyone holds, sorted: those for which a job needs prices.
   *
   * @errors SqlError
   */
  readonly allSymbols: () => Effect.Effect<ReadonlyArray<InstrumentSymbol>, SqlError>

  /**
   * Deletes a user with all accounts, positions and jobs.
   *
   * @errors UserNotFound, SqlError
   */
  readonly delete: (id: ClerkUserId) => Effect.Effect<void, UserNotFound | SqlError>
}

type Sql = SqlClient.SqlClient

const columns = /* @__PURE__ */ Tables.selected(Tables.users)
const read = /* @__PURE__ */ reader(Tables.users, User)
const notFound = (clerk_user_id: ClerkUserId) => () => new UserNotFound({ clerk_user_id: asText(clerk_user_id) })

const findById = (sql: Sql): Operations["findById"] => {
  const find = lookUp(sql, Tables.users, 1000, Tables.byKeys(sql, Tables.users))
  return Effect.fn("Users.findById")((id) => find(id, notFound(id)))
}

const list = (sql: Sql): Operations["list"] =>
  Effect.fn("Users.list")(function* (page?: UserPage) {
    yield* checked(page, { after: word, limit: count })
    return yield* read.list(sql`
      SELECT ${columns} FROM users WHERE ${Tables.following(sql, "clerk_user_id", page?.after)}
      ORDER BY clerk_user_id ${Tables.limited(sql, page?.limit ?? 100)}`)
  })

/** The defaults of the columns, as in the migrations. */
export const columnDefaults = {
  asset_class_targets: userDefaults.asset_class_targets,
  region_targets: userDefaults.region_targets
}

const encodeCreate = /* @__PURE__ */ encoder(UserCreate)
const created = /* @__PURE__ */ Tables.settable(UserCreate)

const create = (sql: Sql): Operations["create"] =>
  Effect.fn("Users.create")(function* (input) {
    const json = yield* encodeCreate({ ...columnDefaults, ...input }, "new user")
    return yield* read.first(
      Tables.insertNew(sql, Tables.users, created, json),
      () => new UserAlreadyExists({ clerk_user_id: input.clerk_user_id }),
      "written"
    )
  })

const getOrCreate = (sql: Sql): Operations["getOrCreate"] =>
  Effect.fn("Users.getOrCreate")(function* (input) {
    const json = yield* encodeCreate({ ...userDefaults, ...input }, "new user")
    const key = sql`${input.clerk_user_id}::varchar`
    const inserted = Tables.insertOrFind(sql, Tables.users, created, json, key)
    const row = yield* untilSeen(inserted, Tables.users, input.clerk_user_id)
    const isNew = row["created"] === true
    return { user: yield* read.row(row, isNew ? "written" : undefined), created: isNew }
  })

const encodeUpdate = /* @__PURE__ */ encoder(UserUpdate)
const updated = /* @__PURE__ */ Tables.settable(UserUpdate)

const update = (sql: Sql): Operations["update"] =>
  Effect.fn("Users.update")(function* (id, changes) {
    const json = yield* encodeUpdate(changes, "change of a user")
    return yield* read.first(
      sql`
        ${Tables.updateFrom(sql, Tables.users, updated, json)}
        ${Tables.ofUser(sql, id)}
        RETURNING ${columns}`,
      notFound(id),
      "written"
    )
  })

/** A symbol takes up to 40 bytes of a response of the Data API, which holds 1 MiB. */
const symbolsOfPage = 20_000
const symbols = /* @__PURE__ */ computed(/* @__PURE__ */ Schema.Struct({ symbol: StoredSymbol }))

const allSymbols = (sql: Sql): Operations["allSymbols"] =>
  Effect.fn("Users.allSymbols")(function* () {
    const held = yield* symbols(
      everyPage(
        symbolsOfPage,
        "symbol",
        (after) => sql`
          SELECT symbol FROM instruments
          WHERE ${Tables.following(sql, "symbol", after)} AND EXISTS (SELECT FROM positions WHERE positions.symbol = instruments.symbol)
          ORDER BY symbol LIMIT ${symbolsOfPage}::int`
      )
    )
    return held.map(({ symbol }) => symbol)
  })

const remove = (sql: Sql): Operations["delete"] =>
  Effect.fn("Users.delete")(function* (id) {
    const deleted = yield* seeingDeleted(sql)(sql`DELETE FROM users ${Tables.ofUser(sql, id)} RETURNING clerk_user_id`)
    if (deleted.length === 0) return yield* notFound(id)()
  })

const make = Effect.map(
  SqlClient.SqlClient,
  (sql): Operations => ({
    findById: findById(sql),
    list: list(sql),
    create: create(sql),
    getOrCreate: getOrCreate(sql),
    update: update(sql),
    allSymbols: allSymbols(sql),
    delete: remove(sql)
  })
)

/**
 * The table `users`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ClerkUserId, Users } from "alex-database"
 *
 * const welcome = Effect.gen(function*() {
 *   const users = yield* Users
 *   const { created, user } = yield* users.getOrCreate({ clerk_user_id: ClerkUserId.make("user_2abcDEF") })
 *   return created ? "Welcome" : `Welcome back, ${user.display_name ?? "you"}`
 * })
 * ```
 */
export class Users extends Context.Service<Users, Operations>()("alex-database/repository/Users", { make }) {
  /** On the table `users` of any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
