/** Runs statements that return rows of any type, and statements that are sent unchanged. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ExecuteStatementResponse, SqlParameter } from "../../data-api/DataApi.ts"
import { characters } from "../../data-api/Limits.ts"
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import { listJson } from "../../data-api/statement/PackedLists.ts"
import { fromNumbered, parameterName } from "../../data-api/statement/Placeholders.ts"
import { tokenize } from "../../data-api/statement/SqlLexer.ts"
import { kindOf } from "../../data-api/statement/StatementKind.ts"
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import { type ClientStatement, clientPosition } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import type { Description } from "../statement/DescribeSql.ts"
import { positionIn } from "../statement/ErrorPosition.ts"
import { responseColumns, responseRows } from "../statement/FieldText.ts"
import { listOf } from "../statement/ListedArrays.ts"
import { changedResult, Refused, refusal } from "../statement/Refused.ts"
import { sentText } from "../statement/SentText.ts"
import { hasOtherColumns, readRow, type SentColumns, type Wrapped, withColumns, wrap } from "../statement/Wrapped.ts"
import { isWritten } from "../values/BinaryForms.ts"
import type { Call, Session } from "./ClientSession.ts"
import { isOverSize, throughCursor } from "./cursors/Cursors.ts"
import type { Rows, StatementOutcome } from "./StatementOutcome.ts"
import { sendQuery } from "./settings/SettledRead.ts"

/** The values of a statement's parameters, and its description. */
export interface Bound {
  readonly description: Description
  readonly values: ReadonlyArray<string | null>
  /** Whether the client wants a column in binary. */
  readonly isBinary: (column: number) => boolean
  /** What stands for the statement in questions, if the client has not seen the description. */
  readonly question?: ClientStatement
}

/** The text that the service sends to PostgreSQL, with `$1` and so on for its placeholders. */
const asServer = (sql: string): string => {
  let count = 0
  return tokenize(sql)
    .map(({ end, kind, start }) => (kind === "placeholder" ? `$${++count}` : sql.slice(start, end)))
    .join("")
}

const parameterOf = (value: string | null, index: number): SqlParameter => ({
  name: parameterName(index),
  value: value === null ? { isNull: true } : { stringValue: value }
})

/** An error at a word of a statement, or at none (-1). */
export const refusedAt = (
  statement: ClientStatement,
  word: number,
  code: string,
  message: string,
  hint?: string
): Refused => {
  const position = word === -1 ? undefined : characters(statement.sql.slice(0, statement.starts[word])) + 1
  return new Refused({
    fields: { severity: "ERROR", code, message, hint, position: clientPosition(statement, position) }
  })
}

/** The error of a statement with more parameters than values. */
const noParameter = (statement: ClientStatement, values: number): Refused => {
  const { words } = statement
  const at = words.findIndex((word) => /^\$\d+$/.test(word) && Number(word.slice(1)) > values)
  return refusedAt(statement, at, "42P02", `there is no parameter ${words[at] ?? `$${values + 1}`}`)
}

/** The error of a name with a colon, which the service would read as a parameter; a slice of an array may have one. */
const namedParameter = (statement: ClientStatement): Refused => {
  let brackets = 0
  const at = statement.words.findIndex((word) => {
    if (word === "[") brackets++
    else if (word === "]") brackets--
    return brackets === 0 && /^:\w/.test(word)
  })
  return refusedAt(statement, at, "42601", `syntax error at or near ":"`, "Parameters are written $1, $2.")
}

/** The syntax error of a statement that the service would read as one with named parameters; undefined of any other. */
export const namedFault = (statement: ClientStatement): Refused | undefined =>
  /(?:^|[^:]):\w/.test(statement.sql) && Result.isFailure(fromNumbered(statement.sql))
    ? namedParameter(statement)
    : undefined

/** The call for a statement, wrapped or not. */
export const callOf = (
  statement: ClientStatement,
  wrapped: Wrapped,
  bound: Bound | undefined
): Effect.Effect<Call, Refused> => {
  const casts = bound?.description.casts
  const values = bound?.values ?? []
  const asList = values.map((value, index) => listOf(casts?.[index], value))
  const arrays = asList.flatMap((list, index) => (list === undefined ? [] : [index]))
  const text = sentText(statement, wrapped, casts, arrays)
  if (Result.isFailure(text)) {
    return Effect.fail(namedParameter(statement))
  }
  const { count, listed, lists, sql, used } = text.success
  if (count > values.length) {
    return Effect.fail(noParameter(statement, values.length))
  }
  const positionOf = (position: number): number | undefined => {
    // A packed list has other words than the client's.
    if (lists.length > 0) return undefined
    return clientPosition(
      statement,
      positionIn(statement.sql, asServer(sql).slice(wrapped.prefix), position - wrapped.prefix)
    )
  }
  // JSON can't hold it, and PostgreSQL would name the JSON.
  if (lists.length > 0 && values.some((value) => value?.includes("\0") === true)) {
    return Effect.fail(refusal("22021", `invalid byte sequence for encoding "UTF8": 0x00`))
  }
  const parameters = values
    .map((value, index) => parameterOf((listed ? asList[index] : undefined) ?? value, index))
    .filter((_, index) => used.has(index))
  const packed = lists.map((list): SqlParameter => {
    const json = listJson(list, (value) => values[value] ?? null)
    return { name: list.name, value: { stringValue: json } }
  })
  return Effect.succeed({ sql, parameters: [...parameters, ...packed], positionOf })
}

const wordsOf = ({ starts, tail, words }: ClientStatement): ReadonlyArray<string> =>
  tail === 0 ? words : words.slice(starts.indexOf(tail))

/** PostgreSQL's error at the closing semicolon, which the service never gets. */
export const atTerminator = (error: Refused, { gap }: ClientStatement): Refused => {
  const { code, message, position } = error.fields
  if (code !== "42601" || gap === undefined || !message.endsWith(" at end of input")) return error
  const fields = {
    ...error.fields,
    message: message.replace(/ at end of input$/, ' at or near ";"'),
    position: position === undefined ? undefined : position + characters(gap)
  }
  return new Refused({ ...error, fields })
}

/** PostgreSQL's refusal in a read-only transaction, which names the command that the statement is wrapped in. */
const ofCommand = (error: Refused, { kind }: ClientStatement, [command = ""]: ReadonlyArray<string>): Refused => {
  if (kind !== "write" || error.fields.code !== "25006") return error
  const message = error.fields.message.replace(/\bSELECT\b/, command.toUpperCase())
  return new Refused({ ...error, fields: { ...error.fields, message } })
}

const changesNames = ({ kind, sql, words }: ClientStatement): boolean =>
  kind === "write" ? words.includes("set_config") : kindOf(sql).changesNames

/** Sends a statement as the client wrote it, and returns the service's values as text. */
export const asItIs = Effect.fnUntraced(function* (session: Session, statement: ClientStatement, bound?: Bound) {
  const call = yield* callOf(statement, { sql: statement.sql, prefix: 0 }, bound)
  const response = yield* Effect.mapError(session.send(call), (error) => atTerminator(error, statement))
  if (changesNames(statement)) session.noteNames(statement.sql)
  const columns = responseColumns(response)
  const words = wordsOf(statement)
  const outcome: StatementOutcome = {
    columns,
    rows: responseRows(response),
    tag: (rows) => commandTag(words, columns === undefined ? (response.numberOfRecordsUpdated ?? 0) : rows)
  }
  return outcome
})

/** The rows of a response to a wrapped statement. */
export const wrappedRows = ({ records }: ExecuteStatementResponse): Rows =>
  (records ?? []).map(([field]) => (field !== undefined && "stringValue" in field ? readRow(field.stringValue) : []))

/** The text of a row without columns is read as one NULL. */
const fitting = (columns: ReadonlyArray<FieldDescription>, rows: Rows): Rows =>
  columns.length === 0 ? rows.map(() => []) : rows

const isStale = (columns: ReadonlyArray<FieldDescription>, [row]: Rows): boolean =>
  row !== undefined && row.length !== Math.max(1, columns.length)

/** Whether the session's settings give texts that the gateway can convert to binary. */
const hasPlainTexts = ({ settings }: Session): boolean =>
  !settings.values.has("bytea_output") &&
  Number(settings.values.get("extra_float_digits") ?? 1) > 0 &&
  settings.current("datestyle").startsWith("ISO")

/** The columns whose binary form PostgreSQL must write, since the gateway can't. */
const sentColumns = (
  session: Session,
  { columns = [], sends }: Description,
  isBinary: (column: number) => boolean
): SentColumns | undefined => {
  const plain = hasPlainTexts(session)
  const functions = new Map<number, string>()
  for (const [index, { typeOid }] of columns.entries()) {
    const send = sends[index]
    if (send !== undefined && isBinary(index) && !(plain && isWritten(typeOid))) functions.set(index, send)
  }
  return functions.size === 0 ? undefined : { count: columns.length, functions }
}

const nothingBinary = () => false

/** Outside of a transaction, has a statement that writes refused before it runs where its columns are others by now. */
const counted = (
  { transaction }: Session,
  { kind, tail }: ClientStatement,
  wrapped: Wrapped,
  { columns }: Description
) =>
  transaction === undefined && (kind === "write" || tail > 0) ? withColumns(wrapped, columns?.length ?? 0) : wrapped

const hasRun = (): Refused =>
  new Refused({
    fields: {
      severity: "ERROR",
      code: "0A000",
      message: "the columns of the result changed while the statement ran",
      hint: "The statement has run, and any changes it made are kept. Prepare it again."
    }
  })

/** Runs a statement that was refused for its columns, which were asked for too long ago. */
const queryOnceMore = (session: Session, statement: ClientStatement): Effect.Effect<StatementOutcome, Refused> =>
  Effect.suspend(() => {
    session.forgetNames()
    return query(session, statement)
  })

/** Runs a statement that returns rows. */
export const query = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  bound?: Bound,
  described?: Description,
  isBinary = bound?.isBinary ?? nothingBinary
) {
  const types = bound?.description.parameters.map(String) ?? []
  const answer = bound?.description ?? described ?? (yield* session.describe(statement, []))
  // PostgreSQL can't run it either, and its own error has the position.
  if (answer === "unknown" || "sqlState" in answer) {
    if (session.transaction === undefined && session.needsTransaction(statement)) yield* session.begin(true)
    return yield* asItIs(session, statement, bound)
  }
  const written = sentColumns(session, answer, isBinary)
  const call = yield* callOf(statement, counted(session, statement, wrap(statement, written), answer), bound)
  const sent = yield* Effect.result(sendQuery(session, statement, call))
  const words = wordsOf(statement)
  const encoded = new Set(written?.functions.keys())
  const tag = (rows: number) => commandTag(words, rows)
  if (Result.isFailure(sent)) {
    if (hasOtherColumns(sent.failure.fields)) {
      if (bound !== undefined || described !== undefined) return yield* changedResult()
      return yield* queryOnceMore(session, statement)
    }
    if (!isOverSize(sent.failure) || statement.kind !== "query" || statement.tail > 0)
      return yield* ofCommand(sent.failure, statement, words)
    const { first, more } = yield* throughCursor(session, call, sent.failure)
    return { columns: answer.columns, rows: first, more, encoded, tag } satisfies StatementOutcome
  }
  const rows = wrappedRows(sent.success)
  let columns = answer.columns ?? []
  if (isStale(columns, rows)) {
    // The client already has a description with other columns.
    if (bound !== undefined && bound.question === undefined)
      return yield* session.transaction === undefined && !isRead(statement.sql) ? hasRun() : changedResult()
    session.forgetNames()
    const again = yield* session.describe(bound?.question ?? statement, types)
    if (again !== "unknown" && !("sqlState" in again)) columns = again.columns ?? []
    if (isStale(columns, rows)) return yield* hasRun()
  }
  return { columns, rows: fitting(columns, rows), encoded, tag } satisfies StatementOutcome
})
