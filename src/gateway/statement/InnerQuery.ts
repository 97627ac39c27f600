/** The query within a statement such as EXPLAIN, which PostgreSQL plans with the statement's parameters. Pure. */
import { characters } from "../../data-api/Limits.ts"
import { type ClientStatement, statementOf } from "./ClientStatement.ts"

const beginsQuery = (word = ""): boolean =>
  /^(?:select|with|values|table|insert|update|delete|merge|execute|\()$/.test(word)

/** The index of the word after the parenthesis that closes the one at `at`. */
export const afterParentheses = (words: ReadonlyArray<string>, at: number): number => {
  let depth = 0
  for (let index = at; index < words.length; index++) {
    if (words[index] === "(") depth++
    else if (words[index] === ")" && --depth === 0) return index + 1
  }
  return words.length
}

const afterExplain = (words: ReadonlyArray<string>): number => {
  let at = 1
  if (words[at] === "(" && !beginsQuery(words[at + 1])) at = afterParentheses(words, at)
  while (/^(?:analyze|analyse|verbose)$/.test(words[at] ?? "")) at++
  return at
}

/** The index of the query's first word in `CREATE TABLE ... AS query`; -1 if there is none. */
const afterAs = (words: ReadonlyArray<string>): number => {
  const table = words.slice(0, 5).indexOf("table")
  if (table === -1) return -1
  let depth = 0
  for (let index = table; index < words.length; index++) {
    if (words[index] === "(") depth++
    else if (words[index] === ")") depth--
    else if (depth === 0 && words[index] === "as") return index + 1
  }
  return -1
}

/** The index of the inner query's first word; -1 if there is none. */
const innerAt = ({ words }: ClientStatement): number => {
  switch (words[0]) {
    case "explain": {
      const at = afterExplain(words)
      const as = words[at] === "create" ? afterAs(words.slice(at)) : 0
      return as === -1 ? -1 : at + as
    }
    case "declare": {
      const cursor = words.indexOf("cursor")
      return cursor === -1 ? -1 : words.indexOf("for", cursor) + 1 || -1
    }
    case "create":
      return afterAs(words)
    default:
      return -1
  }
}

/** The query of EXPLAIN, DECLARE CURSOR and CREATE TABLE AS; undefined if there is none. */
export const innerQuery = (statement: ClientStatement): ClientStatement | undefined => {
  const at = innerAt(statement)
  const from = statement.starts[at]
  if (from === undefined || !beginsQuery(statement.words[at])) return undefined
  return statementOf(statement.sql.slice(from), statement.offset + characters(statement.sql.slice(0, from)))
}
