/**
 * `:name` placeholders to PostgreSQL's `$n`, as the service does it.
 *
 * Each occurrence becomes a parameter of its own: the same name used twice is `$1` and `$2`. String literals, quoted
 * identifiers and comments are left alone, `::` is a cast and `:=` named notation. Dollar-quoted text is NOT left
 * alone, and an array slice `a[1:2]` reads `:2` as a placeholder; both are the service's behaviour. (Where nobody has
 * seen what the service does, this scans as PostgreSQL: `E'\''` and nested comments.)
 */

export interface PositionalStatement {
  readonly sql: string
  /** The name behind `$1`, `$2` and so on. */
  readonly names: ReadonlyArray<string>
}

// One alternative for each thing that is skipped whole, then the placeholder. A doubled quote inside a literal reads
// as two literals side by side, which comes to the same.
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
