/** Dates and times between PostgreSQL's ISO text and its binary form: days and microseconds since 2000. Pure. */

const DAY = 86_400_000_000n
const INFINITY = 9_223_372_036_854_775_807n
const DATE_INFINITY = 2_147_483_647

/** Days since 2000-01-01 of a date of the proleptic Gregorian calendar; year 0 is 1 BC. */
const daysOf = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const ofEra = y - era * 400
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 730_425
}

const dateOf = (days: number): { readonly year: number; readonly month: number; readonly day: number } => {
  const z = days + 730_425
  const era = Math.floor(z / 146_097)
  const ofEra = z - era * 146_097
  const year = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365
  )
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const shifted = Math.floor((5 * ofYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  return {
    year: year + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * shifted + 2) / 5) + 1
  }
}

const pad = (value: number | bigint, width = 2): string => String(value).padStart(width, "0")

const datePattern = /^(\d{4,})-(\d\d)-(\d\d)/

/** Days of a text such as `2020-01-31` or `0044-03-15 BC`; undefined where it is none. */
export const daysOfText = (text: string): number | undefined => {
  if (text === "infinity") return DATE_INFINITY
  if (text === "-infinity") return -DATE_INFINITY - 1
  const match = datePattern.exec(text)
  if (match === null) return undefined
  const year = Number(match[1])
  return daysOf(text.endsWith(" BC") ? 1 - year : year, Number(match[2]), Number(match[3]))
}

/** The text of days. */
export const textOfDays = (days: number): string => {
  if (days === DATE_INFINITY) return "infinity"
  if (days === -DATE_INFINITY - 1) return "-infinity"
  const { day, month, year } = dateOf(days)
  return `${pad(year > 0 ? year : 1 - year, 4)}-${pad(month)}-${pad(day)}${year > 0 ? "" : " BC"}`
}

const timePattern = /(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?/

/** Microseconds of the day of a text such as `12:34:56.789`. */
export const microsOfTime = (text: string): bigint | undefined => {
  const match = timePattern.exec(text)
  if (match === null) return undefined
  const [, hour, minute, second, fraction = ""] = match
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, "0"))
}

/** The text of microseconds of a day. */
export const textOfTime = (micros: bigint): string => {
  const seconds = micros / 1_000_000n
  const fraction = micros % 1_000_000n
  const text = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`
  return fraction === 0n ? text : `${text}.${pad(fraction, 6).replace(/0+$/, "")}`
}

const zonePattern = /([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?(?: BC)?$/

/** Microseconds of a timestamp, with or without zone. */
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
