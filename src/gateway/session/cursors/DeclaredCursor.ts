/** Cursors that a client declares, and FETCH in parts that the service can return. */
import * as Effect from "effect/Effect"
import { nextPageRows } from "../../../data-api/Limits.ts"
import type { FieldDescription } from "../../protocol/BackendMessages.ts"
import type { Refused } from "../../statement/Refused.ts"
import type { Call, Session } from "../ClientSession.ts"
import { wrappedRows, wrappedSize } from "../RowStatements.ts"
import type { MoreRows, Rows } from "../StatementOutcome.ts"

/** The first part is small, because the size of the rows is not known yet. */
const FIRST_ROWS = 4

export interface DeclaredCursor {
  readonly columns: ReadonlyArray<FieldDescription>
  /** The rows of the next part at most. */
  part: number
  /** The bytes of the largest row so far. */
  largest: number
}

export const declaredCursor = (columns: ReadonlyArray<FieldDescription>): DeclaredCursor => ({
  columns,
  part: FIRST_ROWS,
  largest: 1
})

/**
 * Reads the rows of a FETCH in parts, each of which fits into a response as far as the rows before tell. A part that
 * does not fit can't be read again: a cursor does not go back with a savepoint.
 *
 * @param count How many rows; negative for those before.
 * @param callOf The call for a part of so many rows.
 */
export const fetchParts = (
  session: Session,
  cursor: DeclaredCursor,
  count: number,
  callOf: (rows: number) => Call
): MoreRows => {
  let left = Math.abs(count)
  const next: Effect.Effect<Rows, Refused> = Effect.suspend(() => {
    if (left === 0) return Effect.succeed<Rows>([])
    const size = Math.min(left, cursor.part)
    return Effect.map(session.send(callOf(size)), (response) => {
      const rows = wrappedRows(response)
      left = rows.length < size ? 0 : left - size
      cursor.largest = Math.max(cursor.largest, wrappedSize(response))
      // A part that was short on purpose says nothing against longer ones.
      cursor.part = nextPageRows(size < cursor.part ? cursor.part / 8 : size, cursor.largest)
      return cursor.columns.length === 0 ? rows.map(() => []) : rows
    })
  })
  return { next }
}
