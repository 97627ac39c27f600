/**
 * PostgreSQL's lexical rules, as far as a program needs them that rewrites placeholders or splits a script: strings
 * of all kinds, dollar quotes, nested comments, quoted identifiers. Pure; no I/O.
 */

/** What a stretch of SQL text is. */
export type TokenKind =
  | "space"
  | "comment"
  | "word"
  | "number"
  /** `'...'`, also with a prefix: `E'...'`, `B'...'`, `X'...'`, `N'...'`, `U&'...'` */
  | "string"
  /** `$tag$...$tag$` */
  | "dollarString"
  /** `"..."` or `U&"..."` */
  | "identifier"
  /** `$1` */
  | "parameter"
  /** `:name` */
  | "placeholder"
  /** `::` */
  | "cast"
  /** any other single character */
  | "symbol"

/** A stretch of the text: `text.slice(start, end)`. */
export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  /** A string, comment or quoted identifier that the text ends within. */
  readonly unterminated?: true
}

const isSpace = (c: string) => c === " " || c === "\n" || c === "\t" || c === "\r" || c === "\f" || c === "\v"
const isDigit = (c: string) => c >= "0" && c <= "9"
const isWordStart = (c: string) => (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || c === "_" || c >= "\u0080"
const isWordPart = (c: string) => isWordStart(c) || isDigit(c) || c === "$"

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
const number =
  /(?:0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/y

/** The end of a quoted run that begins at `start`; a doubled quote stands for itself, a backslash only if asked. */
const endOfQuoted = (sql: string, start: number, quote: string, backslash: boolean): number => {
  for (let i = start + 1; i < sql.length; i++) {
    if (backslash && sql[i] === "\\") i++
    else if (sql[i] === quote) {
      if (sql[i + 1] === quote) i++
      else return i + 1
    }
  }
  return -1
}

/** Literals of an E-string may go on after white space that holds a line break, still with backslashes. */
const endOfEscapeString = (sql: string, start: number): number => {
  let end = endOfQuoted(sql, start, "'", true)
  for (;;) {
    if (end === -1) return -1
    const continued = /^[ \t\f\v]*[\r\n]\s*'/.exec(sql.slice(end, end + 200))
    if (continued === null) return end
    end = endOfQuoted(sql, end + continued[0].length - 1, "'", true)
  }
}

const endOfBlockComment = (sql: string, start: number): number => {
  let depth = 1
  for (let i = start + 2; i < sql.length; i++) {
    if (sql[i] === "/" && sql[i + 1] === "*") {
      depth++
      i++
    } else if (sql[i] === "*" && sql[i + 1] === "/") {
      depth--
      i++
      if (depth === 0) return i + 1
    }
  }
  return -1
}

const next = (sql: string, start: number): Token => {
  const c = sql.charAt(start)
  const after = sql.charAt(start + 1)
  const token = (kind: TokenKind, end: number): Token =>
    end === -1 ? { kind, start, end: sql.length, unterminated: true } : { kind, start, end }
  const run = (kind: TokenKind, from: number, part: (c: string) => boolean): Token => {
    let end = from
    while (end < sql.length && part(sql.charAt(end))) end++
    return token(kind, end)
  }
  if (isSpace(c)) return run("space", start + 1, isSpace)
  if (c === "-" && after === "-") return run("comment", start + 2, (d) => d !== "\n" && d !== "\r")
  if (c === "/" && after === "*") return token("comment", endOfBlockComment(sql, start))
  if (c === "'") return token("string", endOfQuoted(sql, start, "'", false))
  if (c === '"') return token("identifier", endOfQuoted(sql, start, '"', false))
  if (after === "'" && (c === "e" || c === "E")) return token("string", endOfEscapeString(sql, start + 1))
  if (after === "'" && "bBxXnN".includes(c)) return token("string", endOfQuoted(sql, start + 1, "'", false))
  if ((c === "u" || c === "U") && after === "&") {
    const quote = sql.charAt(start + 2)
    if (quote === "'") return token("string", endOfQuoted(sql, start + 2, quote, false))
    if (quote === '"') return token("identifier", endOfQuoted(sql, start + 2, quote, false))
  }
  if (isWordStart(c)) return run("word", start + 1, isWordPart)
  if (isDigit(c) || (c === "." && isDigit(after))) {
    number.lastIndex = start
    const match = number.exec(sql)
    return token("number", match === null ? start + 1 : start + match[0].length)
  }
  if (c === "$") {
    if (isDigit(after)) return run("parameter", start + 1, isDigit)
    dollarTag.lastIndex = start
    const tag = dollarTag.exec(sql)?.[0]
    if (tag !== undefined) {
      const close = sql.indexOf(tag, start + tag.length)
      return token("dollarString", close === -1 ? -1 : close + tag.length)
    }
  }
  if (c === ":") {
    if (after === ":") return token("cast", start + 2)
    if (isWordStart(after) || isDigit(after)) return run("placeholder", start + 1, (d) => isWordStart(d) || isDigit(d))
  }
  return token("symbol", start + 1)
}

/**
 * Cuts SQL text into tokens that cover it without gaps.
 *
 * @example
 * ```ts
 * import { tokenize } from "alex-database/data-api"
 *
 * tokenize("select :id::uuid").map((token) => token.kind)
 * // ["word", "space", "placeholder", "cast", "word"]
 * ```
 */
export const tokenize = (sql: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  for (let at = 0; at < sql.length; ) {
    const token = next(sql, at)
    tokens.push(token)
    at = token.end
  }
  return tokens
}

/** One statement of a script. */
export interface ScriptStatement {
  /** Without the closing semicolon and without surrounding white space and comments. */
  readonly sql: string
  /** The line it begins on, from 1. */
  readonly line: number
}

/**
 * Splits a script at the semicolons that end statements, as `psql` does: not at those in strings, comments,
 * parentheses or the `BEGIN ATOMIC ... END` body of a function.
 *
 * @example
 * ```ts
 * import { splitStatements } from "alex-database/data-api"
 *
 * splitStatements("select ';'; -- done;\nselect 2").map((statement) => statement.sql)
 * // ["select ';'", "select 2"]
 * ```
 */
export const splitStatements = (script: string): ReadonlyArray<ScriptStatement> => {
  const statements: Array<ScriptStatement> = []
  let start = -1
  let end = -1
  let line = 1
  let startLine = 1
  let parentheses = 0
  let blocks = 0
  let words: Array<string> = []
  const finish = () => {
    if (start !== -1) statements.push({ sql: script.slice(start, end), line: startLine })
    start = -1
    parentheses = 0
    blocks = 0
    words = []
  }
  for (const token of tokenize(script)) {
    const text = script.slice(token.start, token.end)
    if (text === ";" && parentheses === 0 && blocks === 0) {
      finish()
    } else if (token.kind !== "space" && token.kind !== "comment") {
      if (start === -1) {
        start = token.start
        startLine = line
      }
      end = token.end
      if (text === "(") parentheses++
      else if (text === ")") parentheses = Math.max(0, parentheses - 1)
      else if (token.kind === "word" && parentheses === 0) {
        const word = text.toLowerCase()
        if (words.length < 4) words.push(word)
        if (/^create (or replace )?(function|procedure)( |$)/.test(words.join(" "))) {
          if (word === "begin" || (word === "case" && blocks > 0)) blocks++
          else if (word === "end" && blocks > 0) blocks--
        }
      }
    }
    for (const c of text) if (c === "\n") line++
  }
  finish()
  return statements
}
