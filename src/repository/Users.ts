/** The people whose money Alex looks after. */
import * as BigDecimal from "effect/BigDecimal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlResolver from "effect/sql/SqlResolver"
import { type ClerkUserId, User, UserAlreadyExists, UserCreate, UserNotFound, UserUpdate } from "../domain/User.ts"
import { columnsOf, jsonOf, rowOf, rowsOf, untilSeen } from "./Rows.ts"

/** What the product assumes of a user who has not said yet. */
export const userDefaults = {
  years_until_retirement: 20,
  target_retirement_income: BigDecimal.fromBigInt(60_000n),
  asset_class_targets: { equity: 70, fixed_income: 30 },
  region_targets: { north_america: 50, international: 50 }
} as const satisfies Omit<UserCreate, "clerk_user_id">

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = columnsOf(sql, "users", User)
  const users = rowsOf(User)
  const user = rowOf(User)
  const encodeCreate = jsonOf(UserCreate)
  const encodeUpdate = jsonOf(UserUpdate)

  const lookUp = SqlResolver.request(
    SqlResolver.findById({
      Id: Schema.String,
      Result: User,
      ResultId: (found) => found.clerk_user_id,
      execute: (ids) => sql`SELECT ${columns} FROM users WHERE clerk_user_id = ANY(${ids}::text[])`
    })
  )

  const insert = (json: string) => sql`
    INSERT INTO users (
      clerk_user_id, display_name, years_until_retirement, target_retirement_income, asset_class_targets, region_targets
    )
    SELECT
      clerk_user_id, display_name, years_until_retirement, target_retirement_income,
      coalesce(asset_class_targets, '{"equity": 70, "fixed_income": 30}'),
      coalesce(region_targets, '{"north_america": 50, "international": 50}')
    FROM jsonb_populate_record(NULL::users, ${json}::jsonb)
    ON CONFLICT (clerk_user_id) DO NOTHING
    RETURNING ${columns}`

  return {
    /**
     * Finds a user; lookups made concurrently are one request.
     *
     * @errors UserNotFound, RepositoryError
     */
    findById: Effect.fn("Users.findById")((id: ClerkUserId) =>
      lookUp(id).pipe(Effect.catchTag("NoSuchElementError", () => new UserNotFound({ clerk_user_id: id })))
    ),

    /**
     * Lists users by id, at most `limit` (100) of those after `after`.
     *
     * @errors RepositoryError
     */
    list: Effect.fn("Users.list")((page?: { readonly after?: ClerkUserId; readonly limit?: number }) =>
      users(sql`
        SELECT ${columns} FROM users WHERE clerk_user_id > ${page?.after ?? ""}
        ORDER BY clerk_user_id LIMIT ${page?.limit ?? 100}::int`)
    ),

    /**
     * Creates a user; what is left out gets the database's default, or stays open.
     *
     * @errors UserAlreadyExists, RepositoryError
     */
    create: Effect.fn("Users.create")(function* (input: UserCreate) {
      const json = yield* encodeCreate(input)
      return yield* user(() => new UserAlreadyExists({ clerk_user_id: input.clerk_user_id }))(insert(json))
    }),

    /**
     * Finds a user, or creates one with {@link userDefaults}; one request, and `created` says which.
     *
     * @errors RepositoryError
     */
    getOrCreate: Effect.fn("Users.getOrCreate")(function* (input: UserCreate) {
      const json = yield* encodeCreate({ ...userDefaults, ...input })
      const Found = Schema.Struct({ ...User.fields, created: Schema.Boolean })
      const attempt = rowsOf(Found)(sql`
        WITH created AS (${insert(json)})
        SELECT true AS created, created.* FROM created
        UNION ALL
        SELECT false, ${columns} FROM users
        WHERE clerk_user_id = ${input.clerk_user_id} AND NOT EXISTS (SELECT FROM created)`)
      // A user whom someone else is creating at this moment is neither inserted nor seen; the next attempt sees it.
      const { created, ...found } = yield* untilSeen(attempt)
      return { user: found, created }
    }),

    /**
     * Changes any subset of a user's fields.
     *
     * @errors UserNotFound, RepositoryError
     */
    update: Effect.fn("Users.update")(function* (id: ClerkUserId, changes: UserUpdate) {
      const json = yield* encodeUpdate(changes)
      return yield* user(() => new UserNotFound({ clerk_user_id: id }))(sql`
        UPDATE users SET
          (display_name, years_until_retirement, target_retirement_income, asset_class_targets, region_targets) = (
            SELECT display_name, years_until_retirement, target_retirement_income, asset_class_targets, region_targets
            FROM jsonb_populate_record(users, ${json}::jsonb)
          )
        WHERE clerk_user_id = ${id}
        RETURNING ${columns}`)
    }),

    /**
     * Deletes a user with all accounts, positions and jobs.
     *
     * @errors UserNotFound, SqlError
     */
    delete: Effect.fn("Users.delete")(function* (id: ClerkUserId) {
      const deleted = yield* sql`DELETE FROM users WHERE clerk_user_id = ${id} RETURNING clerk_user_id`
      if (deleted.length === 0) return yield* new UserNotFound({ clerk_user_id: id })
    })
  }
})

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
export class Users extends Context.Service<Users>()("alex-database/repository/Users", { make }) {
  /** On the table `users` of a `SqlClient`, whoever provides it. */
  static readonly layer = Layer.effect(this, this.make)
}
