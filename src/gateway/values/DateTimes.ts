/** Converts dates and times between ISO text and PostgreSQL's binary form: days and microseconds since 2000. Pure. */
import { DAYS_TO_2000, dateOf, daysOf } from "../../data-api/values/Calendar.ts"

const DAY = 86_400_000_000n
const INFINITY = 9_223_372_036_854_775_807n
const DATE_INFINITY = 2_147_483_647

const pad = (value: number | bigint, width = 2): string => String(value).padStart(width, "0")

const datePattern = /^(\d{4,})-(\d\d)-(\d\d)/

/** Days since 2000 of a text such as `2020-01-31` or `0044-03-15 BC`; undefined if it is not a date. */
export const daysOfText = (text: string): number | undefined => {
  if (text === "infinity") return DATE_INFINITY
  if (text === "-infinity") return -DATE_INFINITY - 1
  const match = datePattern.exec(text)
  if (match === null) return undefined
  const year = Number(match[1])
  return daysOf(text.endsWith(" BC") ? 1 - year : year, Number(match[2]), Number(match[3])) - DAYS_TO_2000
}

/** The text of a date, given in days since 2000. */
export const textOfDays = (days: number): string => {
  if (days === DATE_INFINITY) return "infinity"
  if (days === -DATE_INFINITY - 1) return "-infinity"
  const { day, month, year } = dateOf(days + DAYS_TO_2000)
  return `${pad(year > 0 ? year : 1 - year, 4)}-${pad(month)}-${pad(day)}${year > 0 ? "" : " BC"}`
}

const timePattern = /(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?/

/** Microseconds since midnight of a text such as `12:34:56.789`. */
export const microsOfTime = (text: string): bigint | undefined => {
  const match = timePattern.exec(text)
  if (match === null) return undefined
  const [, hour, minute, second, fraction = ""] = match
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, "0"))
}

/** The text of a time, given in microseconds since midnight. */
export const textOfTime = (micros: bigint): string => {
  const seconds = micros / 1_000_000n
  const fraction = micros % 1_000_000n
  const text = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`
  return fraction === 0n ? text : `${text}.${pad(fraction, 6).replace(/0+$/, "")}`
}

const zonePattern = /([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?(?: BC)?$/

/** Microseconds since 2000 of a timestamp, with or without zone. */
export const microsOfTimestamp = (text: string): bigint | undefined => {
  if (text === "infinity") return INFINITY
  if (text === "-infinity") return -INFINITY - 1n
  const days = daysOfText(text)
  const time = microsOfTime(text)
  if (days === undefined || time === undefined) return undefined
  const zone = zonePattern.exec(text.slice(text.indexOf(":")))
  const offset = zone === null ? 0 : Number(zone[2]) * 3600 + Number(zone[3] ?? 0) * 60 + Number(zone[4] ?? 0)
  return BigInt(days) * DAY + time - BigInt(zone?.[1] === "-" ? -offset : offset) * 1_000_000n
}

/** The text of a timestamp; one with a zone is in UTC. */
export const textOfTimestamp = (micros: bigint, zone: "" | "+00"): string => {
  if (micros === INFINITY) return "infinity"
  if (micros === -INFINITY - 1n) return "-infinity"
  const days = micros >= 0n ? micros / DAY : -((-micros + DAY - 1n) / DAY)
  const date = textOfDays(Number(days))
  const era = date.endsWith(" BC") ? " BC" : ""
  return `${date.replace(/ BC$/, "")} ${textOfTime(micros - days * DAY)}${zone}${era}`
}
