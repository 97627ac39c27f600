/** Writes and reads COPY's text and CSV formats. Pure. */
import { octetEscapes, textOfOctets } from "../values/OctetEscapes.ts"
import { notUtf8Message } from "../values/Utf8.ts"
import { type CopyFault, type CopyLines, LineSplitter } from "./CopyLines.ts"
import type { CopyOptions } from "./CopyStatement.ts"

type Row = ReadonlyArray<string | null>

const letters: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\"
}

/** Writes rows of the text format, each with its line break. */
const textWriter = ({ delimiter, nullText }: CopyOptions) => {
  const special = new RegExp(
    `[\\b\\f\\n\\r\\t\\v\\\\${delimiter === "\t" ? "" : `\\u{${delimiter.codePointAt(0)?.toString(16)}}`}]`,
    "gu"
  )
  const escaped = (value: string) => value.replace(special, (c) => letters[c] ?? `\\${c}`)
  return (row: Row): string => `${row.map((value) => (value === null ? nullText : escaped(value))).join(delimiter)}\n`
}

const csvWriter = (options: CopyOptions, names: ReadonlyArray<string>) => {
  const { delimiter, escapeWith, forceQuote, nullText, quote } = options
  const forced = names.map((name) => forceQuote === "*" || forceQuote.includes(name))
  const needsQuotes = (value: string, single: boolean) =>
    value === nullText ||
    value.includes(delimiter) ||
    value.includes(quote) ||
    /[\r\n]/.test(value) ||
    (single && value === "\\.")
  // A function writes them: in a text that replaces, "$$" would be one character.
  const before = (value: string, special: string) => value.replaceAll(special, () => escapeWith + special)
  const quoted = (value: string) => {
    const inner = escapeWith === quote ? value : before(value, escapeWith)
    return quote + before(inner, quote) + quote
  }
  return (row: Row): string =>
    `${row
      .map((value, index) => {
        if (value === null) return nullText
        return forced[index] === true || needsQuotes(value, row.length === 1) ? quoted(value) : value
      })
      .join(delimiter)}\n`
}

/** Writes rows as lines. */
export const rowWriter = (options: CopyOptions, names: ReadonlyArray<string>): ((row: Row) => string) =>
  options.format === "csv" ? csvWriter(options, names) : textWriter(options)

/** One record that was read. */
export interface CopyRecord {
  readonly values: Row
  /** PostgreSQL's number of its line, from 1. */
  readonly line: number
  readonly text: string
}

/** Reads lines as they arrive, in pieces of any size. */
export interface RecordReader {
  /** The header, once it has been read. */
  readonly header: () => CopyRecord | undefined
  /** The records that this piece completes, or why one is refused. */
  readonly read: (piece: string) => ReadonlyArray<CopyRecord> | CopyFault
  /** How many characters of a record have arrived that is not complete. */
  readonly left: () => number
  /** The last records, of which one may end without a line break. */
  readonly end: () => ReadonlyArray<CopyRecord> | CopyFault
}

const unescapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }

// A backslash at the end of the input stands for nothing.
const ESCAPED = /* @__PURE__ */ new RegExp(String.raw`${octetEscapes}|\\([\s\S]?)`, "g")

/** The value that a field writes; undefined where the octets of its escapes are no text. */
const unescaped = (field: string): string | undefined => {
  if (!field.includes("\\")) return field
  let isText = true
  const value = field.replaceAll(ESCAPED, (written: string, letter?: string) => {
    if (letter !== undefined) return unescapes[letter] ?? letter
    const text = textOfOctets(written)
    isText &&= text !== undefined
    return text ?? ""
  })
  return isText ? value : undefined
}

/** The values of a line; a delimiter after a backslash is data. */
const fieldsOf = (line: string, delimiter: string): ReadonlyArray<string> => {
  if (!line.includes("\\")) return line.split(delimiter)
  const fields: Array<string> = []
  let from = 0
  for (let at = 0; at < line.length; at++) {
    if (line[at] === "\\") at++
    else if (line[at] === delimiter) {
      fields.push(line.slice(from, at))
      from = at + 1
    }
  }
  fields.push(line.slice(from))
  return fields
}

/** Reads the values of a line; undefined where a quote is not closed, or octets are no text. */
type ReadLine = (line: string) => Row | undefined

const textLine =
  ({ delimiter, nullText }: CopyOptions): ReadLine =>
  (line) => {
    const values: Array<string | null> = []
    for (const field of fieldsOf(line, delimiter)) {
      const value = field === nullText ? null : unescaped(field)
      if (value === undefined) return undefined
      values.push(value)
    }
    return values
  }

/** The text between quotes that begins at `from`, and where it ends; undefined if it does not. */
const quotedText = (
  line: string,
  from: number,
  { escapeWith, quote }: CopyOptions
): { readonly text: string; readonly end: number } | undefined => {
  let text = ""
  for (let at = from; at < line.length; at++) {
    const [c, next] = [line[at], line[at + 1]]
    if (c === escapeWith && (next === quote || next === escapeWith)) {
      text += next
      at++
    } else if (c === quote) return { text, end: at + 1 }
    else text += c
  }
  return undefined
}

const csvLine = (options: CopyOptions, names: ReadonlyArray<string>): ReadLine => {
  const { delimiter, forceNotNull, forceNull, nullText, quote } = options
  const fieldOf = (value: string, column: number, wasQuoted: boolean): string | null => {
    const name = names[column] ?? ""
    const isNull = value === nullText && (wasQuoted ? forceNull.includes(name) : !forceNotNull.includes(name))
    return isNull ? null : value
  }
  return (line) => {
    if (!line.includes(quote)) return line.split(delimiter).map((value, column) => fieldOf(value, column, false))
    const values: Array<string | null> = []
    let value = ""
    let wasQuoted = false
    for (let at = 0; at < line.length; ) {
      const c = line[at++]
      if (c === delimiter) {
        values.push(fieldOf(value, values.length, wasQuoted))
        value = ""
        wasQuoted = false
      } else if (c === quote) {
        const quoted = quotedText(line, at, options)
        if (quoted === undefined) return undefined
        value += quoted.text
        at = quoted.end
        wasQuoted = true
      } else value += c
    }
    return [...values, fieldOf(value, values.length, wasQuoted)]
  }
}

/** Reads lines as rows. */
export const recordReader = (options: CopyOptions, names: ReadonlyArray<string>): RecordReader => {
  const splitter = new LineSplitter(options)
  const csv = options.format === "csv"
  const valuesOf = csv ? csvLine(options, names) : textLine(options)
  const refused: Pick<CopyFault, "code" | "message"> = csv
    ? { code: "22P04", message: "unterminated CSV quoted field" }
    : { code: "22021", message: notUtf8Message(new Uint8Array()) }
  let header: CopyRecord | undefined
  const recordsOf = ({ fault, lines }: CopyLines): ReadonlyArray<CopyRecord> | CopyFault => {
    const records: Array<CopyRecord> = []
    for (const { line, text } of lines) {
      const isHeader = options.header !== false && header === undefined
      // A header that is not compared may be anything.
      const values = isHeader && options.header !== "match" ? [] : valuesOf(text)
      if (values === undefined) return { ...refused, line, text }
      const record = { values, line, text }
      if (isHeader) header = record
      else records.push(record)
    }
    return fault ?? records
  }
  return {
    header: () => header,
    read: (piece) => recordsOf(splitter.read(piece)),
    left: () => splitter.left,
    end: () => {
      const records = recordsOf(splitter.end())
      // The header of an empty file is an empty line.
      return options.header !== false && header === undefined && !("message" in records)
        ? recordsOf({ lines: [{ text: "", line: 1 }] })
        : records
    }
  }
}
