/** Cuts lists into pages that fit into an answer. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** How many bytes of JSON an answer may have. */
export const MaxResult = Context.Reference<number>("alex-database/agent/MaxResult", { defaultValue: () => 60_000 })

/** The bytes that are left for the parts of an answer around its lists. */
export const overhead = 1000

/** Where a page ended. */
export const Cursor = Schema.String.annotate({
  description: "Where to go on: what next said on the page before",
  message: "expected the cursor that the page before ended with"
}).pipe(
  Schema.check(
    Schema.isPattern(/^after:[!-~]{1,300}$/u, { message: "expected the cursor that the page before ended with" })
  )
)

/** The cursor behind the entry that has this key in its list: no model makes it up, as it does a number or a name. */
export const cursorOf = (key: string): string => `after:${encodeURIComponent(key)}`

const decoded = Option.liftThrowable(decodeURIComponent)

/** The key in a cursor; `undefined` if it is none that {@link cursorOf} returns. */
export const keyIn = (cursor: string): string | undefined => {
  const key = Option.getOrUndefined(decoded(cursor.replace(/^after:/, "")))
  return key !== undefined && cursorOf(key) === cursor ? key : undefined
}

/** How many to return. */
export const limit = (most: number, otherwise: number) =>
  Schema.Int.annotate({
    description: `How many to return at most, from 1 to ${most}; ${otherwise} by default, and fewer where they do not fit`
  }).pipe(
    Schema.check(Schema.isBetween({ minimum: 1, maximum: most }, { message: `expected a number from 1 to ${most}` })),
    Schema.withDecodingDefaultKey(Effect.succeed(otherwise))
  )

/** Part of a list, and where the next part begins; `undefined` at the end. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next: string | undefined
  readonly bytes: number
}

const bytesOf = (item: unknown): number => Buffer.byteLength(JSON.stringify(item)) + 1

/**
 * As many items as fit into so many bytes, at most `limit`, after the one that the cursor names; `undefined` if there
 * is none. The first item is always included, so that a reader makes progress. `isMore`: there are entries behind the
 * items.
 */
export const pageOf = <A>(
  items: ReadonlyArray<A>,
  keyOf: (item: A) => string,
  page: {
    readonly after?: string | undefined
    readonly limit: number
    readonly bytes: number
    readonly isMore?: boolean
  }
): Page<A> | undefined => {
  const { after, bytes, isMore = false, limit } = page
  const found = after === undefined ? -1 : items.findIndex((item) => cursorOf(keyOf(item)) === after)
  if (after !== undefined && found < 0) return undefined
  const rest = items.slice(found + 1)
  let [count, sum] = [0, 0]
  for (const item of rest.slice(0, limit)) {
    const more = bytesOf(item)
    if (count > 0 && sum + more > bytes) break
    sum += more
    count++
  }
  const last = rest[count - 1]
  return {
    items: rest.slice(0, count),
    next: (isMore || count < rest.length) && last !== undefined ? cursorOf(keyOf(last)) : undefined,
    bytes: sum
  }
}

const longest = 2000

/** Shortens text that other programs may have stored in any length. */
export const cut = (text: string): string =>
  text.length <= longest
    ? text
    : `${text.slice(0, longest).toWellFormed()}... (${text.length - longest} more characters)`
