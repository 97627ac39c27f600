/**
 * Requests in the form that SDKs send them, read without node:http's streams, which cost more than all the rest of a
 * small call.
 *
 * Only one form is read here: `POST`, a plain path, HTTP/1.1, each header once and in printable ASCII, a head that
 * arrives as a whole, and a `Content-Length`. A connection on which anything else arrives, if only once, goes to
 * node:http with all that was not answered yet, and stays there: nothing that needs judgement is judged twice.
 */
import type { IncomingHttpHeaders } from "node:http"
import type { Socket } from "node:net"

/** What a request says besides its body. */
export interface RequestHead {
  readonly method: string
  /** Path with query, as it stood in the request line. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** How long it is, about. */
  readonly octets: number
}

/** What is written to a connection, or that it ends without an answer. */
export type Written = { readonly head: string; readonly body: string } | "dropped"

/** Takes a request, and the answer to it later. */
export type ServeWhole = (head: RequestHead, body: Buffer, answer: (written: Written) => void) => void

const maxHead = 8_192
const requestLine = /^POST (\/[A-Za-z]+) HTTP\/1\.1$/
const headerLine = /^([A-Za-z0-9-]+):[ \t]*([!-~][ -~\t]*|)$/
/** What changes how a body or a connection is read. */
const special = new Set(["transfer-encoding", "expect", "upgrade", "te", "trailer", "proxy-connection"])

interface Head {
  readonly head: RequestHead
  /** How long its body is. */
  readonly length: number
}

/** The head that a request begins with; `"other"` where it is not of the one form, or not there as a whole. */
const headOf = (octets: Buffer): Head | "other" => {
  const text = octets.toString("latin1", 0, maxHead)
  const end = text.indexOf("\r\n\r\n")
  const [first = "", ...lines] = text.slice(0, end).split("\r\n")
  const target = end < 0 ? undefined : requestLine.exec(first)?.[1]
  if (target === undefined) return "other"
  const headers: Record<string, string> = Object.create(null)
  for (const line of lines) {
    const [, written, value] = headerLine.exec(line) ?? []
    const name = written?.toLowerCase()
    if (name === undefined || value === undefined || special.has(name) || name in headers) return "other"
    headers[name] = value.trimEnd()
  }
  const { connection = "keep-alive", "content-length": length = "" } = headers
  if (connection.toLowerCase() !== "keep-alive" || !/^\d{1,7}$/.test(length)) return "other"
  return { head: { method: "POST", target, headers, octets: end + 4 }, length: Number(length) }
}

/** How long a connection may be new, in the middle of a request, or idle, in milliseconds. */
export interface Patience {
  readonly headers: number
  readonly request: number
  readonly idle: number
}

/** What the connections of a server share. */
export interface WholeOptions {
  readonly serve: ServeWhole
  /** How long a request may be, its head included. */
  readonly maxOctets: number
  /** Takes a connection with something else on it. */
  readonly handOver: (socket: Socket) => void
  /** Answers a connection on which no whole request came, and ends it. */
  readonly refuse: (socket: Socket, why: "too late" | "broken off") => void
  readonly patience: Patience
}

type State = "new" | "reading" | "busy" | "idle"

/** One connection, as long as only whole requests come on it. */
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
    // A client that sends on and on gets the answer to its first request first.
    else if (this.#size > maxHead) this.#socket.pause()
  }

  /** The other side sends no more. */
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
    const octets = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#chunks = [octets]
    this.#request ??= headOf(octets)
    if (this.#request === "other" || this.#request.head.octets + this.#request.length > this.#options.maxOctets)
      this.#handOver()
    else this.#readBody(octets, this.#request)
  }

  #readBody(octets: Buffer, { head, length }: Head): void {
    const end = head.octets + length
    if (octets.length < end) {
      this.#wanted = end
      if (this.#state !== "reading") this.#become("reading")
      return
    }
    this.#chunks = octets.length === end ? [] : [octets.subarray(end)]
    this.#size -= end
    this.#wanted = 0
    this.#request = undefined
    this.#become("busy")
    this.#options.serve(head, octets.subarray(head.octets, end), this.#answer)
  }

  readonly #answer = (written: Written): void => {
    const socket = this.#socket
    const { idle } = this.#options.patience
    const kept = `Connection: keep-alive\r\nKeep-Alive: timeout=${idle / 1000}\r\n\r\n`
    if (socket.destroyed) return
    if (written === "dropped") socket.destroy()
    else if (this.#closing) socket.end(`${written.head}Connection: close\r\n\r\n${written.body}`)
    // The next request is read when this answer can leave, so that nobody piles up answers here.
    else if (socket.write(`${written.head}${kept}${written.body}`)) this.#next()
    else socket.once("drain", this.#next)
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

  /** Ends what has taken too long. */
  check(now: number): void {
    const { headers, idle, request } = this.#options.patience
    const lasted = now - this.#since
    if (this.#state === "idle" && lasted > idle) this.#socket.end()
    const late = (this.#state === "new" && lasted > headers) || (this.#state === "reading" && lasted > request)
    if (late) this.#refuse("too late")
  }

  #refuse(why: "too late" | "broken off"): void {
    this.#leave()
    this.#options.refuse(this.#socket, why)
  }

  /** Answers what is under way, and ends. */
  close(): void {
    this.#closing = true
    if (this.#state !== "busy") this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The connections of a server on which only whole requests have come so far. */
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

  /** Ends the connections that have taken too long. */
  check(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.check(now)
  }

  /** Answers what is under way, and ends all connections. */
  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** Ends them without an answer. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy()
  }
}
