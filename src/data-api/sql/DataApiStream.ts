/** Results of any size, page by page through a cursor: no page exceeds the 1 MiB that the service returns at once. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as SqlError from "effect/sql/SqlError"
import type { Field } from "../DataApi.ts"
import type { DataApiError } from "../DataApiError.ts"
import { tokenize } from "../statement/SqlLexer.ts"
import type { Row } from "../values/PgValue.ts"
import { type DataApiConnection, rowsOf } from "./DataApiConnection.ts"
import { isOverSize, sqlErrorReason, toSqlError } from "./SqlErrors.ts"

/** Half of the service's limit of 1,048,576 octets for a result. */
const PAGE_BYTES = 524_288
/** So many rows of a few octets keep a page's memory within reason. */
const PAGE_ROWS = 20_000
/** The first page is small: nothing is known of the rows yet. */
const FIRST_PAGE_ROWS = 16

/** Words of statements that a scrolling cursor can't be declared for: those that write, and those that lock rows. */
const excluded = /(?:^| )(?:insert|update|delete|merge|into|for (?:key )?share)(?: |$)/

/**
 * Whether a cursor can be declared for a statement: a query that writes nothing. Anything else is run as it is.
 *
 * The decision is by words, and errs to the side of running: a query with a column named `into` is one request.
 */
export const isCursorQuery = (sql: string): boolean => {
  const words = tokenize(sql)
    .filter((token) => token.kind === "word")
    .map((token) => sql.slice(token.start, token.end).toLowerCase())
  return /^(?:select|with|values|table)$/.test(words[0] ?? "") && !excluded.test(words.join(" "))
}

/** Octets of a value's text, by which the service counts a result's size. */
const textBytes = (field: Field): number => {
  if ("stringValue" in field) return Buffer.byteLength(field.stringValue)
  if ("blobValue" in field) return 2 + 2 * field.blobValue.length
  if ("arrayValue" in field) return Buffer.byteLength(JSON.stringify(field.arrayValue))
  return 24
}

/** The size of a row as the service counts it: 2, and 4 and the octets of the text for each column. */
const rowBytes = (row: ReadonlyArray<Field>): number => {
  let bytes = 2
  for (const field of row) bytes += 4 + textBytes(field)
  return bytes
}

/** A page of one row can't be made smaller. */
const failure = (error: DataApiError): SqlError.SqlError =>
  isOverSize(error.reason)
    ? new SqlError.SqlError({
        reason: sqlErrorReason(error, `${error.reason.message} A single row exceeds it: select its columns in parts.`)
      })
    : toSqlError(error)

interface Position {
  /** Rows read so far. */
  readonly read: number
  /** Rows that the next page asks for. */
  readonly page: number
}

let cursors = 0

/**
 * The rows of a query, read through a cursor within the connection's transaction.
 *
 * @param holder `own`: the transaction is there for this stream alone.
 */
export const streamRows = (
  connection: DataApiConnection,
  sql: string,
  params: ReadonlyArray<unknown>,
  holder: "own" | "given"
): Stream.Stream<Row, SqlError.SqlError> => {
  const cursor = `alex_stream_${++cursors}`
  const send = (statement: string) => connection.run(statement, [])

  /** After a page that was too large: back to where it began. */
  const goBack = Effect.fnUntraced(function* (read: number, error: DataApiError) {
    // Whether the failed page has aborted the transaction is the service's secret; this repairs it if so.
    if (holder === "own") yield* send(`ROLLBACK TO SAVEPOINT ${cursor}`)
    yield* send(`MOVE ABSOLUTE ${read} FROM ${cursor}`)
    connection.repaired(error)
  })

  type Page = readonly [rows: ReadonlyArray<Row>, next: Option.Option<Position>]
  const fetch = ({ page, read }: Position): Effect.Effect<Page, DataApiError> =>
    send(`FETCH FORWARD ${page} FROM ${cursor}`).pipe(
      Effect.flatMap((answer): Effect.Effect<Page, DataApiError> => {
        const rows = rowsOf(answer)
        if (Result.isFailure(rows)) return Effect.fail(rows.failure)
        const records = answer.records ?? []
        if (records.length < page) return Effect.succeed([rows.success, Option.none()])
        let largest = 1
        for (const record of records) largest = Math.max(largest, rowBytes(record))
        const fitting = Math.max(1, Math.floor(PAGE_BYTES / largest))
        return Effect.succeed([
          rows.success,
          Option.some({ read: read + records.length, page: Math.min(fitting, page * 8, PAGE_ROWS) })
        ])
      }),
      Effect.catchIf(
        (error) => isOverSize(error.reason) && page > 1,
        (error) => Effect.andThen(goBack(read, error), fetch({ read, page: Math.max(1, Math.floor(page / 4)) }))
      )
    )

  const open = Effect.gen(function* () {
    // SCROLL, so that a page that was too large can be read again in parts.
    yield* connection.run(`DECLARE ${cursor} SCROLL CURSOR FOR ${sql}`, params)
    if (holder === "own") yield* send(`SAVEPOINT ${cursor}`)
    else yield* Effect.addFinalizer(() => Effect.ignore(send(`CLOSE ${cursor}`)))
  })

  return Stream.unwrap(Effect.as(open, Stream.paginate({ read: 0, page: FIRST_PAGE_ROWS }, fetch))).pipe(
    Stream.mapError(failure)
  )
}
