/** Copies one database into another: a backup that is restored while it is read. */
import { type Context, Effect, Random, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { Target } from "../database/Target.ts"
import { type BackupOptions, refuse, withSource } from "./Backup.ts"
import { type RestoreOptions, restore } from "./restore/Restore.ts"

const Free = Schema.Tuple([Schema.Struct({ free: Schema.Boolean })])

/**
 * Refuses a target that is the source under another name: the restore would wait for the transaction that reads. An
 * advisory lock of that transaction shows it.
 */
const refuseItself = Effect.fnUntraced(function* (to: Context.Context<SqlClient.SqlClient | Target>) {
  const key = String(yield* Random.nextInt)
  const reading = yield* SqlClient.SqlClient
  yield* reading`select pg_catalog.pg_advisory_xact_lock(${key}::text::int8)::text as taken`
  return yield* Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql`select pg_catalog.pg_try_advisory_xact_lock(${key}::text::int8) as free`
    const [{ free }] = yield* Schema.decodeUnknownEffect(Free)(rows)
    if (!free) return yield* refuse("it is the database that the rows are read from", "Name another one")
  }).pipe(Effect.provideContext(to), Effect.provideService(SqlClient.BeginTransaction, undefined))
})

/**
 * Copies rows from another database into the current one, and keeps only the rows in transit. The target gets all of
 * them or, whatever happens, stays as it was.
 *
 * @param from The other database.
 * @errors BackupRefused, MigrationFailed, MigrationRefused, MigrationsUnreadable, RestoreDiffers, RowsRefused,
 * RepositoryError
 *
 * @example
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { CopyDatabase, DbConfig, DbLayer } from "alex-database"
 *
 * const main = Effect.gen(function* () {
 *   const from = yield* Layer.build(DbLayer.layerOf(yield* DbConfig.loadPostgres()))
 *   return yield* CopyDatabase.copy(from)
 * }).pipe(Effect.provide(DbLayer.layerEmbedded()), Effect.provide(NodeServices.layer), Effect.scoped)
 * ```
 */
export const copy = Effect.fn("CopyDatabase.copy")(function* (
  from: Context.Context<SqlClient.SqlClient | Target>,
  options: BackupOptions & Omit<RestoreOptions, "resume"> = {}
) {
  const to = yield* Effect.context<SqlClient.SqlClient | Target>()
  return yield* withSource(options, (source) =>
    Effect.gen(function* () {
      yield* refuseItself(to)
      const reading = yield* Effect.context<SqlClient.SqlClient>()
      const rows = Stream.provideContext(source.rows, reading)
      return yield* restore({ ...source, rows }, options).pipe(
        Effect.provideContext(to),
        // The target's transaction must not be read-only.
        Effect.provideService(SqlClient.BeginTransaction, undefined)
      )
    })
  ).pipe(Effect.provideContext(from))
})
