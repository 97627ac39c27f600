/** Days of the proleptic Gregorian calendar, by Howard Hinnant's algorithms. Pure. */

/** Days from 0000-03-01 to 1970-01-01. The algorithms begin years in March, so that the leap day is the last day. */
const EPOCH = 719_468

/** Days from 1970-01-01 to 2000-01-01, which is PostgreSQL's epoch. */
export const DAYS_TO_2000 = 10_957

/** Days from 1970-01-01 to a day; year 0 is 1 BC. */
export const daysOf = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - EPOCH
}

/** The date `days` days after 1970-01-01; year 0 is 1 BC. */
export const dateOf = (days: number): { readonly year: number; readonly month: number; readonly day: number } => {
  const shifted = days + EPOCH
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  }
}
