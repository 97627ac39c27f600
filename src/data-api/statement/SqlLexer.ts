/**
 * PostgreSQL's lexical rules, as far as they are needed to rewrite placeholders or split a script: strings of all
 * kinds, dollar quotes, nested comments, quoted identifiers. Pure; no I/O.
 */

/** The kind of a token. */
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

/** A token of the text: `text.slice(start, end)`. */
export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  /** The text ends inside this string, comment or quoted identifier. */
  readonly unterminated?: true
}

/** Classes of characters, as bits. */
const SPACE = 1
const DIGIT = 2
const LETTER = 4
const DOLLAR = 8

const classes = Uint8Array.from({ length: 128 }, (_, code) => {
  const c = String.fromCharCode(code)
  if (/[ \n\t\r\f\v]/.test(c)) return SPACE
  if (/[0-9]/.test(c)) return DIGIT
  return /[A-Za-z_]/.test(c) ? LETTER : c === "$" ? DOLLAR : 0
})

/** Whether the character at `at` is of one of these classes. */
const isAt = (sql: string, at: number, wanted: number): boolean => {
  if (at >= sql.length) return false
  const code = sql.charCodeAt(at)
  return ((code < 128 ? (classes[code] ?? 0) : LETTER) & wanted) !== 0
}

/** The end of a run of characters of these classes. */
const endOfRun = (sql: string, from: number, wanted: number): number => {
  let end = from
  while (isAt(sql, end, wanted)) end++
  return end
}

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
const number =
  /(?:0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/y
const lineEnd = /[\r\n]/g

/** The match of a sticky or global expression from `start` on. */
const matchAt = (pattern: RegExp, sql: string, start: number): RegExpExecArray | null => {
  pattern.lastIndex = start
  return pattern.exec(sql)
}

/** The end of a quoted run that begins at `start`; a doubled quote stands for itself. */
const endOfQuoted = (sql: string, start: number, quote: string): number => {
  for (let at = sql.indexOf(quote, start + 1); at !== -1; at = sql.indexOf(quote, at + 2)) {
    if (sql[at + 1] !== quote) return at + 1
  }
  return -1
}

/** The end of a string in which a backslash escapes the next character. */
const endOfBackslashed = (sql: string, start: number): number => {
  for (let i = start + 1; i < sql.length; i++) {
    if (sql[i] === "\\") i++
    else if (sql[i] === "'") {
      if (sql[i + 1] === "'") i++
      else return i + 1
    }
  }
  return -1
}

/** The end of an E-string, which may continue with another literal after white space with a line break; -1 if it has no end. `start` is at its quote. */
export const endOfEscapeString = (sql: string, start: number): number => {
  let end = endOfBackslashed(sql, start)
  for (;;) {
    if (end === -1) return -1
    const continued = /^[ \t\f\v]*[\r\n]\s*'/.exec(sql.slice(end, end + 200))
    if (continued === null) return end
    end = endOfBackslashed(sql, end + continued[0].length - 1)
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

const token = (kind: TokenKind, sql: string, start: number, end: number): Token =>
  end === -1 ? { kind, start, end: sql.length, unterminated: true } : { kind, start, end }

/** A word, or a string or an identifier whose quote has a prefix. */
const wordAt = (sql: string, start: number): Token => {
  const after = sql[start + 1]
  if (after === "'" || after === "&") {
    const c = sql.charAt(start).toLowerCase()
    if (after === "'" && c === "e") return token("string", sql, start, endOfEscapeString(sql, start + 1))
    if (after === "'" && "bxn".includes(c)) return token("string", sql, start, endOfQuoted(sql, start + 1, "'"))
    const quote = sql[start + 2]
    if (c === "u" && after === "&" && quote === "'") {
      return token("string", sql, start, endOfQuoted(sql, start + 2, quote))
    }
    if (c === "u" && after === "&" && quote === '"') {
      return token("identifier", sql, start, endOfQuoted(sql, start + 2, quote))
    }
  }
  return token("word", sql, start, endOfRun(sql, start + 1, LETTER | DIGIT | DOLLAR))
}

const numberAt = (sql: string, start: number): Token => {
  const match = matchAt(number, sql, start)
  return token("number", sql, start, match === null ? start + 1 : start + match[0].length)
}

/** The token that a dollar, a colon, a dash or a slash begins. */
const markAt = (sql: string, start: number, c: string, after: string): Token | undefined => {
  if (c === "-" && after === "-") return token("comment", sql, start, matchAt(lineEnd, sql, start)?.index ?? sql.length)
  if (c === "/" && after === "*") return token("comment", sql, start, endOfBlockComment(sql, start))
  if (c === ":") {
    if (after === ":") return token("cast", sql, start, start + 2)
    const end = endOfRun(sql, start + 1, LETTER | DIGIT)
    return end === start + 1 ? undefined : token("placeholder", sql, start, end)
  }
  if (c !== "$") return undefined
  if (isAt(sql, start + 1, DIGIT)) return token("parameter", sql, start, endOfRun(sql, start + 1, DIGIT))
  const tag = matchAt(dollarTag, sql, start)?.[0]
  if (tag === undefined) return undefined
  const close = sql.indexOf(tag, start + tag.length)
  return token("dollarString", sql, start, close === -1 ? -1 : close + tag.length)
}

/** The token that begins at `start`. */
export const tokenAt = (sql: string, start: number): Token => {
  if (isAt(sql, start, SPACE)) return token("space", sql, start, endOfRun(sql, start + 1, SPACE))
  if (isAt(sql, start, LETTER)) return wordAt(sql, start)
  const c = sql.charAt(start)
  if (isAt(sql, start, DIGIT) || (c === "." && isAt(sql, start + 1, DIGIT))) return numberAt(sql, start)
  if (c === "'") return token("string", sql, start, endOfQuoted(sql, start, c))
  if (c === '"') return token("identifier", sql, start, endOfQuoted(sql, start, c))
  return markAt(sql, start, c, sql.charAt(start + 1)) ?? token("symbol", sql, start, start + 1)
}

/**
 * Splits SQL text into tokens that cover it without gaps.
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
    const token = tokenAt(sql, at)
    tokens.push(token)
    at = token.end
  }
  return tokens
}

/** The tokens that mean something: all but white space and comments. PostgreSQL refuses a comment without an end. */
export const meaningful = (sql: string): ReadonlyArray<Token> =>
  tokenize(sql).filter(({ kind, unterminated }) => kind !== "space" && (kind !== "comment" || unterminated))

/** Whether a statement's first words create a function or procedure, whose body may contain semicolons. */
const beginsRoutine = ([first, second, third, fourth]: ReadonlyArray<string>): boolean =>
  first === "create" &&
  /^(?:function|procedure)$/.test((second === "or" && third === "replace" ? fourth : second) ?? "")

/** The tokens of one statement, without white space, comments and the semicolon. */
export interface StatementTokens {
  readonly tokens: ReadonlyArray<Token>
  /** The position of the semicolon that ends the statement, if there is one. */
  readonly semicolon: number | undefined
}

/** The tokens of each statement of a script, split as by `splitStatements`. */
export const statementTokens = (script: string): ReadonlyArray<StatementTokens> => {
  const statements: Array<StatementTokens> = []
  let tokens: Array<Token> = []
  let words: Array<string> = []
  let parentheses = 0
  let blocks = 0
  const finish = (semicolon: number | undefined) => {
    if (tokens.length > 0) statements.push({ tokens, semicolon })
    tokens = []
    words = []
  }
  for (const token of meaningful(script)) {
    const c = token.kind === "symbol" ? script[token.start] : undefined
    if (c === ";" && parentheses === 0 && blocks === 0) {
      finish(token.start)
      continue
    }
    tokens.push(token)
    if (c === "(") parentheses++
    else if (c === ")") parentheses = Math.max(0, parentheses - 1)
    else if (token.kind === "word" && parentheses === 0 && (words.length < 4 || beginsRoutine(words))) {
      const word = script.slice(token.start, token.end).toLowerCase()
      if (words.length < 4) words.push(word)
      if (!beginsRoutine(words)) continue
      if (word === "begin" || (word === "case" && blocks > 0)) blocks++
      else if (word === "end" && blocks > 0) blocks--
    }
  }
  finish(undefined)
  return statements
}

/** One statement of a script. */
export interface ScriptStatement {
  /** Without the closing semicolon and without surrounding white space and comments. */
  readonly sql: string
  /** The line on which it begins, from 1. */
  readonly line: number
}

/**
 * Splits a script at the semicolons that end statements, as `psql` does, but not at semicolons in strings, comments,
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
  let line = 1
  let lineEnd = script.indexOf("\n")
  return statementTokens(script).map(({ tokens }) => {
    const start = tokens[0]?.start ?? 0
    // Kept from statement to statement: a search from each of them would read the rest of a long line again and again.
    for (; lineEnd !== -1 && lineEnd < start; lineEnd = script.indexOf("\n", lineEnd + 1)) line++
    return { sql: script.slice(start, tokens.at(-1)?.end), line }
  })
}
