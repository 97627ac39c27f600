/** Writes and reads COPY's text and CSV formats. Pure. */
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
  const quoted = (value: string) => {
    const inner = escapeWith === quote ? value : value.replaceAll(escapeWith, escapeWith + escapeWith)
    return quote + inner.replaceAll(quote, escapeWith + quote) + quote
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
  /** The number of its first line, from 1. */
  readonly line: number
  readonly text: string
}

/**
 * Reads lines as they arrive, in pieces of any size.
 *
 * @throws TypeError where the octets of escapes are no text in UTF-8.
 */
export interface RecordReader {
  /** The header, once it has been read. */
  readonly header: () => CopyRecord | undefined
  /** The records that this piece completes. */
  readonly read: (piece: string) => ReadonlyArray<CopyRecord>
  /** How many characters of a record have arrived that is not complete. */
  readonly left: () => number
  /** The last record, if the input ended without a line break. */
  readonly end: () => ReadonlyArray<CopyRecord>
}

const unescapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }

/** The text of octets in UTF-8, which escapes name one by one. */
const textOfOctets = (written: string): string => {
  const octets = Array.from(written.matchAll(/\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))/g), ([, hex, octal = ""]) =>
    hex === undefined ? Number.parseInt(octal, 8) & 0xff : Number.parseInt(hex, 16)
  )
  // PostgreSQL's text holds no NUL. In UTF-8 there is no octet 0xff either, which the decoder refuses.
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
    Uint8Array.from(octets, (octet) => (octet === 0 ? 0xff : octet))
  )
}

/** @throws TypeError where the octets of escapes are no text in UTF-8. */
const unescaped = (value: string): string =>
  value.includes("\\")
    ? value.replaceAll(/(?:\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}))+|\\([\s\S])/g, (written: string, letter?: string) =>
        letter === undefined ? textOfOctets(written) : (unescapes[letter] ?? letter)
      )
    : value

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

/** Whether a text ends with a backslash that escapes what follows; `escaped` says so of the text before it. */
const endsEscaped = (text: string, escaped: boolean): boolean => {
  let plain = text.length
  while (text[plain - 1] === "\\") plain--
  return (text.length - plain + (plain === 0 && escaped ? 1 : 0)) % 2 === 1
}

/**
 * The end of the line that continues at `from`, past line breaks escaped by a backslash; -1 if it has not arrived.
 *
 * @param escaped whether a backslash before `from` escapes the character there
 */
const endOfLine = (text: string, from: number, escaped: boolean): number => {
  let start = from
  let before = escaped
  for (let end = text.indexOf("\n", from); end !== -1; end = text.indexOf("\n", start)) {
    before = endsEscaped(text.slice(start, end), before)
    if (!before) return end
    before = false
    start = end + 1
  }
  return -1
}

const textReader = ({ delimiter, header, nullText }: CopyOptions): RecordReader => {
  /** The pieces of the line that has not ended; joined only then, since a long line comes in many. */
  let pieces: Array<string> = []
  let length = 0
  let escaped = false
  let line = 0
  let ended = false
  let first: CopyRecord | undefined
  const recordOf = (text: string): ReadonlyArray<CopyRecord> => {
    line++
    const plain = text.endsWith("\r") ? text.slice(0, -1) : text
    if (plain === "\\.") ended = true
    if (ended) return []
    const values = fieldsOf(plain, delimiter).map((value) => (value === nullText ? null : unescaped(value)))
    const record = { values, line, text: plain }
    if (header === false || line > 1) return [record]
    first = record
    return []
  }
  return {
    header: () => first,
    read: (piece) => {
      const records: Array<CopyRecord> = []
      let from = 0
      for (let end = endOfLine(piece, 0, escaped); end !== -1; end = endOfLine(piece, from, false)) {
        records.push(...recordOf(pieces.join("") + piece.slice(from, end)))
        pieces = []
        length = 0
        escaped = false
        from = end + 1
      }
      const rest = piece.slice(from)
      if (rest === "") return records
      escaped = endsEscaped(rest, escaped)
      pieces.push(rest)
      length += rest.length
      return records
    },
    left: () => length,
    end: () => (length === 0 ? [] : recordOf(pieces.join("")))
  }
}

/** Reads CSV character by character. */
class CsvReader implements RecordReader {
  readonly #options: CopyOptions
  readonly #names: ReadonlyArray<string>
  #values: Array<string | null> = []
  #value = ""
  #wasQuoted = false
  #quoting = false
  #text = ""
  #line = 1
  #start = 1
  #held = ""
  #ended = false
  #header: CopyRecord | undefined

  constructor(options: CopyOptions, names: ReadonlyArray<string>) {
    this.#options = options
    this.#names = names
  }

  #endValue(): void {
    const { forceNotNull, forceNull, nullText } = this.#options
    const name = this.#names[this.#values.length] ?? ""
    const isNull =
      this.#value === nullText && (this.#wasQuoted ? forceNull.includes(name) : !forceNotNull.includes(name))
    this.#values.push(isNull ? null : this.#value)
    this.#value = ""
    this.#wasQuoted = false
  }

  #endRecord(): ReadonlyArray<CopyRecord> {
    const unquoted = !this.#wasQuoted && this.#values.length === 0
    if (unquoted && this.#value === "\\.") this.#ended = true
    this.#endValue()
    const record = { values: this.#values, line: this.#start, text: this.#text }
    const isHeader = this.#options.header !== false && this.#start === 1
    if (isHeader) this.#header = record
    this.#values = []
    this.#text = ""
    this.#start = this.#line
    return this.#ended || isHeader ? [] : [record]
  }

  readonly header = (): CopyRecord | undefined => this.#header

  readonly left = (): number => this.#text.length

  read(piece: string): ReadonlyArray<CopyRecord> {
    const { delimiter, escapeWith, quote } = this.#options
    const text = this.#held + piece
    this.#held = ""
    const records: Array<CopyRecord> = []
    for (let at = 0; at < text.length; at++) {
      const c = text[at] ?? ""
      const next = text[at + 1]
      // Its meaning depends on the next character, which has not arrived.
      if (next === undefined && (c === quote || c === escapeWith || c === "\r")) {
        this.#held = c
        break
      }
      if (c === "\n") this.#line++
      if (this.#quoting) {
        this.#text += c
        if (c === escapeWith && (next === quote || next === escapeWith)) {
          this.#value += next
          this.#text += next
          at++
        } else if (c === quote) this.#quoting = false
        else this.#value += c
      } else if (c === "\r" && next === "\n") continue
      else if (c === "\n") records.push(...this.#endRecord())
      else {
        this.#text += c
        if (c === delimiter) this.#endValue()
        else if (c === quote) {
          this.#quoting = true
          this.#wasQuoted = true
        } else this.#value += c
      }
    }
    return records
  }

  end(): ReadonlyArray<CopyRecord> {
    const records = this.#held === "" ? [] : [...this.read("\n")]
    if (this.#text === "" && this.#values.length === 0) return records
    return [...records, ...this.#endRecord()]
  }
}

/** Reads lines as rows. */
export const recordReader = (options: CopyOptions, names: ReadonlyArray<string>): RecordReader =>
  options.format === "csv" ? new CsvReader(options, names) : textReader(options)
