/**
 * Writes many rows in few requests: the rows are sent as one JSON parameter, which the database converts to rows of the
 * table's types. Works on any `SqlClient` of PostgreSQL.
 */

import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"
import { MAX_REQUEST_BYTES, REQUEST_OVERHEAD_BYTES } from "../Limits.ts"
import { unquotedName } from "../statement/Quoting.ts"
import { lengthOf } from "../values/Octets.ts"
import { encodeJson, encodeRows, type Row } from "../values/PgValue.ts"

/** Bytes of rows in the JSON of one request. */
const CHUNK_BYTES = MAX_REQUEST_BYTES - REQUEST_OVERHEAD_BYTES - 64 * 1024

/** Bytes of rows per request with `returning`: a result holds 1 MiB, and returned rows may have more columns. */
const RETURNING_CHUNK_BYTES = 256 * 1024

/** How rows are inserted. */
export interface InsertOptions {
  /** What to do if a row with the same values in `columns` exists: nothing, or update its other columns. */
  readonly onConflict?: { readonly columns: ReadonlyArray<string>; readonly action: "nothing" | "update" } | undefined
  /** The columns of the inserted or updated rows to return; `"*"` for all. None by default. */
  readonly returning?: ReadonlyArray<string> | "*" | undefined
}

/** The result of a write. */
export interface WriteResult {
  /** Rows inserted, updated or deleted. */
  readonly count: number
  /** The rows that `returning` asked for; otherwise empty. */
  readonly rows: ReadonlyArray<Row>
}

/** The error of a wrong call, which fails before anything is sent. */
export const misuse = (operation: string, message: string): SqlError.SqlError =>
  new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause: new Error(message), message, operation }) })

/** The column's name in the database. The client may transform the program's name. */
export const columnName = (sql: SqlClient.SqlClient, column: string): string =>
  unquotedName(sql`${sql(column)}`.compile()[0])

/** Joins fragments with a separator. */
export const separated = (
  sql: SqlClient.SqlClient,
  separator: string,
  fragments: ReadonlyArray<Statement.Fragment>
): Statement.Fragment =>
  fragments
    .slice(1)
    .reduce<Statement.Fragment>(
      (joined, fragment) => sql`${joined}${sql.literal(separator)}${fragment}`,
      fragments[0] ?? sql.literal("")
    )

/** The quoted column names, separated by commas. */
export const identifiers = (sql: SqlClient.SqlClient, columns: ReadonlyArray<string>): Statement.Fragment =>
  separated(
    sql,
    ", ",
    columns.map((column) => sql`${sql(column)}`)
  )

interface Chunk {
  readonly json: string
  readonly bytes: number
}

/** Why the rows do not all have the same columns; undefined if they do. */
const differing = (keys: ReadonlyArray<string>, rows: ReadonlyArray<object>): string | undefined => {
  for (const [index, row] of rows.entries()) {
    const members = Object.keys(row)
    if (members.length === keys.length && members.every((member, at) => member === keys[at])) continue
    const missing = keys.find((key) => !members.includes(key))
    if (missing !== undefined) return `Row ${index} has no "${missing}", which row 0 has.`
    const added = members.find((member) => !keys.includes(member))
    if (added !== undefined) return `Row ${index} has "${added}", which row 0 does not have.`
  }
  return undefined
}

/** Packs rows into as few JSON arrays as the limit allows. */
const pack = (rows: ReadonlyArray<object>, limit: number): Result.Result<ReadonlyArray<Chunk>, string> => {
  const all = encodeJson(rows)
  if (Result.isFailure(all)) return Result.fail(`The rows can't be sent: ${all.failure.message}.`)
  // A character takes at most 3 bytes in UTF-8, or 2 if the JSON string around the array escapes it.
  const longest = 3 * all.success.length
  if (longest <= limit) return Result.succeed([{ json: all.success, bytes: longest }])
  const texts = rows.map((row) => JSON.stringify(row))
  const chunks: Array<Chunk> = []
  let start = 0
  let bytes = 0
  for (const [index, text] of texts.entries()) {
    const size = lengthOf(JSON.stringify(text)) + 1
    if (size > CHUNK_BYTES) return Result.fail(`Row ${index} has ${size} bytes, more than the Data API takes at once.`)
    if (bytes + size > limit && index > start) {
      chunks.push({ json: `[${texts.slice(start, index).join(",")}]`, bytes })
      start = index
      bytes = 0
    }
    bytes += size
  }
  chunks.push({ json: `[${texts.slice(start).join(",")}]`, bytes })
  return Result.succeed(chunks)
}

/**
 * Runs a statement that writes, and returns its rows or their number.
 *
 * @errors SqlError
 */
export const written = (
  sql: SqlClient.SqlClient,
  statement: Statement.Fragment,
  returning: ReadonlyArray<string> | "*" | undefined,
  table?: string
): Effect.Effect<WriteResult, SqlError.SqlError> => {
  // The statement may have other relations with the same column names.
  const qualifier = table === undefined ? sql.literal("") : sql.literal(`${table}.`)
  return returning === undefined
    ? Effect.map(
        sql<{ count: number }>`with written as (${statement} returning 1) select count(*)::int4 as count from written`,
        (rows) => ({ count: rows[0]?.count ?? 0, rows: [] })
      )
    : Effect.map(
        sql`${statement} returning ${
          returning === "*"
            ? sql`${qualifier}*`
            : separated(
                sql,
                ", ",
                returning.map((column) => sql`${qualifier}${sql(column)}`)
              )
        }`,
        (rows) => ({ count: rows.length, rows })
      )
}

/**
 * Inserts or upserts rows: in one request if they fit into 4 MiB, otherwise in as few as possible, within one
 * transaction. Either all rows are written or none.
 *
 * All rows have the same members, which are columns of the table. Values need no casts: a string goes into a `uuid`, a
 * `timestamptz` or an enum column, an array into an array column, any value into a json column. A column whose domain
 * refuses NULL must be among the members, even if it has a default.
 *
 * @errors SqlError
 *
 * @example
 * ```ts
 * import { Bulk } from "alex-database/data-api"
 *
 * const load = Bulk.insert(
 *   "instruments",
 *   [
 *     { symbol: "VTI", name: "Total US Market", current_price: "215.30" },
 *     { symbol: "BND", name: "Total US Bonds", current_price: "72.10" }
 *   ],
 *   { onConflict: { columns: ["symbol"], action: "update" } }
 * ) // { count: 2, rows: [] }
 * ```
 */
export const insert = Effect.fn("Bulk.insert")(function* (
  table: string,
  rows: ReadonlyArray<Readonly<Record<string, unknown>>>,
  options: InsertOptions = {}
): Effect.fn.Return<WriteResult, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const first = rows[0]
  if (first === undefined) return { count: 0, rows: [] }
  const keys = Object.keys(first)
  if (keys.length === 0) return yield* misuse("insert", `The rows for ${table} have no columns.`)
  const difference = differing(keys, rows)
  if (difference !== undefined) return yield* misuse("insert", difference)
  const names = keys.map((key) => columnName(sql, key))
  const limit = options.returning === undefined ? CHUNK_BYTES : RETURNING_CHUNK_BYTES
  const encoded = encodeRows(keys, names, rows)
  if (Result.isFailure(encoded)) return yield* misuse("insert", `A value can't be sent: ${encoded.failure.message}.`)
  const chunks = pack(encoded.success, limit)
  if (Result.isFailure(chunks)) return yield* misuse("insert", chunks.failure)

  const { onConflict, returning } = options
  const updated = onConflict === undefined ? [] : keys.filter((key) => !onConflict.columns.includes(key))
  const conflict =
    onConflict === undefined
      ? sql.literal("")
      : onConflict.action === "nothing" || updated.length === 0
        ? sql` on conflict (${identifiers(sql, onConflict.columns)}) do nothing`
        : sql` on conflict (${identifiers(sql, onConflict.columns)}) do update set ${separated(
            sql,
            ", ",
            updated.map((column) => sql`${sql(column)} = excluded.${sql(column)}`)
          )}`
  const columns = identifiers(sql, keys)
  const send = (chunk: Chunk) =>
    written(
      sql,
      sql`insert into ${sql(table)} (${columns}) select ${columns} from json_populate_recordset(null::${sql(table)}, ${chunk.json}::json)${conflict}`,
      returning
    )
  const sendAll = Effect.map(Effect.forEach(chunks.success, send), (parts) => ({
    count: parts.reduce((sum, part) => sum + part.count, 0),
    rows: parts.flatMap((part) => part.rows)
  }))
  // The returned rows may exceed the limit of a result after they are written; only a transaction then undoes that.
  const whole =
    chunks.success.length > 1 || (options.returning !== undefined && (chunks.success[0]?.bytes ?? 0) > 65_536)
  return yield* whole ? sql.withTransaction(sendAll) : sendAll
})
