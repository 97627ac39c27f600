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

const number = "[+-]?\\d+"
const clock = `(${number}:\\d\\d:\\d\\d(?:\\.\\d{1,6})?)?`
const part = (unit: string, value = number): string => `(?:(${value}) ?(?:${unit}) ?)?`

/**
 * `1 year 2 mons -3 days +04:05:06.789` (postgres), `@ 1 mon -3 days 4 hours 5 mins 6.789 secs ago` (verbose), and
 * `P1Y2M-3DT4H5M6.789S` (iso_8601), whose `M` are minutes behind the `T`.
 */
const units = new RegExp(
  `^(?=.*\\d)(?:@ |P)?${part("years?|Y")}${part("mons?|M")}${part("days?|D")}(?:T(?=.))?${part("hours?|H")}${part("mins?|M")}${part("secs?|S", `${number}(?:\\.\\d{1,6})?`)}${clock}(ago)?$`
)

/** `+1-2 -3 +4:05:06.789`, `1-2`, and `-3 4:05:06`, whose sign is that of the clock as well (sql_standard). */
const sql = new RegExp(`^(?=.*\\d)(?:(${number})-(\\d+)(?: |$))?(?:(${number}) (?=${number}:))?${clock}$`)

/** Microseconds of seconds, or of hours, minutes and seconds. */
export const microsOf = (written: string): bigint => {
  const [seconds = "", minutes = "0", hours = "0"] = written.replace(/^[+-]/, "").split(":").reverse()
  const [whole = "", fraction = ""] = seconds.split(".")
  const size = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(whole)
  const all = size * 1_000_000n + BigInt(fraction.padEnd(6, "0"))
  return written.startsWith("-") ? -all : all
}

const sumOf = (
  years = "0",
  months = "0",
  days = "0",
  hours = "0",
  minutes = "0",
  seconds = "0",
  time = "0"
): Interval => ({
  months: Number(years) * 12 + Number(months),
  days: Number(days),
  microseconds: (BigInt(hours) * 60n + BigInt(minutes)) * 60_000_000n + microsOf(seconds) + microsOf(time)
})

const negated = ({ days, microseconds, months }: Interval): Interval => ({
  months: 0 - months,
  days: 0 - days,
  microseconds: -microseconds
})

/** A part with the sign of the one before it, if it has none of its own. */
const signedAs = (before: string | undefined, part: string | undefined): string | undefined =>
  before?.startsWith("-") === true && part !== undefined && /^\d/.test(part) ? `-${part}` : part

/** The interval that a text means in any IntervalStyle; undefined if it means none. */
export const intervalOf = (text: string): Interval | undefined => {
  if (text === "infinity") return infinity
  if (text === "-infinity") return minusInfinity
  if (text === "0" || text === "@ 0") return sumOf()
  const parts = units.exec(text)
  if (parts !== null) {
    const interval = sumOf(...parts.slice(1, 8))
    return parts[8] === undefined ? interval : negated(interval)
  }
  const [found, years, months, days, time] = sql.exec(text) ?? []
  if (found === undefined) return undefined
  return sumOf(years, signedAs(years, months), days, undefined, undefined, undefined, signedAs(days, time))
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
