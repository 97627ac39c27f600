/** Statements that the Data API can't run, or only in a transaction, since it has no sessions. Pure. */
import { isTemporary } from "../../data-api/statement/StatementKind.ts"
import type { ClientStatement } from "./ClientStatement.ts"

const inTransaction = "Use it within a transaction (BEGIN ... COMMIT), or start the gateway with --session."

const isMadeTemporary = ({ kind, words }: ClientStatement): boolean =>
  (words[0] === "create" || kind === "other") && isTemporary(words)

/** Why a statement is not supported, and what to do instead. */
export interface Lack {
  readonly message: string
  readonly hint: string
}

/** Statements that are never supported. */
export const neverSupported = ({ kind, words }: ClientStatement): Lack | undefined => {
  if (kind === "listen" && words[0] === "listen") {
    return {
      message: "LISTEN is not supported through the Data API: no notification ever arrives",
      hint: "Read a table at intervals, or connect to the database itself."
    }
  }
  if (kind === "prepareTransaction") {
    return {
      message: "PREPARE TRANSACTION is not supported through the Data API",
      hint: "Use COMMIT."
    }
  }
  return undefined
}

/** Statements that are supported only in a transaction. */
export const outsideSupported = (statement: ClientStatement): Lack | undefined => {
  if (isMadeTemporary(statement)) {
    return {
      message: "temporary objects are gone with the statement that creates them, outside of a transaction",
      hint: inTransaction
    }
  }
  if (
    /advisory/i.test(statement.sql) &&
    statement.words.some((word) => /^pg_(?:try_)?advisory_lock(?:_shared)?$/.test(word))
  ) {
    return {
      message: "a session's advisory lock can't be taken in a larger statement outside of a transaction",
      hint: `Take it alone, by SELECT pg_advisory_lock(...). ${inTransaction}`
    }
  }
  return undefined
}

/** What to do about an error that a statement has outside of a transaction alone. */
export const hintOutside = (sqlState: string, sql: string): string | undefined =>
  sqlState === "55000" && /\b(?:curr|last)val\b/i.test(sql)
    ? "Outside of a transaction each statement has a session of its own: use RETURNING, a transaction that holds both statements, or start the gateway with --session."
    : undefined
