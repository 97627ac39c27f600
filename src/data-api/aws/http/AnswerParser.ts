/**
 * Parses one HTTP/1.1 response from the octets of a connection, as RFC 9112 frames it. Any other framing is refused:
 * the end of the response would be a guess, and so would the start of the next one on the connection.
 */
import type { Answer } from "../../rest-json/WireFailures.ts"

/** Octets of the status line and the headers together (the default of Node's client), and of a chunk's size line. */
const MAX_HEAD = 16 * 1024
const MAX_LINE = 1024

const nothing = Buffer.alloc(0)
const headEnd = Buffer.from("\r\n\r\n")
const lineEnd = Buffer.from("\r\n")

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?=:)/
const forbidden = /[\0\r\n]/

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

interface Header {
  readonly name: string
  readonly value: string
}

/**
 * A header's name, and its value without the blanks around it; undefined if the line is not a header. An expression for
 * the whole line could try each blank as the start and as the end of the value.
 */
const headerOf = (line: string): Header | undefined => {
  const [name] = fieldName.exec(line) ?? []
  if (name === undefined || forbidden.test(line)) return undefined
  let start = name.length + 1
  let end = line.length
  while (start < end && isBlank(line.charCodeAt(start))) start++
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--
  return { name: name.toLowerCase(), value: line.slice(start, end) }
}

type Headers = Record<string, string>

const headersOf = (lines: ReadonlyArray<string>): Headers | undefined => {
  const headers: Headers = Object.create(null)
  for (const line of lines) {
    const header = headerOf(line)
    if (header === undefined) return undefined
    const { name, value } = header
    const known = headers[name]
    headers[name] = known === undefined ? value : `${known}, ${value}`
  }
  return headers
}

type Part = "head" | "sized" | "chunk size" | "chunk" | "chunk end" | "trailers" | "until the end"

/** The most octets that are reserved because a header announces them: the most that the service sends. */
const MAX_RESERVED = 1024 * 1024

/** The octets of a body, copied as they arrive into a buffer that grows. */
class Body {
  #buffer: Buffer
  size = 0

  constructor(announced: number) {
    this.#buffer = Buffer.allocUnsafe(Math.min(announced, MAX_RESERVED))
  }

  append(octets: Buffer): void {
    if (octets.length > this.#buffer.length - this.size) {
      const larger = Buffer.allocUnsafe(this.size + Math.max(octets.length, this.size))
      this.#buffer.copy(larger, 0, 0, this.size)
      this.#buffer = larger
    }
    this.size += octets.copy(this.#buffer, this.size)
  }

  get octets(): Buffer {
    return this.#buffer.subarray(0, this.size)
  }
}

/**
 * Takes the data as it arrives, until it is `done` or `wrong` says why this is not an HTTP response. It keeps none of the
 * buffers that it is given.
 */
export class AnswerParser {
  #part: Part = "head"
  /** Data that has arrived and is not parsed yet. */
  #pending: Buffer = nothing
  #headers: Headers = {}
  #status = 0
  /** Octets of the body or the chunk that have not arrived yet. */
  #remaining = 0
  #body = new Body(0)
  #persists = false
  done = false
  wrong: string | undefined
  /** Whether any part of the response has arrived. */
  begun = false

  /** Whether the connection can take another request. */
  get persists(): boolean {
    return this.#persists && this.#pending.length === 0
  }

  get answer(): Answer {
    return { status: this.#status, headers: this.#headers, body: this.#body.octets, size: this.#body.size }
  }

  push(bytes: Buffer): void {
    this.begun = true
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    while (!this.done && this.wrong === undefined && this.#step()) {}
    if (!this.done && this.#pending.length > 0) this.#pending = Buffer.from(this.#pending)
  }

  /** Tells the parser that no more data will arrive. */
  end(): void {
    if (this.done || this.wrong !== undefined) return
    if (this.#part === "until the end") this.done = true
    else this.wrong = "the answer broke off"
  }

  /** Parses one part; false if it needs more data. */
  #step(): boolean {
    switch (this.#part) {
      case "head":
        return this.#readHead()
      case "sized":
      case "chunk":
      case "until the end":
        return this.#readBody()
      case "chunk size":
        return this.#readLine((line) => this.#beginChunk(line))
      case "chunk end":
        return this.#readLine((line) => {
          this.#part = "chunk size"
          return line === ""
        })
      case "trailers":
        return this.#readLine((line) => {
          this.done = line === ""
          return this.done || headerOf(line) !== undefined
        })
    }
  }

  #refuse(why: string): false {
    this.wrong = why
    return false
  }

  #take(size: number): Buffer {
    const taken = this.#pending.subarray(0, size)
    this.#pending = size === this.#pending.length ? nothing : this.#pending.subarray(size)
    return taken
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf(headEnd)
    if (end > MAX_HEAD || (end < 0 && this.#pending.length > MAX_HEAD)) return this.#refuse("its headers are too long")
    if (end < 0) return false
    const [first = "", ...lines] = this.#take(end).toString("latin1").split("\r\n")
    this.#take(headEnd.length)
    const status = statusLine.exec(first)
    const headers = headersOf(lines)
    if (status === null || headers === undefined) return this.#refuse("the answer is not HTTP")
    this.#status = Number(status[2])
    // 100 and 103 precede a response. 101 switches to another protocol, which no request asked for.
    if (this.#status < 200) return this.#status === 101 ? this.#refuse("the answer is not HTTP") : true
    this.#headers = headers
    const connection = headers["connection"]?.toLowerCase() ?? ""
    this.#persists = status[1] === "1" ? !/\bclose\b/.test(connection) : /\bkeep-alive\b/.test(connection)
    return this.#frame(headers)
  }

  #frame(headers: Headers): boolean {
    const coding = headers["transfer-encoding"]
    const length = headers["content-length"]
    if (this.#status === 204 || this.#status === 304) {
      this.done = true
      return true
    }
    if (coding !== undefined) {
      if (coding.toLowerCase() !== "chunked" || length !== undefined) return this.#refuse("its length is not clear")
      this.#part = "chunk size"
      return true
    }
    if (length === undefined) {
      this.#persists = false
      this.#part = "until the end"
      return true
    }
    if (!/^\d{1,15}$/.test(length)) return this.#refuse("its length is not clear")
    this.#body = new Body(Number(length))
    return this.#expect("sized", Number(length))
  }

  #expect(part: "sized" | "chunk", size: number): boolean {
    this.#part = part
    this.#remaining = size
    this.done = part === "sized" && size === 0
    return true
  }

  #readBody(): boolean {
    if (this.#pending.length === 0) return false
    const part = this.#part
    const taken = this.#take(
      part === "until the end" ? this.#pending.length : Math.min(this.#remaining, this.#pending.length)
    )
    this.#body.append(taken)
    if (part === "until the end") return false
    this.#remaining -= taken.length
    if (this.#remaining > 0) return false
    if (part === "sized") this.done = true
    else this.#part = "chunk end"
    return true
  }

  #readLine(read: (line: string) => boolean): boolean {
    const end = this.#pending.indexOf(lineEnd)
    if (end > MAX_LINE || (end < 0 && this.#pending.length > MAX_LINE)) return this.#refuse("its length is not clear")
    if (end < 0) return false
    const line = this.#take(end).toString("latin1")
    this.#take(lineEnd.length)
    return read(line) || this.#refuse("its length is not clear")
  }

  #beginChunk(line: string): boolean {
    const [, hex] = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(line) ?? []
    if (hex === undefined) return false
    const size = Number.parseInt(hex, 16)
    if (size > 0) return this.#expect("chunk", size)
    this.#part = "trailers"
    return true
  }
}
