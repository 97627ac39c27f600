/**
 * Reads requests in the form that SDKs send, without node:http's streams, which cost more than all the rest of a small
 * call.
 *
 * Only one form is read: `POST`, a plain path, HTTP/1.1, each header once and in printable ASCII, a head that arrives
 * in one piece, a `Host` and a `Content-Length`. If any other data arrives on a connection, node:http takes over the connection,
 * with all data that has no response yet, and keeps it. So only node:http decides about unusual requests.
 */
import type { IncomingHttpHeaders } from "node:http"
import type { Socket } from "node:net"

/** A request without its body. */
export interface RequestHead {
  readonly method: string
  /** The path with its query, as in the request line. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** Its approximate length in bytes. */
  readonly bytes: number
}

/** The response to write to a connection; `"dropped"` ends the connection without one. */
export type Written =
  | {
      readonly head: string
      readonly body: string
      /** The encoding if all is ASCII: Node writes more of it at once than of UTF-8, the default. */
      readonly encoding?: "latin1"
    }
  | "dropped"

/** Sends a response; calls `lost`, if given, when it can't be delivered. */
export type AnswerWhole = (written: Written, lost?: () => void) => void

/** Handles a request, and later calls `answer` with the response. */
export type ServeWhole = (head: RequestHead, body: Buffer, answer: AnswerWhole) => void

const maxHead = 8_192
/** The usual form of a head, without the empty line at its end. */
const usual = /^POST \/[A-Za-z]+ HTTP\/1\.1\r\n(?:[A-Za-z0-9-]+:[ \t]*(?:[!-~][ -~\t]*|)\r\n)*$/
const afterPath = " HTTP/1.1\r\n".length
/** Headers that change how a body or a connection is read. */
const special = ["transfer-encoding", "expect", "upgrade", "te", "trailer", "proxy-connection"]

interface Head {
  readonly head: RequestHead
  /** The length of its body in bytes. */
  readonly length: number
}

/** Parses the head of a request; `"other"` if it is incomplete or not in the usual form. */
const headOf = (bytes: Buffer): Head | "other" => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0 || end + 4 > maxHead) return "other"
  const text = bytes.toString("latin1", 0, end + 2)
  if (!usual.test(text)) return "other"
  const headers: Record<string, string> = Object.create(null)
  let at = text.indexOf("\r\n") + 2
  const target = text.slice("POST ".length, at - afterPath)
  while (at < text.length) {
    const colon = text.indexOf(":", at)
    const next = text.indexOf("\r\n", colon)
    const name = text.slice(at, colon).toLowerCase()
    if (headers[name] !== undefined) return "other"
    headers[name] = text.slice(colon + 1, next).trim()
    at = next + 2
  }
  if (special.some((name) => headers[name] !== undefined)) return "other"
  const { connection = "keep-alive", "content-length": length = "", host } = headers
  if (host === undefined || connection.toLowerCase() !== "keep-alive" || !/^\d{1,7}$/.test(length)) return "other"
  return { head: { method: "POST", target, headers, bytes: end + 4 }, length: Number(length) }
}

/** Timeouts in milliseconds: for the first data of a connection, for a request, and for an idle connection. */
export interface Patience {
  readonly headers: number
  readonly request: number
  readonly idle: number
}

/** Options that all connections of a server share. */
export interface WholeOptions {
  readonly serve: ServeWhole
  /** The largest request in bytes, with its head. */
  readonly maxBytes: number
  /** Takes over a connection with a request of another form. */
  readonly handOver: (socket: Socket) => void
  /** Responds on a connection whose request did not arrive completely, and ends it. */
  readonly refuse: (socket: Socket, why: "too late" | "broken off") => void
  readonly patience: Patience
}

type State = "new" | "reading" | "busy" | "idle"

/** One connection, until a request of another form arrives on it. */
class WholeConnection {
  readonly #socket: Socket
  readonly #options: WholeOptions
  readonly #gone: () => void
  #state: State = "new"
  #since = performance.now()
  #chunks: Array<Buffer> = []
  #size = 0
  #wanted = 0
  #request: Head | "other" | undefined
  #closing = false

  constructor(socket: Socket, options: WholeOptions, gone: () => void) {
    this.#socket = socket
    this.#options = options
    this.#gone = gone
    socket.on("data", this.#onData)
    socket.on("end", this.#onEnd)
    socket.on("error", this.#onError)
    socket.on("close", gone)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#state !== "busy") this.#read()
    // A client that sends without waiting gets the response to its first request before more is read.
    else if (this.#size > maxHead) this.#socket.pause()
  }

  /** The client sends nothing more. */
  readonly #onEnd = (): void => {
    this.#closing = true
    if (this.#state === "reading") this.#refuse("broken off")
    else if (this.#state !== "busy") this.#socket.end()
  }

  readonly #onError = (): void => {
    this.#socket.destroy()
  }

  #read(): void {
    if (this.#size === 0 && this.#closing) this.#socket.end()
    if (this.#size === 0 || this.#size < this.#wanted) return
    const bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#chunks = [bytes]
    this.#request ??= headOf(bytes)
    if (this.#request === "other" || this.#request.head.bytes + this.#request.length > this.#options.maxBytes)
      this.#handOver()
    else this.#readBody(bytes, this.#request)
  }

  #readBody(bytes: Buffer, { head, length }: Head): void {
    const end = head.bytes + length
    if (bytes.length < end) {
      this.#wanted = end
      if (this.#state !== "reading") this.#become("reading")
      return
    }
    this.#chunks = bytes.length === end ? [] : [bytes.subarray(end)]
    this.#size -= end
    this.#wanted = 0
    this.#request = undefined
    this.#become("busy")
    this.#options.serve(head, bytes.subarray(head.bytes, end), this.#answer)
  }

  readonly #answer: AnswerWhole = (written, lost): void => {
    const socket = this.#socket
    const { idle } = this.#options.patience
    const kept = `Connection: keep-alive\r\nKeep-Alive: timeout=${idle / 1000}\r\n\r\n`
    const onWritten = lost === undefined ? undefined : (error?: Error | null) => error && lost()
    if (socket.destroyed) lost?.()
    else if (written === "dropped") socket.destroy()
    else if (this.#closing) this.#answerLast(written, lost)
    // The next request is read when this response could be written, so that responses do not pile up.
    else if (socket.write(`${written.head}${kept}${written.body}`, written.encoding ?? "utf8", onWritten)) this.#next()
    else socket.once("drain", this.#next)
  }

  /**
   * Ends the connection with a response. If the client has ended its half, it may read on or be gone, which shows only
   * by a write that fails after an earlier one: so the body is written after the head.
   */
  #answerLast({ body, head }: Exclude<Written, "dropped">, lost: (() => void) | undefined): void {
    const socket = this.#socket
    if (lost !== undefined) socket.once("error", lost)
    socket.write(`${head}Connection: close\r\n\r\n`, () => setImmediate(() => socket.end(body)))
  }

  readonly #next = (): void => {
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#become("idle")
    this.#read()
  }

  #become(state: State): void {
    this.#state = state
    this.#since = performance.now()
  }

  #leave(): void {
    const socket = this.#socket
    socket.off("data", this.#onData)
    socket.off("end", this.#onEnd)
    socket.off("error", this.#onError)
    socket.off("close", this.#gone)
    this.#gone()
  }

  #handOver(): void {
    this.#leave()
    this.#options.handOver(this.#socket)
    this.#socket.unshift(Buffer.concat(this.#chunks))
  }

  /** Ends the connection if it has timed out. */
  check(now: number): void {
    const { headers, idle, request } = this.#options.patience
    const lasted = now - this.#since
    if (this.#state === "idle" && lasted > idle) this.#socket.destroySoon()
    const late = (this.#state === "new" && lasted > headers) || (this.#state === "reading" && lasted > request)
    if (late) this.#refuse("too late")
  }

  #refuse(why: "too late" | "broken off"): void {
    this.#leave()
    this.#options.refuse(this.#socket, why)
  }

  /**
   * Ends the connection, after the response to its running request. If there is none, it does not wait for the client to
   * end its half: the pools of many clients do so only when they use the connection again.
   */
  close(): void {
    this.#closing = true
    if (this.#state !== "busy") this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The connections of a server on which only requests of the usual form have arrived. */
export class WholeRequests {
  readonly #connections = new Set<WholeConnection>()
  readonly #options: WholeOptions

  constructor(options: WholeOptions) {
    this.#options = options
  }

  add(socket: Socket): void {
    const connection = new WholeConnection(socket, this.#options, () => void this.#connections.delete(connection))
    this.#connections.add(connection)
  }

  /** Ends the connections that have timed out. */
  check(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.check(now)
  }

  /** Ends all connections, after the responses to their running requests. */
  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** Ends all connections at once, without responses. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy()
  }
}
