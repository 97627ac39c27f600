/**
 * Parses one HTTP/1.1 response from the octets of a connection, as RFC 9112 frames it. Any other framing is refused:
 * the end of the response would be a guess, and so would the start of the next one on the connection.
 */
import type { Answer } from "../../rest-json/WireFailures.ts"
import { AnswerHead, headerOf } from "./AnswerHead.ts"

/** Octets of the status line and the headers together (the default of Node's client), and of a chunk's size line. */
const MAX_HEAD = 16 * 1024
const MAX_LINE = 1024

const nothing: Buffer = Buffer.alloc(0)
const headEnd = Buffer.from("\r\n\r\n")
const lineEnd = Buffer.from("\r\n")
/** Why an answer is refused. */
const unclear = "its length is not clear"

/** A `rest` ends with the connection. */
type Part = "head" | "sized" | "chunk size" | "chunk" | "chunk end" | "trailers" | "rest"

/** The most octets that are reserved because a header announces them: the most that the service sends. */
const MAX_RESERVED = 1024 * 1024

/** The octets of a body, copied as they arrive into a buffer that grows. */
class Body {
  #buffer = nothing
  size = 0

  reserve(announced: number): void {
    this.#buffer = Buffer.allocUnsafe(Math.min(announced, MAX_RESERVED))
  }

  /** Appends the octets of a buffer from a place on. */
  append(source: Buffer, from: number, count: number): void {
    if (count > this.#buffer.length - this.size) {
      const larger = Buffer.allocUnsafe(this.size + Math.max(count, this.size))
      this.#buffer.copy(larger, 0, 0, this.size)
      this.#buffer = larger
    }
    this.size += source.copy(this.#buffer, this.size, from, from + count)
  }

  get octets(): Buffer {
    return this.size === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.size)
  }
}

/** A whole response. Its headers become a dictionary only if it is asked for. */
class HeadedAnswer implements Answer {
  readonly #head: AnswerHead
  readonly body: Buffer

  constructor(head: AnswerHead, body: Buffer) {
    this.#head = head
    this.body = body
  }

  get status(): number {
    return this.#head.status
  }

  get headers(): Answer["headers"] {
    return this.#head.headers
  }

  get size(): number {
    return this.body.length
  }
}

/**
 * Takes the data as it arrives, until it is `done` or `wrong` says why this is not an HTTP response. It keeps none of the
 * buffers that it is given.
 */
export class AnswerParser {
  #part: Part = "head"
  /** Data that has arrived; what is before the place is parsed. */
  #arrived = nothing
  #at = 0
  #head = AnswerHead.none
  /** Octets of the body or the chunk that have not arrived yet. */
  #remaining = 0
  readonly #body = new Body()
  #persists = false
  done = false
  wrong: string | undefined
  /** Whether any part of the response has arrived. */
  begun = false

  /** Whether the connection can take another request. */
  get persists(): boolean {
    return this.#persists && this.#pending === 0
  }

  /** How long the server keeps the connection while it is idle, in milliseconds, if it says so. */
  get keepsIdleFor(): number | undefined {
    return this.#head.keepsIdleFor
  }

  /** The response, once it is done. */
  get answer(): Answer {
    return new HeadedAnswer(this.#head, this.#body.octets)
  }

  push(bytes: Buffer): void {
    this.begun = true
    this.#arrived = this.#pending === 0 ? bytes : Buffer.concat([this.#arrived.subarray(this.#at), bytes])
    this.#at = 0
    while (!this.done && this.wrong === undefined && this.#step()) {}
    if (this.done) return
    this.#arrived = this.#pending === 0 ? nothing : Buffer.from(this.#arrived.subarray(this.#at))
    this.#at = 0
  }

  /** Tells the parser that no more data will arrive. */
  end(): void {
    if (this.done || this.wrong !== undefined) return
    if (this.#part === "rest") this.done = true
    else this.wrong = "the answer broke off"
  }

  /** Octets that have arrived and are not parsed yet. */
  get #pending(): number {
    return this.#arrived.length - this.#at
  }

  /** Parses one part; false if it needs more data. */
  #step(): boolean {
    switch (this.#part) {
      case "head":
        return this.#readHead()
      case "sized":
      case "chunk":
      case "rest":
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

  /** The text before a mark, which may be of `most` octets; undefined if the mark has not arrived. */
  #textBefore(mark: Buffer, most: number, tooLong: string): string | undefined {
    const end = this.#arrived.indexOf(mark, this.#at)
    if ((end < 0 ? this.#pending : end - this.#at) > most) this.wrong = tooLong
    if (end < 0 || this.wrong !== undefined) return undefined
    const text = this.#arrived.toString("latin1", this.#at, end)
    this.#at = end + mark.length
    return text
  }

  #readHead(): boolean {
    const text = this.#textBefore(headEnd, MAX_HEAD, "its headers are too long")
    if (text === undefined) return false
    const head = AnswerHead.parse(text)
    // 101 switches to another protocol, which no request asked for.
    if (head === undefined || head.status === 101) return this.#refuse("the answer is not HTTP")
    // 100 and 103 precede a response.
    if (head.status < 200) return true
    this.#head = head
    this.#persists = head.persists
    return this.#frame(head)
  }

  #frame(head: AnswerHead): boolean {
    const coding = head.value("transfer-encoding")
    const length = head.value("content-length")
    if (head.status === 204 || head.status === 304) {
      this.done = true
      return true
    }
    if (coding !== undefined) {
      if (coding.toLowerCase() !== "chunked" || length !== undefined) return this.#refuse(unclear)
      this.#part = "chunk size"
      return true
    }
    if (length === undefined) {
      this.#persists = false
      this.#part = "rest"
      return true
    }
    if (!/^\d{1,15}$/.test(length)) return this.#refuse(unclear)
    this.#body.reserve(Number(length))
    return this.#expect("sized", Number(length))
  }

  #expect(part: "sized" | "chunk", size: number): boolean {
    this.#part = part
    this.#remaining = size
    this.done = part === "sized" && size === 0
    return true
  }

  #readBody(): boolean {
    if (this.#pending === 0) return false
    const part = this.#part
    const count = part === "rest" ? this.#pending : Math.min(this.#remaining, this.#pending)
    this.#body.append(this.#arrived, this.#at, count)
    this.#at += count
    if (part === "rest") return false
    this.#remaining -= count
    if (this.#remaining > 0) return false
    if (part === "sized") this.done = true
    else this.#part = "chunk end"
    return true
  }

  #readLine(read: (line: string) => boolean): boolean {
    const line = this.#textBefore(lineEnd, MAX_LINE, unclear)
    return line !== undefined && (read(line) || this.#refuse(unclear))
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
