/** Cursors that a client declares, and FETCH in parts that the service can return. */
import * as Effect from "effect/Effect"
import { nextPageRows } from "../../../data-api/Limits.ts"
import type { FieldDescription } from "../../protocol/BackendMessages.ts"
import { Refused } from "../../statement/Refused.ts"
import { readRow } from "../../statement/Wrapped.ts"
import type { Call, Session } from "../ClientSession.ts"
import type { MoreRows, Rows } from "../StatementOutcome.ts"
import { largestOf, textsOf } from "./Cursors.ts"

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

/** The refusal of a part that is too large says what a client can do about it. */
const withAdvice = (error: Refused): Refused =>
  error.fields.code === "54000"
    ? new Refused({
        ...error,
        fields: { ...error.fields, hint: "Fetch fewer rows at a time: these are larger than those before." }
      })
    : error

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
    return Effect.map(Effect.mapError(session.send(callOf(size)), withAdvice), (response) => {
      const texts = textsOf(response)
      left = texts.length < size ? 0 : left - size
      cursor.largest = Math.max(cursor.largest, largestOf(texts))
      // A part that was short on purpose says nothing against longer ones.
      cursor.part = nextPageRows(size < cursor.part ? cursor.part / 8 : size, cursor.largest)
      return texts.map(cursor.columns.length === 0 ? () => [] : readRow)
    })
  })
  return { next }
}
