/**
 * Converts `:name` placeholders to PostgreSQL's `$n`, as the service does.
 *
 * Each occurrence becomes a separate parameter: the same name used twice is `$1` and `$2`. String literals, quoted
 * identifiers and comments are not changed; `::` is a cast and `:=` named notation. But dollar-quoted text IS changed,
 * and `:2` in an array slice `a[1:2]` is a placeholder; both are the service's behaviour. `E'\''` and nested comments
 * are scanned as in PostgreSQL, since the service's behaviour is not known.
 */

export interface PositionalStatement {
  readonly sql: string
  /** The names for `$1`, `$2` and so on. */
  readonly names: ReadonlyArray<string>
}

// One alternative for each kind of text that is skipped, then the placeholder. A literal with a doubled quote matches
// as two adjacent literals, with the same result.
const token =
  /(?<![A-Za-z0-9_$])[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'?|'[^']*'?|"[^"]*"?|--[^\r\n]*|\/\*|::|:([A-Za-z0-9_]+)/g

/** The index after the comment that opens at `start`; comments nest. */
const commentEnd = (sql: string, start: number): number => {
  let depth = 0
  for (let index = start; index < sql.length; index++) {
    const pair = sql.slice(index, index + 2)
    if (pair === "/*") {
      depth++
      index++
    } else if (pair === "*/") {
      depth--
      index++
      if (depth === 0) return index + 1
    }
  }
  return sql.length
}

/**
 * Rewrites a statement's placeholders.
 *
 * @example
 * ```ts
 * import { toPositional } from "alex-database/local"
 *
 * toPositional("select :a::int, ':b', :a")
 * // { sql: "select $1::int, ':b', $2", names: ["a", "a"] }
 * ```
 */
export const toPositional = (sql: string): PositionalStatement => {
  if (!sql.includes(":")) return { sql, names: [] }
  const names: Array<string> = []
  let rewritten = ""
  let copied = 0
  token.lastIndex = 0
  for (let match = token.exec(sql); match !== null; match = token.exec(sql)) {
    const name = match[1]
    if (name !== undefined) {
      names.push(name)
      rewritten += `${sql.slice(copied, match.index)}$${names.length}`
      copied = token.lastIndex
    } else if (match[0] === "/*") {
      token.lastIndex = commentEnd(sql, match.index)
    }
  }
  return { sql: rewritten + sql.slice(copied), names }
}
