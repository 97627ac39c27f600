/**
 * The status line and the headers of an HTTP/1.1 response (RFC 9112). A call looks at three of the headers, so they stay a
 * list: a dictionary of them costs more than all the rest of the parser.
 */

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/
const forbidden = /[\0\r\n]/
const COLON = 0x3a

/** Whether a character may be in a header's name, by its code. */
const isNamed = Array.from({ length: 256 }, (_, code) => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(code)))

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

interface Header {
  /** In small letters. */
  readonly name: string
  readonly value: string
}

/**
 * A header's name, and its value without the blanks around it; undefined if the line is not a header. An expression for
 * the whole line could try each blank as the start and as the end of the value.
 */
export const headerOf = (line: string): Header | undefined => {
  let colon = 0
  while (isNamed[line.charCodeAt(colon)] === true) colon++
  if (colon === 0 || line.charCodeAt(colon) !== COLON || forbidden.test(line)) return undefined
  let start = colon + 1
  let end = line.length
  while (start < end && isBlank(line.charCodeAt(start))) start++
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--
  return { name: line.slice(0, colon).toLowerCase(), value: line.slice(start, end) }
}

export class AnswerHead {
  /** That of a response of which nothing has arrived. */
  static readonly none = new AnswerHead(0, "", [])

  readonly status: number
  readonly #minorVersion: string
  readonly #list: ReadonlyArray<Header>

  private constructor(status: number, minorVersion: string, list: ReadonlyArray<Header>) {
    this.status = status
    this.#minorVersion = minorVersion
    this.#list = list
  }

  /** Parses the text before the empty line; undefined if it is not HTTP/1.1. */
  static parse(text: string): AnswerHead | undefined {
    const [first = "", ...lines] = text.split("\r\n")
    const status = statusLine.exec(first)
    if (status === null) return undefined
    const list: Array<Header> = []
    for (const line of lines) {
      const header = headerOf(line)
      if (header === undefined) return undefined
      list.push(header)
    }
    return new AnswerHead(Number(status[2]), status[1] ?? "", list)
  }

  /** The value of a header; the values of several with one name are joined by commas, as RFC 9110 defines. */
  value(name: string): string | undefined {
    let found: string | undefined
    for (const header of this.#list) {
      if (header.name === name) found = found === undefined ? header.value : `${found}, ${header.value}`
    }
    return found
  }

  get headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = Object.create(null)
    for (const { name } of this.#list) headers[name] = this.value(name) ?? ""
    return headers
  }

  /** Whether the server keeps the connection open after the response. */
  get persists(): boolean {
    const connection = this.value("connection") ?? ""
    return this.#minorVersion === "1" ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection)
  }

  /** How long the server keeps an idle connection, in milliseconds, if it says so. */
  get keepsIdleFor(): number | undefined {
    const seconds = /\btimeout=(\d{1,6})/i.exec(this.value("keep-alive") ?? "")?.[1]
    return seconds === undefined ? undefined : Number(seconds) * 1000
  }
}
