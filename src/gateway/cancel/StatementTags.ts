/**
 * The comment before each statement, by which its backend is found in `pg_stat_activity` when it is to be cancelled.
 *
 * The service prepares a statement once for each text. So clients that send the same text one after the other have one
 * tag for it, and only those that run it at the same time need others.
 */
import { randomBytes } from "node:crypto"

/** So many that run the same text at a time can be told apart; the others share a tag. */
const OWN_TAGS = 7
/** Texts whose tags are remembered. */
const CAPACITY = 1000
/** A longer text is a script, which comes once. */
const LONGEST = 10_000

/** A text, and how many statements run it at present with each of its tags. */
interface KnownText {
  readonly number: number
  readonly running: Array<number>
}

/** The tag of one statement, from when it is sent until it is answered. */
export class StatementTag {
  readonly comment: string
  readonly #running: Array<number>
  readonly #place: number
  #isReleased = false

  constructor(comment: string, running: Array<number>, place: number) {
    this.comment = comment
    this.#running = running
    this.#place = place
    running[place] = (running[place] ?? 0) + 1
  }

  /** Whether the statement runs, and no other with its tag. */
  get isAlone(): boolean {
    return !this.#isReleased && this.#running[this.#place] === 1
  }

  /** The statement was answered. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#running[this.#place] = (this.#running[this.#place] ?? 1) - 1
  }
}

export class StatementTags {
  readonly #gateway = randomBytes(8).toString("hex")
  readonly #texts = new Map<string, KnownText>()
  #count = 0

  /** The tag of a statement that is about to be sent. */
  take(sql: string): StatementTag {
    const { number, running } = this.#texts.get(sql) ?? this.#add(sql)
    const free = running.indexOf(0)
    const place = free === -1 ? Math.min(running.length, OWN_TAGS) : free
    return new StatementTag(`/* alex-gateway ${this.#gateway} ${number}.${place} */ `, running, place)
  }

  /** No later statement has a tag that this text had: what cancels one of them may be late. */
  renew(sql: string): void {
    this.#texts.delete(sql)
  }

  #add(sql: string): KnownText {
    const text = { number: ++this.#count, running: [] }
    if (sql.length > LONGEST) return text
    this.#texts.set(sql, text)
    if (this.#texts.size > CAPACITY) {
      for (const oldest of this.#texts.keys()) {
        this.#texts.delete(oldest)
        break
      }
    }
    return text
  }
}
