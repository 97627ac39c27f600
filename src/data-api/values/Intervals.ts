/** Reads and writes the text of PostgreSQL's intervals, in every IntervalStyle. Pure. */

/** An interval as `@effect/sql-pg` has it. */
export interface Interval {
  readonly months: number
  readonly days: number
  readonly microseconds: bigint
}

/** The infinite intervals of PostgreSQL 17, which hold the largest and the smallest value in each part. */
const infinity: Interval = { months: 2147483647, days: 2147483647, microseconds: 2n ** 63n - 1n }
const minusInfinity: Interval = { months: -2147483648, days: -2147483648, microseconds: -(2n ** 63n) }

const isSame = (a: Interval, b: Interval): boolean =>
  a.months === b.months && a.days === b.days && a.microseconds === b.microseconds

const clock = "(?<clock>[+-]?\\d+:\\d\\d:\\d\\d(?:\\.\\d{1,6})?)"

const part = (name: string, unit: string): string => `(?:(?<${name}>[+-]?\\d+) ${unit}s? ?)?`

/** `1 year 2 mons -3 days +04:05:06.789` (postgres), and `@ 1 mon -3 days 4 hours 5 mins 6.789 secs ago` (verbose). */
const words = new RegExp(
  `^(?=.*\\d)(?:@ )?${part("years", "year")}${part("months", "mon")}${part("days", "day")}${part("hours", "hour")}${part("minutes", "min")}(?:(?<seconds>[+-]?\\d+(?:\\.\\d{1,6})?) secs? ?)?${clock}?(?<ago>(?<= )ago)?$`
)

/** `P1Y2M-3DT4H5M6.789S` (iso_8601). */
const iso =
  /^P(?=.*\d)(?:(?<years>-?\d+)Y)?(?:(?<months>-?\d+)M)?(?:(?<days>-?\d+)D)?(?:T(?=.)(?:(?<hours>-?\d+)H)?(?:(?<minutes>-?\d+)M)?(?:(?<seconds>-?\d+(?:\.\d{1,6})?)S)?)?$/

/** `+1-2 -3 +4:05:06.789`, `1-2`, and `-3 4:05:06`, whose sign is that of the clock as well (sql_standard). */
const sql = new RegExp(
  `^(?=.*\\d)(?:(?<years>[+-]?\\d+)-(?<months>\\d+)(?: |$))?(?:(?<days>[+-]?\\d+) (?=[+-]?\\d+:))?${clock}?$`
)

type Parts = Readonly<Record<string, string | undefined>>

/** A number with a sign, and its fraction as micros. */
const micros = (written: string): bigint => {
  const [whole = "", fraction = ""] = written.replace(/^[+-]/, "").split(".")
  const size = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"))
  return written.startsWith("-") ? -size : size
}

const clockMicros = (written: string): bigint => {
  const [hours = "0", minutes = "0", seconds = "0"] = written.replace(/^[+-]/, "").split(":")
  const size = BigInt(hours) * 3_600_000_000n + BigInt(minutes) * 60_000_000n + micros(seconds)
  return written.startsWith("-") ? -size : size
}

const sumOf = ({
  clock = "0:0:0",
  days = "0",
  hours = "0",
  minutes = "0",
  months = "0",
  seconds = "0",
  years = "0"
}: Parts): Interval => ({
  months: Number(years) * 12 + Number(months),
  days: Number(days),
  microseconds: BigInt(hours) * 3_600_000_000n + BigInt(minutes) * 60_000_000n + micros(seconds) + clockMicros(clock)
})

const negated = ({ days, microseconds, months }: Interval): Interval => ({
  months: 0 - months,
  days: 0 - days,
  microseconds: -microseconds
})

/** The signs of the SQL standard are those of several parts. */
const standard = ({ clock, days, months, years }: Parts): Interval => {
  const signed = (part: string | undefined, sign: string | undefined): string | undefined =>
    part !== undefined && sign?.startsWith("-") === true && !/^[+-]/.test(part) ? `-${part}` : part
  return sumOf({ years, months: signed(months, years), days, clock: signed(clock, days) })
}

/** The interval that a text means in any IntervalStyle; undefined if it means none. */
export const intervalOf = (text: string): Interval | undefined => {
  if (text === "infinity") return infinity
  if (text === "-infinity") return minusInfinity
  if (text === "0" || text === "@ 0") return sumOf({})
  const named = (words.exec(text) ?? iso.exec(text))?.groups
  if (named !== undefined) return named["ago"] === undefined ? sumOf(named) : negated(sumOf(named))
  const parts = sql.exec(text)?.groups
  return parts === undefined ? undefined : standard(parts)
}

const signed = (value: number): string => (value < 0 ? String(value) : `+${value}`)

/**
 * The text of an interval. Every part has a sign: with IntervalStyle `sql_standard`, the sign of the first part would
 * apply to all.
 *
 * @param clockText Microseconds as `HH:MM:SS[.ffffff]`.
 */
export const textOfInterval = (interval: Interval, clockText: (micros: bigint) => string): string => {
  if (isSame(interval, infinity)) return "infinity"
  if (isSame(interval, minusInfinity)) return "-infinity"
  const { days, microseconds, months } = interval
  const time = clockText(microseconds < 0n ? -microseconds : microseconds)
  return `${signed(months)} mons ${signed(days)} days ${microseconds < 0n ? "-" : "+"}${time}`
}
