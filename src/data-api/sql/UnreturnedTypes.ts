/** Statements whose results are of types that the Data API does not return: retried in another form. */
import * as Effect from "effect/Effect"
import type { ExecuteStatementResponse } from "../DataApi.ts"
import { DataApiError, UnsupportedResult } from "../DataApiError.ts"
import type { PgParameter } from "../values/PgValue.ts"
import type { DataApiConnection } from "./DataApiConnection.ts"
import { learnColumns } from "./OpenTypes.ts"
import { isRead } from "./ReadOnly.ts"
import { isInfinite, isUnreturned } from "./SqlErrors.ts"
import type { KnownStatement, ServiceText } from "./StatementTexts.ts"
import { restored, restoredWrite, shapeSql, textColumns, textSql, writtenSql } from "./TextColumns.ts"

type Sent = Effect.Effect<ExecuteStatementResponse, DataApiError>

/** How a statement's parameters are sent in one form of its text. */
export interface Send {
  readonly connection: DataApiConnection
  readonly statement: KnownStatement
  readonly parameters: ReadonlyArray<PgParameter>
  readonly continueAfterTimeout: boolean
}

const sendAs = ({ connection, continueAfterTimeout, parameters, statement }: Send, text: ServiceText, sql: string) =>
  connection.send(statement.kind, { ...text, sql }, parameters, continueAfterTimeout)

/** A query that can be repeated is sent with the columns as text that could not be returned. */
const withTextColumns = (send: Send, text: ServiceText, error: DataApiError): Sent => {
  const { connection, statement } = send
  if ((!isInfinite(error.reason) && !isUnreturned(error.reason)) || !isRead(statement.sql)) return Effect.fail(error)
  return Effect.matchEffect(sendAs(send, text, shapeSql(text.sql)), {
    onFailure: () => Effect.fail(error),
    onSuccess: ({ columnMetadata = [] }) => {
      const columns = textColumns(columnMetadata)
      if (columns === undefined) return Effect.fail(error)
      // Had the failure aborted a transaction, the shape would not have been answered.
      connection.repaired(error)
      statement.columns = columns
      return Effect.map(sendAs(send, text, textSql(text.sql, columns)), (response) => restored(response, columns))
    }
  })
}

/** What a write returns, where some of it could not be returned. */
const unreturnedColumns = (statement: KnownStatement, text: ServiceText): ReadonlyArray<string> | undefined => {
  const results = text.learnt?.lookup?.results
  return results !== undefined && statement.kind.returnsWritten && results.some(({ isReturned }) => !isReturned)
    ? results.map(({ name }) => name)
    : undefined
}

/** The same failure, which says which columns it is about. */
const named = (send: Send, text: ServiceText, error: DataApiError): Sent => {
  const { connection, parameters, statement } = send
  const { operation, reason, requestId } = error
  if (reason._tag !== "UnsupportedResult" || !isUnreturned(reason)) return Effect.fail(error)
  return Effect.flatMap(learnColumns(connection, statement, parameters, text), (results = []) => {
    const columns = results.flatMap(({ column, isReturned, name }, index) =>
      isReturned ? [] : [`column ${column === undefined ? index + 1 : `"${column}"`} is of type ${name}`]
    )
    const where = columns.length === 0 ? "" : ` In the result, ${columns.join(", ")}.`
    const ran =
      statement.kind.returnsWritten && connection.transaction === undefined
        ? " The statement took effect: do not repeat it."
        : ""
    const message = `${reason.message}${where}${ran}`
    const explained = { operation, reason: new UnsupportedResult({ message }) }
    return Effect.fail(new DataApiError(requestId === undefined ? explained : { ...explained, requestId }))
  })
}

/** Sends a statement in the form in which its results come back. */
export const sendReturned = (send: Send, text: ServiceText): Sent => {
  const { connection, statement } = send
  const written = unreturnedColumns(statement, text)
  if (written !== undefined) {
    return Effect.matchEffect(sendAs(send, text, writtenSql(text.sql, written)), {
      onSuccess: (response) => Effect.succeed(restoredWrite(response, written)),
      // Not every write may stand in WITH. It has not run then.
      onFailure: (error) =>
        error.reason._tag === "DatabaseError" && error.reason.sqlState === "0A000" && !connection.transaction
          ? Effect.catch(sendAs(send, text, text.sql), (failure) => named(send, text, failure))
          : Effect.fail(error)
    })
  }
  const { columns } = statement
  const plain = Effect.catch(sendAs(send, text, text.sql), (error) =>
    Effect.catch(withTextColumns(send, text, error), (failure) => named(send, text, failure))
  )
  if (columns === undefined) return plain
  return Effect.matchEffect(sendAs(send, text, textSql(text.sql, columns)), {
    onSuccess: (response) => Effect.succeed(restored(response, columns)),
    onFailure: (error) => {
      // A failure that the other form would not have, because the columns are no longer these.
      const sqlState = error.reason._tag === "DatabaseError" ? error.reason.sqlState : undefined
      if (sqlState !== "42601" && !isUnreturned(error.reason) && !isInfinite(error.reason)) return Effect.fail(error)
      statement.columns = undefined
      return connection.transaction === undefined ? plain : Effect.fail(error)
    }
  })
}
