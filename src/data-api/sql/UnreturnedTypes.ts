/** Sends statements whose results have types that the Data API can't return in a form that it can. */
import * as Effect from "effect/Effect"
import type { ExecuteStatementResponse } from "../DataApi.ts"
import { because, type DataApiError, UnsupportedResult } from "../DataApiError.ts"
import { isCursorQuery } from "./DataApiStream.ts"
import { type Call, keyOf, learnColumns } from "./OpenTypes.ts"
import { isInfinite, needsCasts } from "./SqlErrors.ts"
import { rememberColumns, type ServiceText } from "./StatementTexts.ts"
import {
  haveChanged,
  restored,
  restoredWrite,
  shapeSql,
  temporal,
  textColumns,
  textSql,
  writtenSql
} from "./TextColumns.ts"
import type { InferredType } from "./TypeLookup.ts"

type Sent = Effect.Effect<ExecuteStatementResponse, DataApiError>

/** A statement to send, without the form of its text. */
export interface Send extends Call {
  readonly continueAfterTimeout: boolean
}

const sendAs = ({ connection, continueAfterTimeout, parameters, statement }: Send, text: ServiceText, sql: string) =>
  connection.send(statement.kind, { ...text, sql }, parameters, continueAfterTimeout)

/** Sends a query again, with the columns that could not be returned cast to text. */
const withTextColumns = (send: Send, text: ServiceText, error: DataApiError): Sent => {
  const { connection, statement } = send
  return Effect.matchEffect(sendAs(send, text, shapeSql(text.sql)), {
    onFailure: () => Effect.fail(error),
    onSuccess: ({ columnMetadata = [] }) => {
      const columns = textColumns(columnMetadata)
      if (columns === undefined) return Effect.fail(error)
      // This query succeeded, so the failure has not aborted the transaction.
      connection.repaired(error)
      rememberColumns(statement, keyOf(send), columns)
      return Effect.map(sendAs(send, text, textSql(text.sql, columns)), (response) => restored(response, columns))
    }
  })
}

/** Whether a write has returned an infinite date or time, or may itself store the one that it returns. */
const mayBeInfinite = ({ parameters, statement }: Send): boolean =>
  statement.returnedInfinite ||
  /infinity/i.test(statement.sql) ||
  parameters.some(({ value }) => "stringValue" in value && /infinity/i.test(value.stringValue))

/** The types of a write's result, if the service can't return some of them. */
const unreturnedColumns = (send: Send, text: ServiceText): ReadonlyArray<string> | undefined => {
  const results = text.learnt?.lookup?.results
  if (results === undefined || !send.statement.kind.returnsWritten) return undefined
  return results.some(({ isReturned }) => !isReturned) ||
    (results.some(({ name }) => temporal.test(name)) && mayBeInfinite(send))
    ? results.map(({ name }) => name)
    : undefined
}

/** Lets the next run of a query that may not run again at once return its columns. */
const rememberNamed = (send: Send, results: ReadonlyArray<InferredType>): void => {
  const named = results.flatMap(({ column, name }) =>
    column === undefined ? [] : [{ label: column, name: column, typeName: name }]
  )
  // A write in WITH may not stand in another WITH.
  if (named.length < results.length || !isCursorQuery(send.statement.sql)) return
  rememberColumns(send.statement, keyOf(send), textColumns(named))
}

/** Lets the next run return its columns, and adds those of types that can't be returned to the message of a failure. */
const named = (send: Send, text: ServiceText, error: DataApiError): Sent => {
  const { connection, statement } = send
  const { reason } = error
  const { kind } = statement
  return Effect.flatMap(learnColumns(send, text), (results = []) => {
    rememberNamed(send, results)
    if (reason._tag !== "UnsupportedResult") return Effect.fail(error)
    const columns = results.flatMap(({ column, isReturned, name }, index) =>
      isReturned ? [] : [`column ${column === undefined ? index + 1 : `"${column}"`} is of type ${name}`]
    )
    const where = columns.length === 0 ? "" : ` In the result ${columns.join(", ")}.`
    const ran =
      kind.returnsWritten && connection.transaction === undefined ? " The statement took effect: do not repeat it." : ""
    const more = where + ran
    // A cursor identifies the failure that it recovers from.
    return Effect.fail(
      more === "" ? error : because(error, new UnsupportedResult({ message: `${reason.message}${more}` }))
    )
  })
}

/** Recovers from a result that could not be returned; only a query that changes nothing may run again. */
const recovered = (send: Send, text: ServiceText, error: DataApiError): Sent => {
  const { connection, statement } = send
  const { reason } = error
  statement.returnedInfinite ||= isInfinite(reason)
  if (!needsCasts(reason)) return Effect.fail(error)
  return Effect.flatMap(connection.mayRunTwice(send, true), (may) => {
    // The service's failure may as well be one of its own: nothing is asked that would not help.
    const helps = isCursorQuery(statement.sql)
      ? !may
      : statement.kind.returnsWritten && text.learnt?.lookup?.results === undefined
    const explained = (failure: DataApiError) =>
      needsCasts(failure.reason) && (helps || !isInfinite(failure.reason))
        ? named(send, text, failure)
        : Effect.fail(failure)
    return may ? Effect.catch(withTextColumns(send, text, error), explained) : explained(error)
  })
}

/** Sends a statement in a form whose result the service can return. */
export const sendReturned = (send: Send, text: ServiceText): Sent => {
  const { connection, statement } = send
  const written = unreturnedColumns(send, text)
  if (written !== undefined) {
    return Effect.matchEffect(sendAs(send, text, writtenSql(text.sql, written)), {
      onSuccess: (response) => Effect.succeed(restoredWrite(response, written)),
      // PostgreSQL does not allow every write in WITH (0A000). Such a statement has not run.
      onFailure: (error) =>
        error.sqlState === "0A000" && connection.transaction === undefined
          ? Effect.catch(sendAs(send, text, text.sql), (failure) => recovered(send, text, failure))
          : Effect.fail(error)
    })
  }
  // What a placeholder alone returns has the type of its value.
  const key = statement.columns.size === 0 ? "" : keyOf(send)
  const columns = statement.columns.get(key)
  const plain = Effect.catch(sendAs(send, text, text.sql), (error) => recovered(send, text, error))
  if (columns === undefined) return plain
  return Effect.matchEffect(sendAs(send, text, textSql(text.sql, columns)), {
    onSuccess: (response) => Effect.succeed(restored(response, columns)),
    onFailure: (error) => {
      // The plain form may succeed.
      if (!haveChanged(error.reason)) return Effect.fail(error)
      rememberColumns(statement, key, undefined)
      return connection.transaction === undefined ? plain : Effect.fail(error)
    }
  })
}
