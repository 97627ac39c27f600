/**
 * `SqlClient` and `PgClient` over `@effect/sql-pg`, with parameters that mean the same as over the Data API: a
 * `BigDecimal` (`numeric`) and a plain object (`jsonb`) too, alone or in arrays, which `@effect/sql-pg` itself refuses
 * to guess.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as BigDecimal from "effect/BigDecimal"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { ofSqlState } from "./data-api/FailureTable.ts"
import type { PostgresTarget } from "./data-api/postgres/PostgresUrl.ts"
import { rolledBack } from "./data-api/sql/TransactionState.ts"
import { parseJson } from "./data-api/values/SoundJson.ts"

/** Keeps all digits and the scale: 1.50 stays 1.50. */
const decimalText = ({ scale, value }: BigDecimal.BigDecimal): string => `${value}e${-scale}`

const isPlainObject = (value: unknown): value is object => {
  if (typeof value !== "object" || value === null || PgTypes.isParameter(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether the first element that is not null is of this kind. */
const isArrayOf = (value: unknown, kind: Predicate.Predicate<unknown>): value is ReadonlyArray<unknown> =>
  Array.isArray(value) && kind(value.find(Predicate.isNotNullish))

const arrayOf = (values: ReadonlyArray<unknown>, oid: number): unknown =>
  Result.getOrElse(PgTypes.array(values, oid), () => values)

const typed = (value: unknown): unknown => {
  if (BigDecimal.isBigDecimal(value)) return PgTypes.numeric(decimalText(value))
  if (isPlainObject(value)) return PgTypes.jsonb(value)
  if (isArrayOf(value, BigDecimal.isBigDecimal)) {
    return arrayOf(
      value.map((element) => (BigDecimal.isBigDecimal(element) ? decimalText(element) : element)),
      PgTypes.OID.numeric
    )
  }
  return isArrayOf(value, isPlainObject) ? arrayOf(value, PgTypes.OID.jsonb) : value
}

/** A type's codec that reads JSON after `prefix` bytes, and writes it as `@effect/sql-pg` does. */
const jsonCodec = (oid: number, prefix: number): PgTypes.Codec<unknown> => {
  const read = (bytes: Uint8Array, offset: number, size: number) => {
    const { buffer, byteOffset } = bytes
    const text = Buffer.from(buffer, byteOffset + offset + prefix, size - prefix).toString("utf8")
    return Result.mapError(
      Result.try(() => parseJson(text)),
      () => new PgTypes.CodecError({ message: "The server sent a value of a JSON type that is no JSON" })
    )
  }
  return {
    encode: (value) => PgTypes.encode(value, oid),
    decode: (bytes) => read(bytes, 0, bytes.length),
    read
  }
}

/** The types of `@effect/sql-pg`, with JSON read by {@link parseJson}, which avoids a fault of `JSON.parse`. */
const withSoundJson = (): PgTypes.Registry => {
  const registry = PgTypes.makeRegistry()
  const { json, jsonArray, jsonb, jsonbArray } = PgTypes.OID
  registry.register(json, jsonCodec(json, 0), { arrayOid: jsonArray })
  registry.register(jsonb, jsonCodec(jsonb, 1), { arrayOid: jsonbArray })
  return registry
}

/**
 * Reports a connection that could not be opened, or that the server closed, as `ConnectionError`, as over the Data API.
 */
const withConnectionErrors = (error: SqlError.SqlError): SqlError.SqlError => {
  const { cause, message, operation } = error.reason
  const state = Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : ""
  return error.reason._tag === "UnknownError" && ofSqlState(state).sqlError === "ConnectionError"
    ? new SqlError.SqlError({ reason: new SqlError.ConnectionError({ cause, message, operation }) })
    : error
}

/** An error of severity ERROR leaves the connection open: it is about another one, such as that of a foreign table. */
const isLost = ({ reason: { _tag, cause } }: SqlError.SqlError): boolean =>
  _tag === "ConnectionError" &&
  !(Predicate.hasProperty(cause, "severityUnlocalized") && cause.severityUnlocalized === "ERROR")

/** Statements that end a transaction or a savepoint; losing the connection has ended both already. */
const endsPart = /^(?:ROLLBACK|RELEASE)\b/

/** Wraps connections, and remembers which ones were lost. */
class Connections {
  readonly #lost = new WeakSet<SqlConnection.Connection>()

  /** `effect/sql` sends no ROLLBACK where this is false; a ROLLBACK that fails would become a defect. */
  readonly isOpen = (connection: SqlConnection.Connection): boolean => !this.#lost.has(connection)

  readonly withTypedParameters = (connection: SqlConnection.Connection): SqlConnection.Connection => {
    const described = (error: SqlError.SqlError): SqlError.SqlError => {
      const failure = withConnectionErrors(error)
      if (isLost(failure)) this.#lost.add(client)
      return failure
    }
    const client: SqlConnection.Connection = {
      execute: (sql, params, transform) => {
        const ran = Effect.mapError(connection.execute(sql, params.map(typed), transform), described)
        return endsPart.test(sql) ? Effect.catchIf(ran, isLost, () => Effect.succeed([])) : ran
      },
      executeRaw: (sql, params) => Effect.mapError(connection.executeRaw(sql, params.map(typed)), described),
      executeStream: (sql, params, transform) =>
        Stream.mapError(connection.executeStream(sql, params.map(typed), transform), described),
      executeValues: (sql, params) => Effect.mapError(connection.executeValues(sql, params.map(typed)), described),
      executeValuesUnprepared: (sql, params) =>
        Effect.mapError(connection.executeValuesUnprepared(sql, params.map(typed)), described),
      executeUnprepared: (sql, params, transform) =>
        Effect.mapError(connection.executeUnprepared(sql, params.map(typed), transform), described)
    }
    return client
  }
}

/** PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK, and with no error. */
const commit = (connection: SqlConnection.Connection): Effect.Effect<void, SqlError.SqlError> =>
  Effect.flatMap(connection.executeRaw("COMMIT", []), (answer) => {
    if (!Predicate.hasProperty(answer, "command") || answer.command !== "ROLLBACK") return Effect.void
    const message = `${rolledBack}.`
    const reason = new SqlError.UnknownError({ cause: new Error(message), message, operation: "commit" })
    return Effect.fail(new SqlError.SqlError({ reason }))
  })

/** `@effect/sql-pg` takes `prefer` and `allow` only in a URL; all other settings are passed by name. */
const withoutTlsToo = Redacted.make("postgres://?sslmode=prefer")

/**
 * The client's configuration for a target. Every setting is passed by name, so that nothing else decides where it
 * connects. TLS is used where `sslmode` asks for it, and then the server's certificate is verified.
 *
 * @example
 * ```ts
 * import * as PostgresSql from "alex-database/postgres"
 *
 * const config = PostgresSql.configOf({ host: "localhost", port: 5432, user: "ann", database: "alex" })
 * ```
 */
export const configOf = (target: PostgresTarget): PgClient.PgPoolConfig => ({
  host: target.host,
  port: target.port,
  path: target.host.startsWith("/") ? `${target.host}/.s.PGSQL.${target.port}` : undefined,
  database: target.database,
  username: target.user,
  password: target.password,
  applicationName: target.applicationName,
  startupOptions: target.options,
  connectTimeout:
    target.connectTimeout === undefined
      ? undefined
      : target.connectTimeout === 0
        ? Duration.infinity
        : Duration.seconds(target.connectTimeout),
  ...tlsOf(target.sslmode)
})

const tlsOf = (sslmode: PostgresTarget["sslmode"]): Pick<PgClient.PgPoolConfig, "ssl" | "url"> => {
  if (sslmode === "prefer" || sslmode === "allow") return { url: withoutTlsToo }
  return { ssl: sslmode !== undefined && sslmode !== "disable" }
}

const make = Effect.fnUntraced(function* (config: PgClient.PgPoolConfig) {
  const pg = yield* Effect.mapError(
    PgClient.make({ ...config, types: config.types ?? withSoundJson() }),
    withConnectionErrors
  )
  const connections = new Connections()
  const client = yield* SqlClient.make({
    acquirer: Effect.mapBoth(pg.reserve, {
      onFailure: withConnectionErrors,
      onSuccess: connections.withTypedParameters
    }),
    isTransaction: connections.isOpen,
    compiler: PgClient.makeCompiler(config.transformQueryNames, config.transformJson),
    driver: "postgres",
    prepareTransactionControls: true,
    commit,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "postgresql"], ...Object.entries(config.spanAttributes ?? {})],
    transformRows:
      config.transformResultNames === undefined
        ? undefined
        : Statement.defaultTransforms(config.transformResultNames, config.transformJson).array
  })
  const { json, listen, notify } = pg
  return Object.assign(client, { [PgClient.TypeId]: PgClient.TypeId, config, json, listen, notify })
})

/**
 * Provides `SqlClient` on a PostgreSQL server, and the `PgClient` of `@effect/sql-pg`, with its `json`, `listen` and
 * `notify`.
 *
 * @errors SqlError when no connection can be had.
 *
 * @example
 * ```ts
 * import { BigDecimal, Effect, Redacted } from "effect"
 * import { SqlClient } from "effect/sql"
 * import * as PostgresSql from "alex-database/postgres"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   return yield* sql`select ${BigDecimal.fromStringUnsafe("12.50")} as price` // [{ price: "12.50" }]
 * }).pipe(Effect.provide(PostgresSql.layer({ url: Redacted.make("postgres://localhost/alex") })))
 * ```
 */
export const layer = (
  config: PgClient.PgPoolConfig
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effectContext(
    Effect.map(make(config), (client) =>
      Context.make(PgClient.PgClient, client).pipe(Context.add(SqlClient.SqlClient, client))
    )
  ).pipe(Layer.provide(Reactivity.layer))
