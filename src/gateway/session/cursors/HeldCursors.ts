/**
 * Cursors WITH HOLD, which outlive their transaction. The service does not keep them, so the gateway reads the rows at
 * once and stores them.
 */
import * as Effect from "effect/Effect"
import type { FieldDescription } from "../../protocol/BackendMessages.ts"
import type { ClientStatement } from "../../statement/ClientStatement.ts"
import { commandTag } from "../../statement/CommandTag.ts"
import { type Refused, refusal } from "../../statement/Refused.ts"
import type { Row, Rows, StatementOutcome } from "../StatementOutcome.ts"
import { type Move, moveOf } from "./CursorMove.ts"

/** The largest size of one cursor's rows, in characters. */
const MAX_HELD = 64 * 1024 * 1024

export interface HeldCursor {
  readonly columns: ReadonlyArray<FieldDescription>
  readonly rows: Rows
  readonly scrolls: boolean
  /** 0 before the first row, 1 on the first row, and the number of rows plus 1 after the last. */
  position: number
  /** An error has made it useless, but for CLOSE. */
  broken: boolean
}

export type HeldCursors = Map<string, HeldCursor>

/** Whether DECLARE says WITH HOLD. */
export const isHeld = ({ words }: ClientStatement): boolean => {
  const at = words.slice(0, words.indexOf("for")).indexOf("hold")
  return at > 0 && words[at - 1] === "with"
}

const sizeOf = (row: Row): number => row.reduce((size, value) => size + (value?.length ?? 0) + 16, 0)

/** Reads all rows of an outcome into a cursor. */
export const hold = Effect.fnUntraced(function* ({ columns = [], more, rows }: StatementOutcome, scrolls: boolean) {
  const all: Array<Row> = []
  let size = 0
  for (let page = rows; page.length > 0; page = more === undefined ? [] : yield* more.next) {
    for (const row of page) {
      size += sizeOf(row)
      all.push(row)
    }
    if (size > MAX_HELD) {
      return yield* refusal(
        "54000",
        "the rows of a cursor WITH HOLD take more than 64 MiB",
        "Use a cursor without HOLD in a transaction."
      )
    }
  }
  const cursor: HeldCursor = { columns, rows: all, scrolls, position: 0, broken: false }
  return cursor
})

/** The rows that a move passes, and the position after it. */
const passed = ({ position, rows }: HeldCursor, move: Move): { readonly rows: Rows; readonly position: number } => {
  const after = rows.length + 1
  if ("count" in move) {
    const { count } = move
    if (count === 0) return { rows: rows.slice(Math.max(0, position - 1), position), position }
    if (count > 0) return { rows: rows.slice(position, position + count), position: Math.min(position + count, after) }
    const first = Math.max(position + count, 0)
    return { rows: rows.slice(Math.max(first - 1, 0), Math.max(position - 1, 0)).reverse(), position: first }
  }
  const to = "by" in move ? position + move.by : move.to < 0 ? after + move.to : move.to
  const at = Math.min(Math.max(to, 0), after)
  return { rows: at === 0 ? [] : rows.slice(at - 1, at), position: at }
}

/** Whether PostgreSQL takes a move for one backwards: also one over 0 rows that reads the row again that it is on. */
const goesBack = ({ position, rows }: HeldCursor, move: Move, reads: boolean): boolean => {
  if ("by" in move) return move.by < 0
  if ("to" in move) return move.to < 0 || (position > 0 && move.to <= position)
  if (move.count !== 0) return move.count < 0
  return reads && (Object.is(move.count, -0) || (position > 0 && position <= rows.length))
}

/** FETCH and MOVE. */
export const fetchHeld = (
  cursor: HeldCursor,
  name: string,
  statement: ClientStatement
): Effect.Effect<StatementOutcome, Refused> => {
  const move = moveOf(statement)
  if (move === undefined) return Effect.fail(refusal("42601", `syntax error at or near "${statement.words[1]}"`))
  if (cursor.broken) return Effect.fail(refusal("55000", `portal "${name}" cannot be run`))
  const moves = statement.words[0] === "move"
  if (!cursor.scrolls && goesBack(cursor, move, !moves)) {
    cursor.broken = true
    const hint = "Declare it with SCROLL option to enable backward scan."
    return Effect.fail(refusal("55000", "cursor can only scan forward", hint))
  }
  const { position, rows } = passed(cursor, move)
  cursor.position = position
  return Effect.succeed({
    columns: moves ? undefined : cursor.columns,
    rows: moves ? [] : rows,
    tag: () => commandTag(statement.words, rows.length)
  })
}
