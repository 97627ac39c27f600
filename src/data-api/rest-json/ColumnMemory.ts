/**
 * Caches column metadata by statement. It is most of a response of one row, and the same each time: equal octets need
 * not be parsed again.
 */
import { remember } from "../statement/RecentTexts.ts"

/** The octets of a list of columns, and the parsed columns. */
export interface Remembered {
  readonly octets: Uint8Array
  readonly columns: ReadonlyArray<unknown>
}

/** Longer texts, in UTF-16 units, and metadata, in octets, are not cached: the memory is not worth the time. */
const LONGEST_SQL = 8192
const LONGEST_METADATA = 16_384

/** Holds `capacity` statements; the oldest is dropped first. */
export class ColumnMemory {
  readonly #known = new Map<string, Remembered>()
  readonly #capacity: number

  constructor(capacity = 128) {
    this.#capacity = capacity
  }

  recall(sql: string): Remembered | undefined {
    return this.#known.get(sql)
  }

  /** Caches columns. They are frozen, because every later response to the statement shares them. */
  keep(sql: string, remembered: Remembered): void {
    if (sql.length > LONGEST_SQL || remembered.octets.length > LONGEST_METADATA) return
    for (const column of remembered.columns) Object.freeze(column)
    Object.freeze(remembered.columns)
    remember(this.#known, sql, remembered, this.#capacity)
  }
}
