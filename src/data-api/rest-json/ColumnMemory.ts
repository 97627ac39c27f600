/**
 * The metadata of columns by statement. It is most of an answer of one row and the same each time: octets that are equal
 * need no second reading.
 */

/** The octets of a list of columns, and what they stand for. */
export interface Remembered {
  readonly octets: Uint8Array
  readonly columns: ReadonlyArray<unknown>
}

/** What longer ones would take is not worth what they save. */
const LONGEST_SQL = 8192
const LONGEST_METADATA = 16_384

/** A program has few statements; of one that makes up ever new ones the oldest go. */
export class ColumnMemory {
  readonly #known = new Map<string, Remembered>()
  readonly #capacity: number

  constructor(capacity = 128) {
    this.#capacity = capacity
  }

  recall(sql: string): Remembered | undefined {
    return this.#known.get(sql)
  }

  /** Remembers columns, which every answer to the statement has from now on: nobody may change them. */
  keep(sql: string, remembered: Remembered): void {
    if (sql.length > LONGEST_SQL || remembered.octets.length > LONGEST_METADATA) return
    for (const column of remembered.columns) Object.freeze(column)
    Object.freeze(remembered.columns)
    this.#known.set(sql, remembered)
    if (this.#known.size <= this.#capacity) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      break
    }
  }
}
