/** Parses COPY statements. Pure. */

import * as Result from "effect/Result"
import { unquotedName } from "../../data-api/statement/Quoting.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { afterParentheses } from "../statement/InnerQuery.ts"
import { isString, stringValue } from "../statement/literals/LiteralValue.ts"
import { encodingName, encodingOf } from "../values/Encodings.ts"
import { type CopyRefusal, copyRefusal } from "./CopyChecks.ts"

export interface CopyOptions {
  readonly format: "text" | "csv" | "binary"
  /** PostgreSQL's name of the encoding of text and csv; undefined for that of the client. */
  readonly encoding?: string | undefined
  readonly delimiter: string
  readonly nullText: string
  /** `match`: the names in the header must be those of the columns. */
  readonly header: boolean | "match"
  readonly quote: string
  readonly escapeWith: string
  /** Columns whose values are always quoted in CSV; `*` for all. */
  readonly forceQuote: ReadonlyArray<string> | "*"
  /** Columns whose unquoted null text is a plain text in CSV, not NULL. */
  readonly forceNotNull: ReadonlyArray<string>
  /** Columns whose quoted null text is NULL in CSV. */
  readonly forceNull: ReadonlyArray<string>
}

export interface CopyStatement {
  readonly direction: "in" | "out"
  /** The table as written; undefined for a query. */
  readonly table: string | undefined
  /** The table's own name, without schema and quotes, as PostgreSQL shows it; empty for a query. */
  readonly tableName: string
  /** Names as written; undefined for all columns. */
  readonly columns: ReadonlyArray<string> | undefined
  readonly query: string | undefined
  /** Where the query begins in the statement. */
  readonly queryAt: number
  readonly options: CopyOptions
}

/** The value of a string literal, or the word itself. */
const literalOf = (word = ""): string => {
  const dollars = /^(\$[^$]*\$)(.*)\1$/s.exec(word)
  if (dollars !== null) return dollars[2] ?? ""
  // What is no text is no option either: its check refuses it.
  return isString(word) ? (stringValue(word) ?? "\ufffd") : unquotedName(word)
}

type Mutable = { -readonly [K in keyof CopyOptions]: CopyOptions[K] }

const isBoolean = /^(?:true|false|on|off|0|1)$/i

const isOn = (value: string | undefined): boolean => value === undefined || /^(?:true|on|1)$/i.test(value)

const listOf = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.filter((word) => word !== "," && word !== "(" && word !== ")").map(literalOf)

/** Applies an option; false if the option or its value is unknown. */
const apply = (options: Mutable, name: string, words: ReadonlyArray<string>): boolean => {
  const value = words.length === 0 ? undefined : literalOf(words[0])
  switch (name) {
    case "format":
      if (value !== "text" && value !== "csv" && value !== "binary") return false
      options.format = value
      return true
    case "delimiter":
      options.delimiter = value ?? ""
      return true
    case "null":
      options.nullText = value ?? ""
      return true
    case "header":
      options.header = value?.toLowerCase() === "match" ? "match" : isOn(value)
      return true
    case "quote":
      options.quote = value ?? ""
      return true
    case "escape":
      options.escapeWith = value ?? ""
      return true
    case "force_quote":
      options.forceQuote = value === "*" ? "*" : listOf(words)
      return true
    case "force_not_null":
      options.forceNotNull = listOf(words)
      return true
    case "force_null":
      options.forceNull = listOf(words)
      return true
    case "encoding":
      options.encoding = encodingName(value ?? "")
      return options.encoding !== undefined && encodingOf(options.encoding) !== undefined
    case "freeze":
      return true
    default:
      return false
  }
}

/** Why PostgreSQL does not take a value, without a place in the statement; undefined if it takes it. */
const wrongValue = (name: string, words: ReadonlyArray<string>): string | undefined => {
  const value = words.length === 0 ? undefined : literalOf(words[0])
  if (/^(?:format|delimiter|null|quote|escape|encoding)$/.test(name) && value === undefined)
    return `${name} requires a parameter`
  if (name === "header" && !isBoolean.test(value ?? "on") && value?.toLowerCase() !== "match")
    return 'header requires a Boolean value or "match"'
  return name === "freeze" && !isBoolean.test(value ?? "on") ? "freeze requires a Boolean value" : undefined
}

/** Applies an option, named by the word at `word`; returns a refusal if it is unknown or was given before. */
const applied = (
  options: Mutable,
  given: Set<string>,
  name: string,
  words: ReadonlyArray<string>,
  word: number
): CopyRefusal | undefined => {
  if (given.has(name)) return { code: "42601", message: "conflicting or redundant options", word }
  given.add(name)
  const wrong = wrongValue(name, words)
  if (wrong !== undefined) return { code: "42601", message: wrong }
  if (apply(options, name, words)) return undefined
  const value = literalOf(words[0])
  if (name === "format") return { code: "22023", message: `COPY format "${value}" not recognized`, word }
  if (name !== "encoding") return { code: "42601", message: `option "${name}" not recognized`, word }
  if (encodingName(value) === undefined) {
    return { code: "22023", message: 'argument to option "encoding" must be a valid encoding name', word }
  }
  return { code: "0A000", message: `COPY with the encoding "${value}" is not supported by the gateway` }
}

/** Applies the options of `(format csv, header, ...)`, given without the parentheses; the first is the word at `from`. */
const listed = (
  options: Mutable,
  given: Set<string>,
  words: ReadonlyArray<string>,
  from: number
): CopyRefusal | undefined => {
  for (let at = 0; at < words.length; ) {
    let end = at
    for (let depth = 0; end < words.length && (depth > 0 || words[end] !== ","); end++) {
      if (words[end] === "(") depth++
      else if (words[end] === ")") depth--
    }
    const refused = applied(options, given, words[at] ?? "", words.slice(at + 1, end), from + at)
    if (refused !== undefined) return refused
    at = end + 1
  }
  return undefined
}

/** Applies the options of the older form: `csv header delimiter as ','`; the first is the word at `from`. */
const worded = (
  options: Mutable,
  given: Set<string>,
  words: ReadonlyArray<string>,
  from: number
): CopyRefusal | undefined => {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ""
    const place = from + at
    let refused: CopyRefusal | undefined
    if (word === "csv" || word === "binary") refused = applied(options, given, "format", [word], place)
    else if (word === "header" || word === "freeze") refused = applied(options, given, word, [], place)
    else if (word === "force") {
      const start = words[at + 1] === "not" ? at + 3 : at + 2
      let end = start + 1
      while (words[end] === ",") end += 2
      refused = applied(options, given, words.slice(at, start).join("_"), words.slice(start, end), place)
      at = end - 1
    } else {
      if (words[at + 1] === "as") at++
      refused = applied(options, given, word, [words[++at] ?? ""], place)
    }
    if (refused !== undefined) return refused
  }
  return undefined
}

const optionsOf = (
  words: ReadonlyArray<string>,
  from: number,
  direction: CopyStatement["direction"]
): Result.Result<CopyOptions, CopyRefusal> => {
  const given = new Set<string>()
  const options: Mutable = {
    format: "text",
    delimiter: "",
    nullText: "",
    header: false,
    quote: '"',
    escapeWith: "",
    forceQuote: [],
    forceNotNull: [],
    forceNull: []
  }
  const [rest, first] = words[0] === "with" ? [words.slice(1), from + 1] : [words, from]
  const refused =
    rest[0] === "(" ? listed(options, given, rest.slice(1, -1), first + 1) : worded(options, given, rest, first)
  if (refused !== undefined) return Result.fail(refused)
  const csv = options.format === "csv"
  if (!given.has("delimiter")) options.delimiter = csv ? "," : "\t"
  if (!given.has("null")) options.nullText = csv ? "" : "\\N"
  if (!given.has("escape")) options.escapeWith = options.quote
  const wrong = copyRefusal(options, given, direction)
  return wrong === undefined ? Result.succeed(options) : Result.fail(wrong)
}

/** Parses a COPY; undefined if it is not from or to the client. */
export const copyOf = (statement: ClientStatement): Result.Result<CopyStatement | undefined, CopyRefusal> => {
  const { sql, starts, words } = statement
  const text = (from: number, to: number) => sql.slice(starts[from], starts[to] ?? sql.length).trim()
  const binary = words[1] === "binary" ? 1 : 0
  let at = 1 + binary
  let query: string | undefined
  let queryAt = 0
  let table: string | undefined
  let tableName = ""
  let columns: ReadonlyArray<string> | undefined
  if (words[at] === "(") {
    const end = afterParentheses(words, at)
    queryAt = (starts[at] ?? 0) + 1
    query = sql.slice(queryAt, starts[end - 1])
    at = end
  } else {
    const start = at
    while (at < words.length && !/^(?:\(|from|to)$/.test(words[at] ?? "")) at++
    table = text(start, at)
    tableName = unquotedName(words[at - 1])
    if (words[at] === "(") {
      const end = afterParentheses(words, at)
      columns = words.slice(at + 1, end - 1).filter((word) => word !== ",")
      at = end
    }
  }
  const [direction, target] = [words[at], words[at + 1]]
  // PostgreSQL takes either word for either direction.
  if (target !== "stdin" && target !== "stdout") return Result.succeed(undefined)
  if (direction !== "to" && (direction !== "from" || query !== undefined)) {
    return Result.succeed(undefined)
  }
  const rest = words.slice(at + 2)
  if (rest.includes("where")) {
    return Result.fail({ code: "0A000", message: "COPY ... WHERE is not supported by the gateway" })
  }
  const way = direction === "from" ? "in" : "out"
  return Result.map(optionsOf(binary === 1 ? ["binary", ...rest] : rest, at + 2 - binary, way), (options) => ({
    direction: way,
    table,
    tableName,
    columns,
    query,
    queryAt,
    options
  }))
}
