/**
 * Generates any number of users with accounts and positions, for load tests. The database makes the rows; the same
 * numbers always give the same rows.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as Progress from "../Progress.ts"

/** How many rows were added; existing ones are not counted. */
export const LoadDataReport = Schema.Struct({ users: Schema.Int, accounts: Schema.Int, positions: Schema.Int })
export type LoadDataReport = typeof LoadDataReport.Type

/** There are too few instruments for this many different positions in one account. */
export class TooManyPositions extends Schema.TaggedError<TooManyPositions>()("TooManyPositions", {
  positions: Schema.Int,
  instruments: Schema.Int
}) {
  override get message() {
    return `A user can have ${this.instruments * accountsOfUser} generated positions at most, one for each account and instrument, not ${this.positions}`
  }
}

const accountsOfUser = 3

/**
 * Fails if there are too few instruments for this many generated positions of a user.
 *
 * @errors TooManyPositions
 */
export const checkPositions = (positions: number, instruments: number): Effect.Effect<void, TooManyPositions> =>
  positions > instruments * accountsOfUser ? Effect.fail(new TooManyPositions({ positions, instruments })) : Effect.void

/** The condition that a row's user was generated. */
export const isGenerated = (sql: SqlClient.SqlClient) => sql.literal("clerk_user_id ~ '^load_user_[0-9]+$'")

/** Rows that one request writes: about a second's work, far below the 45 seconds after which a call times out. */
const rowsOfRequest = 20_000

/**
 * Adds `users` users, `load_user_0000001` and on, each with three accounts and `positions` positions in all.
 *
 * Amounts, targets and the choice of instruments are drawn from the user's number by MD5, so that they look random and
 * come out the same everywhere. Existing rows stay, so a run that was cut off can be repeated. One request for every
 * 20,000 rows.
 *
 * @errors TooManyPositions, RepositoryError
 *
 * @example
 * ```ts
 * import { LoadData } from "alex-database"
 *
 * const million = LoadData.generate({ users: 100_000, positions: 10 })
 * ```
 */
export const generate = Effect.fn("LoadData.generate")(function* (options: {
  readonly users: number
  readonly positions: number
}) {
  const sql = yield* SqlClient.SqlClient
  const { positions, users } = options
  const counted = yield* sql`select count(*)::integer as instruments from instruments`
  const [{ instruments }] = yield* Schema.decodeUnknownEffect(
    Schema.Tuple([Schema.Struct({ instruments: Schema.Int })])
  )(counted)
  yield* checkPositions(positions, instruments)
  const step = Math.max(1, Math.floor(rowsOfRequest / (1 + accountsOfUser + positions)))
  let total: LoadDataReport = { users: 0, accounts: 0, positions: 0 }
  for (let first = 1; first <= users; first += step) {
    const last = Math.min(users, first + step - 1)
    yield* Progress.report({ operation: "load data", done: first - 1, total: users, text: `users ${first} to ${last}` })
    const added = yield* addUsers(first, last, positions)
    total = {
      users: total.users + added.users,
      accounts: total.accounts + added.accounts,
      positions: total.positions + added.positions
    }
  }
  return total
})

/** A fraction of 1 drawn from the text of an SQL expression. */
const drawn = (text: string) => `((('x' || substr(md5(${text}), 1, 8))::bit(32)::bigint) / 4294967296.0)`

const addUsers = Effect.fnUntraced(function* (first: number, last: number, positions: number) {
  const sql = yield* SqlClient.SqlClient
  const literal = (text: string) => sql.literal(text)
  const rows = yield* sql`
    with given as materialized (
      select n, 'load_user_' || lpad(n::text, 7, '0') as clerk_user_id
      from generate_series(${first}::integer, ${last}::integer) as n
    ),
    held as materialized (
      select symbol, (row_number() over (order by symbol))::integer - 1 as place, (count(*) over ())::integer as instruments
      from instruments
    ),
    new_users as (
      insert into users as u (clerk_user_id, display_name, years_until_retirement, target_retirement_income)
      select clerk_user_id, 'Load user ' || n, floor(${literal(drawn("'years' || n"))} * 40)::integer,
        round((40000 + ${literal(drawn("'income' || n"))} * 160000)::numeric, -3)
      from given
      on conflict do nothing
      returning u.clerk_user_id
    ),
    given_accounts as materialized (
      select g.n, g.clerk_user_id, k, md5('account' || g.n || '/' || k)::uuid as id
      from given g cross join generate_series(0, ${accountsOfUser - 1}::integer) as k
    ),
    new_accounts as (
      insert into accounts as a (id, clerk_user_id, account_name, account_purpose, cash_balance, cash_interest)
      select id, clerk_user_id, (array['401(k)', 'Roth IRA', 'Taxable brokerage'])[1 + k],
        'Generated for load tests', round((exp(6 + ${literal(drawn("'cash' || n || '/' || k"))} * 5))::numeric, 2),
        round((${literal(drawn("'interest' || n || '/' || k"))} * 0.05)::numeric, 4)
      from given_accounts
      on conflict do nothing
      returning a.id
    ),
    new_positions as (
      insert into positions as p (id, account_id, symbol, quantity)
      select md5('position' || a.n || '/' || m)::uuid, a.id, h.symbol,
        round((exp(${literal(drawn("'quantity' || a.n || '/' || m"))} * 7))::numeric, 4)
      from given_accounts a
        join generate_series(0, ${positions - 1}::integer) as m on m % ${accountsOfUser}::integer = a.k
        join held h on h.place = (floor(${literal(drawn("'first' || a.n"))} * h.instruments)::integer
          + m / ${accountsOfUser}::integer) % h.instruments
      on conflict do nothing
      returning p.id
    )
    select (select count(*) from new_users)::integer as users,
      (select count(*) from new_accounts)::integer as accounts,
      (select count(*) from new_positions)::integer as positions`
  const [report] = yield* Schema.decodeUnknownEffect(Schema.Tuple([LoadDataReport]))(rows)
  return report
})
