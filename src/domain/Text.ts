/** Text and days as PostgreSQL takes them. */
import * as Schema from "effect/Schema"

/** Whether a value is text that the database can hold: it has no NUL and no half of a surrogate pair. */
export const isStorable = (text: unknown): text is string =>
  typeof text === "string" && !text.includes("\u0000") && text.isWellFormed()

/** What should be text, for a message: of the lists and objects that a program without types may pass, only the kind. */
export const asText = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return String(value)
  return value instanceof Error ? String(value) : "[object]"
}

/** The description of a change. */
export const changeOf = (what: string, more = "") => ({
  description: `What to change about ${what}; what is left out stays as it is${more}`
})

const storableText = Schema.makeFilter((text: string) =>
  text.includes("\u0000")
    ? "expected text without the character NUL, which the database can't store"
    : text.isWellFormed() || "expected well-formed Unicode text: half of a surrogate pair can't be stored"
)

/**
 * Text of at most `max` characters, which the database can hold: no NUL, no half of a surrogate pair.
 *
 * `min` is 0 unless it is given.
 */
export const text = (options: {
  readonly max: number
  readonly min?: number
  readonly description: string
  readonly example: string
}) => {
  const { description, example, max, min = 0 } = options
  return Schema.String.annotate({ description, examples: [example], message: "expected text" }).pipe(
    Schema.check(
      Schema.isBetweenCodePoints(min, max, { message: `expected text of ${min} to ${max} characters` }),
      storableText
    )
  )
}

/** Refuses text that begins with a day that does not exist, as `2026-02-30` does not: the next month would begin there. */
export const onCalendar = Schema.makeFilter((text: string) => {
  const [year = 0, month = 0, day = 0] = text.split("-").map(Number.parseFloat)
  const at = new Date(0)
  at.setUTCFullYear(year, month - 1, day)
  return at.getUTCMonth() === month - 1 || "expected a day that exists in the calendar"
})

/** What is said of anything but a day. */
export const aDay = "a day like 2026-02-28"
const dayExpected = `expected ${aDay}`

/** A day of the calendar from year 1 to 9999, `2026-02-28`; one that does not exist, like `2026-02-30`, is refused. */
export const CalendarDay = Schema.String.annotate({
  description: "A day of the calendar, as YYYY-MM-DD",
  examples: ["2026-02-28"],
  message: dayExpected
}).pipe(Schema.check(Schema.isPattern(/^(?!0000)\d{4}-\d{2}-\d{2}$/u, { message: dayExpected }).abort(), onCalendar))

/** A UUID in its canonical form, described as the id of `what`. */
export const uuid = (what: string) =>
  Schema.String.annotate({
    description: `The id of ${what}`,
    examples: ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"],
    message: `expected the id of ${what}, as text`
  }).pipe(
    Schema.check(
      Schema.isPattern(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/u, {
        message: `expected the id of ${what}, a UUID like 3f2504e0-4f89-41d3-9a0c-0305e82c3301`
      })
    )
  )

/** Refuses JSON whose keys or values hold text that `jsonb` can't store. */
export const storable = Schema.makeFilter((value: unknown) =>
  /\\u(0000|d[89a-f][0-9a-f]{2})/.test(JSON.stringify(value).replaceAll("\\\\", ""))
    ? "expected JSON without the character NUL and without halves of surrogate pairs, which the database can't store"
    : true
)

/** Any JSON value that `jsonb` can hold. */
export const JsonValue = Schema.Json.pipe(Schema.check(storable))
