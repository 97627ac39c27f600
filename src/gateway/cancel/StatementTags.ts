/**
 * The comment before each statement, by which a cancel request finds its backend in `pg_stat_activity`.
 *
 * The service prepares each distinct text once. So statements of the same text share a tag, unless they run at the same
 * time.
 */
import { randomBytes } from "node:crypto"
import * as Exit from "effect/Exit"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import { remember } from "../../data-api/statement/RecentTexts.ts"
import { LONGEST_TEXT } from "../session/ClientTexts.ts"

/** How many concurrent statements of the same text get a tag of their own; any others share one. */
const OWN_TAGS = 7
/** How many texts are remembered. */
const CAPACITY = 1000

/** A text, and how many running statements have each of its tags. */
interface KnownText {
  readonly number: number
  readonly running: Array<number>
}

/** The tag of one statement, from its request to its response. */
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

  /** Whether exactly one running statement has this tag. */
  get isUnique(): boolean {
    return !this.#isReleased && this.#running[this.#place] === 1
  }

  /** Notes that the statement has ended. */
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

  /** Gives the text new tags, so that a late cancel request can't cancel a later statement. */
  renew(sql: string): void {
    this.#texts.delete(sql)
  }

  #add(sql: string): KnownText {
    const text = { number: ++this.#count, running: [] }
    if (sql.length > LONGEST_TEXT) return text
    remember(this.#texts, sql, text, CAPACITY)
    return text
  }
}

/** Whether a backend may still be running the statement after its call has ended. */
export const mayRunOn = (exit: Exit.Exit<unknown, DataApiError>): boolean => {
  const error = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
  return error !== undefined && (error._tag === "None" || error.value.didRun === "unknown")
}

/** Cancels the one backend that runs a statement with this comment, in one statement: in between it could take another. */
export const cancelSql = (comment: string): string => {
  const running = `select pid, backend_start, query_start from pg_catalog.pg_stat_activity
where state = 'active' and pid <> pg_backend_pid() and starts_with(query, ${literal(comment)})`
  return `select count(pg_cancel_backend(pid)) from (${running}) r where (select count(*) from (${running}) n) = 1`
}
