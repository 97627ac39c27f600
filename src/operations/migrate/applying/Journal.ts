/** The journal: the table in which `migrate` records what it applied. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { journalTable as table } from "../../database/Installation.ts"
import type { Migration } from "../Migration.ts"
import { lockTimeout } from "./LockWait.ts"

/** The key of the advisory lock that lets one runner at a time migrate a database: the letters "alex" as bytes. */
const lock = 0x61_6c_65_78

/**
 * The settings that a migration runs with: a short wait for locks of others, UTC for timestamps without time zone,
 * whatever zone the role or the database has, and a search path with the schema of `uuid_generate_v4`.
 */
export const settings = (sql: SqlClient.SqlClient) => sql`
  select set_config('lock_timeout', ${lockTimeout}::text, true) as patience, set_config('TimeZone', 'UTC', true) as zone,
    set_config('search_path', current_setting('search_path') || coalesce((
      select ', ' || quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace
      where e.extname = 'uuid-ossp' and n.nspname <> all (current_schemas(true))
    ), ''), true) as path`

/** A claim on a migration outside a transaction counts as abandoned after this long. */
const abandonedAfter = "10 minutes"

/** Reads the journal's entry of one migration; `undefined` if there is none. */
export const find = Effect.fnUntraced(function* (migration: Migration) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select applied_at as "appliedAt", duration_ms as "durationMs" from ${sql(table)} where name = ${migration.name}::text`
  const decode = Schema.decodeUnknownEffect(
    Schema.Array(Schema.Struct({ appliedAt: Schema.Date, durationMs: Schema.NullOr(Schema.Int) }))
  )
  return (yield* decode(rows))[0]
})

/** Takes the lock, so that other runners wait until the transaction ends. Must be in a transaction. */
export const takeLock = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  // The function's result is void, which the Data API has not been seen to return, so it is counted; MATERIALIZED keeps
  // the order and the call.
  yield* sql`
    with waiting as materialized (${settings(sql)}),
      locked as materialized (select pg_advisory_xact_lock(${sql.literal(String(lock))}) from waiting)
    select count(*) from locked`
})

/** Takes the lock and creates the journal. Must be in a transaction. */
export const create = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  // Without the lock two concurrent CREATE TABLE would collide in the catalogue, despite IF NOT EXISTS.
  yield* takeLock()
  yield* sql`
    create table if not exists ${sql(table)} (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default clock_timestamp(),
      duration_ms integer,
      version text not null
    )`
})

/**
 * Removes Alex's migrations from the journal; the user's own stay. Must be in the transaction that has taken the lock.
 *
 * @param until Removes entries up to this time, in milliseconds: what another runner writes meanwhile stays.
 */
export const forget = Effect.fnUntraced(function* (until?: Date) {
  const sql = yield* SqlClient.SqlClient
  const written = until === undefined ? sql`true` : sql`applied_at < ${until}::timestamptz + interval '1 millisecond'`
  yield* sql`delete from ${sql(table)} where ${written} and name not like 'own/%'`
})

/** Writes migrations into the journal as applied, without having run them. */
export const mark = Effect.fnUntraced(function* (migrations: ReadonlyArray<Migration>, version: string) {
  const sql = yield* SqlClient.SqlClient
  for (const { checksum, name } of migrations) {
    yield* sql`
      insert into ${sql(table)} (name, checksum, duration_ms, version)
      values (${name}::text, ${checksum}::text, 0, ${version}::text)
      on conflict (name) do update set checksum = excluded.checksum, duration_ms = coalesce(${sql(table)}.duration_ms, 0)`
  }
})

/** Removes a migration from the journal: it counts as pending from then on. */
export const unmark = Effect.fnUntraced(function* (migration: Migration) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`delete from ${sql(table)} where name = ${migration.name}::text`
})

/**
 * Takes the lock and writes a migration into the journal. True if this runner has to apply it; false if it was written
 * already.
 *
 * Must be in a transaction. The lock and the row are one statement: `on conflict` sees what another runner committed
 * while this one waited, which a query in the same snapshot would not.
 */
export const claim = Effect.fnUntraced(function* (migration: Migration, version: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with waiting as materialized (${settings(sql)}),
      locked as materialized (select pg_advisory_xact_lock(${sql.literal(String(lock))}) from waiting)
    insert into ${sql(table)} (name, checksum, duration_ms, version)
    select ${migration.name}::text, ${migration.checksum}::text, 0, ${version}::text from (select count(*) from locked) l
    on conflict (name) do nothing
    returning name`
  return rows.length === 1
})

/** Like `claim`, for a migration outside a transaction; also takes over one that was left unfinished long ago. */
export const claimOutside = Effect.fnUntraced(function* (migration: Migration, version: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    insert into ${sql(table)} (name, checksum, version)
    values (${migration.name}::text, ${migration.checksum}::text, ${version}::text)
    on conflict (name) do update set applied_at = clock_timestamp(), checksum = excluded.checksum
      where ${sql(table)}.duration_ms is null
        and ${sql(table)}.applied_at < clock_timestamp() - interval '${sql.literal(abandonedAfter)}'
    returning name`
  return rows.length === 1
})

/** Gives back a claim made outside a transaction, after a failure. */
export const release = Effect.fnUntraced(function* (migration: Migration) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`delete from ${sql(table)} where name = ${migration.name}::text and duration_ms is null`
})

/** Records how long the migration took by the database's clock, and returns it in milliseconds. */
export const finish = Effect.fnUntraced(function* (migration: Migration) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    update ${sql(table)}
    set duration_ms = ceil(extract(epoch from clock_timestamp() - applied_at) * 1000)::integer
    where name = ${migration.name}::text
    returning duration_ms as "durationMs"`
  const [row] = yield* Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ durationMs: Schema.Int })]))(rows)
  return row.durationMs
})
