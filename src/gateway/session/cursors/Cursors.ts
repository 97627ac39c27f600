/** Reads results of any size page by page, through a cursor. */
import * as Effect from "effect/Effect"
import type { ExecuteStatementResponse } from "../../../data-api/DataApi.ts"
import { nextPageRows } from "../../../data-api/Limits.ts"
import { changesNothing } from "../../../data-api/sql/ReadOnly.ts"
import { type Refused, refusedBy } from "../../statement/Refused.ts"
import { readRow } from "../../statement/Wrapped.ts"
import type { Call, Session } from "../ClientSession.ts"
import type { MoreRows, Rows } from "../StatementOutcome.ts"

/** The first page is small, because the size of the rows is not known yet. */
const FIRST_PAGE_ROWS = 64

let cursors = 0

/** The texts of the rows of a wrapped statement. */
export const textsOf = ({ records }: ExecuteStatementResponse): ReadonlyArray<string> =>
  (records ?? []).map(([field]) => (field !== undefined && "stringValue" in field ? field.stringValue : "()"))

/** The bytes of the largest row, as the service counts them. */
export const largestOf = (texts: ReadonlyArray<string>): number =>
  texts.reduce((largest, text) => Math.max(largest, Buffer.byteLength(text) + 6), 1)

/** Reads the rows of a wrapped statement through a cursor in the session's transaction. */
export const openCursor = Effect.fnUntraced(function* (session: Session, call: Call) {
  const cursor = `alex_gateway_cursor_${++cursors}`
  const savepoint = session.transaction?.implicit === true
  yield* session.send({ ...call, sql: `declare ${cursor} scroll cursor for ${call.sql}` })
  if (savepoint) yield* session.send({ sql: `savepoint ${cursor}` })
  let read = 0
  let page = FIRST_PAGE_ROWS
  let ended = false

  /** After a page that was too large, moves the cursor back to the start of the page. */
  const goBack = Effect.fnUntraced(function* () {
    if (savepoint) yield* session.call({ sql: `rollback to savepoint ${cursor}` })
    yield* session.call({ sql: `move absolute ${read} from ${cursor}` })
    if (session.transaction !== undefined) session.transaction.failed = false
  })

  const fetch: Effect.Effect<ReadonlyArray<string>, Refused> = Effect.suspend(() => {
    const size = page
    return session.call({ sql: `fetch forward ${size} from ${cursor}` }).pipe(
      Effect.map((response) => {
        const texts = textsOf(response)
        ended = texts.length < size
        read += texts.length
        page = nextPageRows(size, largestOf(texts))
        return texts
      }),
      Effect.catch((error): Effect.Effect<ReadonlyArray<string>, Refused> => {
        if (error.reason._tag !== "UnsupportedResult" || size === 1) return Effect.fail(refusedBy(error))
        page = Math.max(1, Math.floor(size / 4))
        return Effect.andThen(
          Effect.mapError(goBack(), (cause) => refusedBy(cause)),
          fetch
        )
      })
    )
  })

  const next: Effect.Effect<Rows, Refused> = Effect.suspend(() =>
    ended
      ? Effect.succeed<Rows>([])
      : Effect.flatMap(fetch, (texts) =>
          ended
            ? Effect.as(Effect.ignore(session.call({ sql: `close ${cursor}` })), texts.map(readRow))
            : Effect.succeed(texts.map(readRow))
        )
  )
  return { next } satisfies MoreRows
})

/** Whether a result was too large for one response. */
export const isOverSize = ({ fields }: Refused): boolean => fields.code === "54000"

/**
 * Reads a result that was too large for one response, through a cursor.
 *
 * The statement has already run, and whatever it wrote may stand: only one that changes nothing runs again.
 */
export const throughCursor = Effect.fnUntraced(function* (session: Session, call: Call, tooLarge: Refused) {
  const { transaction } = session
  if (transaction === undefined) yield* session.begin(true)
  // The service does not say whether the failure aborted the transaction: a statement will show it.
  else transaction.failed = false
  const mayRepeat = yield* changesNothing(
    call.sql,
    false,
    (prefix) => session.send({ ...call, sql: prefix + call.sql }),
    (sql, parameters) => session.send({ sql, parameters }),
    isOverSize
  )
  if (!mayRepeat) {
    if (transaction !== undefined) transaction.failed = true
    return yield* tooLarge
  }
  const more = yield* openCursor(session, call)
  return { first: yield* more.next, more }
})
