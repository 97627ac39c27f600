/** What `lastval` and `currval` of a session return after an INSERT that had a session of its own. Pure. */
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import { type ClientStatement, type Kind, statementOf } from "../statement/ClientStatement.ts"
import { insertTarget } from "./InsertTarget.ts"
import type { NumberedColumn } from "./SequenceLookup.ts"

/** Kinds that use no sequence, or run a statement that is asked for by itself. */
const settled: ReadonlySet<Kind> = new Set(["set", "reset", "listen", "prepare", "execute", "deallocate"])

/** Parses `select lastval()` and `select currval(...)`, with or without a column alias. */
const questionOf = ({ sql, starts, words }: ClientStatement) => {
  if (words[0] !== "select") return undefined
  const at = words[1] === "pg_catalog" && words[2] === "." ? 3 : 1
  const name = words[at] ?? ""
  if (!/^(?:lastval|currval)$/.test(name) || words[at + 1] !== "(") return undefined
  const close = words.indexOf(")", at)
  const after = words.slice(close + 1)
  const isAlias = after.length === 2 && after[0] === "as"
  if (close === -1 || words.indexOf("(", at + 2) !== -1 || (after.length > 0 && !isAlias)) return undefined
  const argument = sql.slice((starts[at + 1] ?? 0) + 1, starts[close]).trim()
  if ((name === "lastval") !== (argument === "")) return undefined
  return { argument, call: `${name}(${argument})`, alias: isAlias ? sql.slice(starts[close + 2]) : name }
}

export class SessionSequences {
  /** The last value of each sequence, by its object id, in the order of their last use. */
  readonly #values = new Map<string, string>()

  /** Notes the value of a column that an INSERT returned. */
  note({ sequence }: NumberedColumn, value: string): void {
    this.#values.delete(sequence)
    this.#values.set(sequence, value)
  }

  /** Forgets everything, after a statement that may have used any sequence. */
  forget(): void {
    this.#values.clear()
  }

  /** A question for such a value with its answer in place of the call; undefined for any other statement. */
  answered(statement: ClientStatement): ClientStatement | undefined {
    const last = [...this.#values.values()].at(-1)
    const question = last === undefined ? undefined : questionOf(statement)
    if (last === undefined || question === undefined) return undefined
    const { alias, argument, call } = question
    const known = [...this.#values].map(([sequence, value]) => `(${sequence}::oid, ${value}::int8)`).join(", ")
    // PostgreSQL's own error for any other sequence.
    const value =
      argument === ""
        ? `${last}::int8`
        : `coalesce((select value from (values ${known}) k(id, value) where id = (${argument})::regclass), ${call})`
    return { ...statementOf(`select ${value} as ${alias}`, statement.offset), origin: () => undefined }
  }

  /** Whether the values stay as they are with a statement outside of a transaction. */
  outlast(statement: ClientStatement): boolean {
    const { kind, sql } = statement
    if (this.#values.size === 0 || settled.has(kind) || insertTarget(statement) !== undefined) return true
    return kind === "query" && (questionOf(statement) !== undefined || isRead(sql))
  }
}
