/** Streams results of any size in pages through a cursor. No page exceeds the service's limit of 1 MiB for a result. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as SqlError from "effect/sql/SqlError"
import type { ExecuteStatementResponse, Field, OneSession } from "../DataApi.ts"
import { type DataApiError, UnsupportedResult } from "../DataApiError.ts"
import { nextPageRows } from "../Limits.ts"
import { tokenize } from "../statement/SqlLexer.ts"
import { lengthOf } from "../values/Octets.ts"
import type { Row } from "../values/PgValue.ts"
import { type DataApiConnection, failed, type Prepared, rowsOf } from "./DataApiConnection.ts"
import { keyOf } from "./OpenTypes.ts"
import { isRead } from "./ReadOnly.ts"
import { isOverSize, needsCasts, sqlErrorReason, toSqlError } from "./SqlErrors.ts"
import { rememberColumns } from "./StatementTexts.ts"
import { haveChanged, keptSql, restored, type TextColumn, textColumns, textSql } from "./TextColumns.ts"

/** The first page is small, because the size of the rows is not known yet. */
const FIRST_PAGE_ROWS = 16

/** Words of statements for which no scrolling cursor can be declared: those that write or lock rows. */
const excluded = /(?:^| )(?:insert|update|delete|merge|into|for (?:key )?share)(?: |$)/

/**
 * Whether a cursor can be declared for a statement: a query that writes nothing. Any other statement is run in one
 * request, and so is a query that only looks like a write, for example with a column named `into`.
 */
export const isCursorQuery = (sql: string): boolean => {
  const words = tokenize(sql)
    .filter((token) => token.kind === "word")
    .map((token) => sql.slice(token.start, token.end).toLowerCase())
  return /^(?:select|with|values|table)$/.test(words[0] ?? "") && !excluded.test(words.join(" "))
}

/** Octets of a value's text, as the service counts them. */
const textBytes = (field: Field): number => {
  if ("stringValue" in field) return lengthOf(field.stringValue)
  if ("blobValue" in field) return 2 + 2 * field.blobValue.length
  if ("arrayValue" in field) return lengthOf(JSON.stringify(field.arrayValue))
  return 24
}

/** Octets of a row as the service counts them: 2, plus for each column 4 and its text. */
const rowBytes = (row: ReadonlyArray<Field>): number => {
  let bytes = 2
  for (const field of row) bytes += 4 + textBytes(field)
  return bytes
}

/** The error of a stream. A page of one row that is too large can't be made smaller, so the message says what to do. */
const failure = (error: DataApiError): SqlError.SqlError =>
  isOverSize(error.reason)
    ? new SqlError.SqlError({
        reason: sqlErrorReason(error, `${error.reason.message} A single row exceeds it: select its columns in parts.`)
      })
    : toSqlError(error)

/** The failure for a value that can't be returned after other rows were already emitted. */
const tooLate = () =>
  failed(
    new UnsupportedResult({
      message:
        "A value that the Data API can't return, such as an infinite date, came after rows that were emitted: run the stream again, or cast the column to text."
    })
  )

/** The failure of a page that is too large, and may not be read again in parts. */
const unrepeatable = () =>
  failed(
    new UnsupportedResult({
      message:
        "A page of the result is too large, and is not read again, since a view calls a function that may write, or the failure has aborted the transaction: read fewer rows at a time."
    })
  )

interface Position {
  /** Rows read so far. */
  readonly read: number
  /** Rows that the next page asks for. */
  readonly page: number
}

let cursors = 0

type Page = readonly [pages: ReadonlyArray<ExecuteStatementResponse>, next: Option.Option<Position>]

/** A cursor within a connection's transaction. */
class Cursor {
  readonly #connection: DataApiConnection
  readonly #sql: string
  readonly #params: ReadonlyArray<unknown>
  /** Whether the transaction was begun for this cursor only. */
  readonly #alone: boolean
  readonly #name = `alex_stream_${++cursors}`
  readonly #prepared: Prepared | undefined
  readonly #key: string
  /** Whether the words name a function that may write. No savepoint then undoes what it wrote. */
  readonly #once: boolean
  #columns: ReadonlyArray<TextColumn> | undefined

  constructor(connection: DataApiConnection, sql: string, params: ReadonlyArray<unknown>, alone: boolean) {
    this.#connection = connection
    this.#sql = sql
    this.#params = params
    this.#alone = alone
    this.#once = !isRead(sql)
    this.#prepared = Result.getOrUndefined(connection.prepare(sql, params))
    this.#key = keyOf({ connection, parameters: this.#prepared?.parameters ?? [] })
    this.#columns = this.#prepared?.statement.columns.get(this.#key)
  }

  #send(statement: string) {
    return this.#connection.run(statement, [])
  }

  readonly #declare = Effect.fnUntraced({ self: this }, function* (this: Cursor) {
    const query = this.#columns === undefined ? keptSql(this.#sql) : textSql(this.#sql, this.#columns)
    // SCROLL, so that a page that is too large can be read again in parts.
    yield* this.#connection.run(`DECLARE ${this.#name} SCROLL CURSOR FOR ${query}`, this.#params)
    if (this.#alone && !this.#once) yield* this.#send(`SAVEPOINT ${this.#name}`)
  })

  #remember(columns: ReadonlyArray<TextColumn> | undefined): void {
    if (this.#prepared !== undefined) rememberColumns(this.#prepared.statement, this.#key, columns)
  }

  /** Declares the cursor with the columns of the last run, or without them if they have changed since. */
  readonly #declareAgain = Effect.fnUntraced({ self: this }, function* (this: Cursor) {
    if (this.#columns === undefined) return yield* this.#declare()
    if (this.#alone) yield* this.#send(`SAVEPOINT ${this.#name}`)
    yield* Effect.catch(this.#declare(), (error) => {
      if (!haveChanged(error.reason)) return Effect.fail(error)
      this.#columns = undefined
      this.#remember(undefined)
      return this.#alone
        ? Effect.andThen(this.#send(`ROLLBACK TO SAVEPOINT ${this.#name}`), this.#declare())
        : Effect.fail(error)
    })
  })

  readonly #open = Effect.fnUntraced({ self: this }, function* (this: Cursor) {
    yield* this.#declareAgain()
    if (this.#once && this.#columns === undefined) yield* this.#declareText()
  })

  /** Declares the cursor, and closes it with the scope. */
  open() {
    return Effect.andThen(
      this.#open(),
      this.#alone ? Effect.void : Effect.addFinalizer(() => Effect.ignore(this.#send(`CLOSE ${this.#name}`)))
    )
  }

  /** Moves the cursor back to the start of a page that failed, whose rows are then made again, unless they are kept. */
  readonly #goBack = Effect.fnUntraced({ self: this }, function* (this: Cursor, read: number, error: DataApiError) {
    if (!this.#once) {
      // It is not documented whether the failed page aborts the transaction; the savepoint repairs it if so.
      if (this.#alone) yield* this.#send(`ROLLBACK TO SAVEPOINT ${this.#name}`)
      const isUndone = this.#alone && read === 0
      const mayRepeat = isUndone || (this.#prepared && (yield* this.#connection.mayRunTwice(this.#prepared, false)))
      if (!mayRepeat) return yield* isOverSize(error.reason) ? unrepeatable() : error
    }
    yield* this.#send(`MOVE ABSOLUTE ${read} FROM ${this.#name}`)
    this.#connection.repaired(error)
  })

  /**
   * Moves the cursor back, so that a page that was too large is read in parts. PostgreSQL keeps the rows of a CTE if any
   * function in it is volatile, that of a view included. A savepoint would undo what such a function wrote.
   */
  #readInParts(read: number, error: DataApiError) {
    return Effect.matchEffect(this.#send(`MOVE ABSOLUTE ${read} FROM ${this.#name}`), {
      onFailure: () => this.#goBack(read, error),
      onSuccess: () => Effect.sync(() => this.#connection.repaired(error))
    })
  }

  /** Declares the cursor again, if it has columns that can't be returned, with these cast to text. */
  readonly #declareText = Effect.fnUntraced({ self: this }, function* (this: Cursor, rowsRead = 0) {
    // FETCH of 0 rows before the first row returns only the columns.
    const { columnMetadata = [] } = yield* this.#send(`FETCH FORWARD 0 FROM ${this.#name}`)
    const columns = textColumns(columnMetadata)
    if (columns === undefined) return false
    this.#remember(columns)
    // The rows may have changed; the columns are cached for the next run.
    if (rowsRead > 0) return yield* tooLate()
    this.#columns = columns
    yield* this.#send(`CLOSE ${this.#name}`)
    yield* this.#declare()
    return true
  })

  #pageOf(answer: ExecuteStatementResponse, { page, read }: Position): Page {
    const pages = [this.#columns === undefined ? answer : restored(answer, this.#columns)]
    const records = answer.records ?? []
    if (records.length < page) return [pages, Option.none()]
    let largest = 1
    for (const record of records) largest = Math.max(largest, rowBytes(record))
    return [pages, Option.some({ read: read + records.length, page: nextPageRows(page, largest) })]
  }

  /** Reads a page. */
  fetch(position: Position): Effect.Effect<Page, DataApiError> {
    const { page, read } = position
    return this.#send(`FETCH FORWARD ${page} FROM ${this.#name}`).pipe(
      Effect.map((answer) => this.#pageOf(answer, position)),
      Effect.catch((error) => {
        if (isOverSize(error.reason) && page > 1) {
          const smaller = { read, page: Math.max(1, Math.floor(page / 4)) }
          return Effect.andThen(this.#readInParts(read, error), this.fetch(smaller))
        }
        if (!needsCasts(error.reason) || this.#columns !== undefined || this.#once) return Effect.fail(error)
        const declared = Effect.andThen(this.#goBack(0, error), this.#declareText(read))
        return Effect.flatMap(declared, (may) => (may ? this.fetch(position) : Effect.fail(error)))
      })
    )
  }
}

type Pages = Stream.Stream<ExecuteStatementResponse, SqlError.SqlError>

/** The own transaction of a stream. */
export interface OwnTransaction {
  readonly commit: Effect.Effect<void, SqlError.SqlError>
  readonly rollBack: Effect.Effect<void>
  readonly session: OneSession | undefined
}

/**
 * Makes the effect that reads the next page of a cursor. The own transaction ends with the last page, before its rows are
 * emitted, so that a consumer holds none open while it works on them.
 */
const reader = (cursor: Cursor, own: OwnTransaction | undefined) => {
  let position: Position = { read: 0, page: FIRST_PAGE_ROWS }
  return Effect.suspend(() => Effect.mapError(cursor.fetch(position), failure)).pipe(
    Effect.map(([pages, next]) => {
      if (Option.isSome(next)) position = next.value
      return [pages, Option.isNone(next)] as const
    }),
    Effect.tap(([, isLast]) => (isLast && own !== undefined ? own.commit : Effect.void))
  )
}

/**
 * The result of a query, read in pages through a cursor within the connection's transaction. There is at least one page.
 *
 * @param own The transaction, if it was begun for this cursor only.
 */
export const readPages = (
  connection: DataApiConnection,
  sql: string,
  params: ReadonlyArray<unknown>,
  own?: OwnTransaction
): Pages => {
  const cursor = new Cursor(connection, sql, params, own !== undefined)
  const next = reader(cursor, own)
  const held = own?.session?.hold(next, own.rollBack) ?? Effect.succeed(next)
  return Stream.unwrap(
    Effect.map(Effect.andThen(Effect.mapError(cursor.open(), failure), held), (read) =>
      Stream.paginate(undefined, () =>
        Effect.map(read, ([pages, isLast]) => [pages, isLast ? Option.none() : Option.some(undefined)] as const)
      )
    )
  )
}

/** The rows of pages. */
export const rowsOfPages = (connection: DataApiConnection, pages: Pages): Stream.Stream<Row, SqlError.SqlError> =>
  pages.pipe(
    Stream.mapEffect((page) => Effect.mapError(Effect.fromResult(rowsOf(page)), (error) => connection.sqlError(error))),
    Stream.filter(Arr.isReadonlyArrayNonEmpty),
    Stream.flattenArray
  )

/** All pages as one response. */
export const joinPages = (pages: Pages): Effect.Effect<ExecuteStatementResponse, SqlError.SqlError> =>
  Effect.map(Stream.runCollect(pages), (all) => ({ ...all[0], records: all.flatMap(({ records = [] }) => records) }))
