/** COPY ... TO STDOUT: a query whose rows are sent as lines. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { characters } from "../../data-api/Limits.ts"
import * as Backend from "../protocol/BackendMessages.ts"
import type { ClientSocket } from "../protocol/ClientSocket.ts"
import type { Session } from "../session/ClientSession.ts"
import { query } from "../session/RowStatements.ts"
import type { Rows, StatementOutcome } from "../session/StatementOutcome.ts"
import { type ClientStatement, clientPosition, statementOf } from "../statement/ClientStatement.ts"
import { refusal, refusedText } from "../statement/Refused.ts"
import { binaryRow, header, trailer } from "./CopyBinary.ts"
import { copiedColumns } from "./CopyColumns.ts"
import { copyEncoding } from "./CopyEncoding.ts"
import type { CopyStatement } from "./CopyStatement.ts"
import { rowWriter } from "./CopyText.ts"

/** The query whose rows are copied. */
const queryOf = Effect.fnUntraced(function* (session: Session, copy: CopyStatement) {
  const { query, table = "" } = copy
  if (query !== undefined) return query
  const names = yield* copiedColumns(session, copy)
  // COPY copies a table's own rows, not those of its children.
  return `select ${names.join(", ")} from only ${table.replace(/^only\s+/i, "")}`
})

/** Runs the query whose rows are copied. */
export const openCopy = Effect.fnUntraced(function* (session: Session, client: ClientStatement, copy: CopyStatement) {
  const before = characters(client.sql.slice(0, copy.queryAt))
  const own = { origin: (position: number) => clientPosition(client, before + position) }
  const statement = { ...statementOf(yield* queryOf(session, copy)), ...(copy.query === undefined ? {} : own) }
  // PostgreSQL refuses it: sends it for PostgreSQL's own error.
  if (statement.returnsRows !== true) {
    yield* session.send({ sql: client.sql, positionOf: (position) => clientPosition(client, position) })
    return yield* refusal("0A000", "COPY query must have a RETURNING clause")
  }
  return yield* query(session, statement, undefined, undefined, () => copy.options.format === "binary")
})

/** Sends the rows, and returns how many there were. */
export const sendCopy = Effect.fnUntraced(function* (
  session: Session,
  socket: ClientSocket,
  copy: CopyStatement,
  { columns = [], encoded, more, rows }: StatementOutcome
) {
  const { options } = copy
  const encoding = copyEncoding(session, copy)
  const isBinary = options.format === "binary"
  const names = columns.map(({ name }) => name)
  const types = columns.map(({ typeOid }) => typeOid)
  const line = rowWriter(options, names)
  const textBytes = (text: string) => Result.mapError(encoding.encode(text), refusedText)
  const bytesOf = (row: Rows[number]) =>
    isBinary ? binaryRow(row, types, encoded, session.settings.encoding) : textBytes(line(row))
  socket.send(Backend.copyOutResponse(isBinary ? "binary" : "text", columns.length))
  // PostgreSQL sends the header in one message with the first row.
  let lead: Uint8Array = isBinary ? header : new Uint8Array(0)
  if (options.header && !isBinary) {
    // FORCE_QUOTE does not apply to the header.
    const named = rowWriter({ ...options, forceQuote: [] }, names)
    socket.send(Backend.copyData(yield* Effect.fromResult(textBytes(named(names)))))
  }
  let count = 0
  for (let page = rows; page.length > 0; page = more === undefined ? [] : yield* more.next) {
    for (const row of page) {
      const bytes = yield* Effect.fromResult(bytesOf(row))
      if (socket.send(Backend.copyData(lead.length > 0 ? Buffer.concat([lead, bytes]) : bytes))) yield* socket.flush
      lead = new Uint8Array(0)
    }
    count += page.length
  }
  if (isBinary) socket.send(Backend.copyData(Buffer.concat([lead, trailer])))
  socket.send(Backend.copyDone)
  return count
})
