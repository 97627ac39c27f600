/** What a statement is, as far as the driver treats it differently, read from its words alone. Pure. */
import { tokenize } from "./SqlLexer.ts"

export interface StatementKind {
  /** The first word, as OpenTelemetry names an operation: `SELECT`. */
  readonly verb: string
  /** It ends its transaction and keeps what that did. */
  readonly commits: boolean
  /** It repairs a transaction that a failed statement has aborted. */
  readonly rollsBackToSavepoint: boolean
  /** A later statement's names may mean something else: it sets `search_path` or a role, or makes or drops something. */
  readonly changesNames: boolean
  /** Where the text begins that `PREPARE` takes, after EXPLAIN or DECLARE; undefined for what can't be prepared. */
  readonly prepared: number | undefined
}

/** Statements that leave the meaning of every name as it is. */
const keepsNames = new Set(
  "select insert update delete merge values table with savepoint release show explain declare fetch move close lock begin start commit end notify".split(
    " "
  )
)

const preparable = new Set("select insert update delete merge values table with".split(" "))

/** Reads a statement. */
export const kindOf = (sql: string): StatementKind => {
  const words = tokenize(sql).flatMap(({ end, kind, start }) =>
    kind === "word" ? [{ start, text: sql.slice(start, end).toLowerCase() }] : []
  )
  const [first = "", second = "", third = ""] = words.map(({ text }) => text)
  const prefixed = first === "explain" || first === "declare"
  const body = prefixed ? words.find(({ text }) => preparable.has(text)) : words[0]
  return {
    verb: first.toUpperCase(),
    commits: first === "commit" || first === "end" || (first === "prepare" && second === "transaction"),
    rollsBackToSavepoint:
      first === "rollback" && (second === "to" || (/^(?:work|transaction)$/.test(second) && third === "to")),
    changesNames:
      !keepsNames.has(first) ||
      words.some(({ text }) => text === "set_config") ||
      (first === "select" && words.some(({ text }) => text === "into")),
    prepared: body !== undefined && preparable.has(body.text) ? (prefixed ? body.start : 0) : undefined
  }
}
