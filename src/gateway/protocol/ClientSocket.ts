/** One client's socket: reads its messages one by one, and writes responses no faster than the client reads them. */
import type { Socket } from "node:net"
import { type SecureContext, TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { decodeMessage, type FrontendMessage } from "./FrontendMessages.ts"

/** The longest message, as in PostgreSQL, whose largest field is 1 GiB. */
const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024 - 1
/** The longest startup packet, as in PostgreSQL. */
const MAX_STARTUP_BYTES = 10_000
/** With more unprocessed bytes than this, the socket is paused until they are processed. */
const MAX_PENDING_BYTES = 1024 * 1024
/** With more buffered bytes than this, `send` asks for a flush. */
const MAX_BUFFERED_BYTES = 64 * 1024

/** How long a client has to read the last message before its socket is destroyed. */
const LAST_WORD_MILLISECONDS = 1000

/** The result of a read: a message, the reason why it is malformed, or the end of the connection. */
export type Read<A> =
  | { readonly _tag: "Message"; readonly message: A }
  | { readonly _tag: "Malformed"; readonly why: string }
  | { readonly _tag: "End" }

const end: Read<never> = { _tag: "End" }

export class ClientSocket {
  #socket: Socket
  #chunks: Array<Buffer> = []
  #pending = 0
  #ended = false
  #wake: (() => void) | undefined
  /** The messages that `lookAhead` has read, in order. */
  readonly #ahead: Array<Read<FrontendMessage>> = []
  #out: Array<Uint8Array> = []
  #outBytes = 0
  readonly #onEnd: Array<() => void> = []

  /** Whether what the client waits for may take effect without an answer. */
  isUnsettled: () => boolean = () => false

  constructor(socket: Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  get encrypted(): boolean {
    return this.#socket instanceof TLSSocket
  }

  /** Calls back when the client disconnects, or at once if it already has. */
  onEnd(callback: () => void): void {
    if (this.#ended) callback()
    else this.#onEnd.push(callback)
  }

  #listen(socket: Socket): void {
    socket.setNoDelay(true)
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#pending += chunk.length
      if (this.#pending > MAX_PENDING_BYTES && this.#wake === undefined) socket.pause()
      this.#wake?.()
    })
    const ended = () => {
      if (socket !== this.#socket) return
      this.#ended = true
      this.#wake?.()
      for (const callback of this.#onEnd.splice(0)) callback()
    }
    socket.on("end", ended)
    socket.on("close", ended)
    // An error is followed by a close.
    socket.on("error", () => undefined)
  }

  /** Waits for data. */
  readonly #arrival = Effect.callback<void>((resume) => {
    this.#wake = () => {
      this.#wake = undefined
      resume(Effect.void)
    }
    this.#socket.resume()
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  /** Takes `size` bytes of the received data, or leaves them there with `keep`; undefined if fewer have arrived. */
  #take(size: number, keep = false): Buffer | undefined {
    if (this.#pending < size) return undefined
    const [first] = this.#chunks
    const joined = first !== undefined && first.length >= size ? first : Buffer.concat(this.#chunks)
    const rest = joined === first ? this.#chunks.slice(1) : []
    this.#chunks = keep ? [joined, ...rest] : joined.length > size ? [joined.subarray(size), ...rest] : rest
    if (!keep) this.#pending -= size
    return joined.subarray(0, size)
  }

  /** One whole frame: `header` bytes, which end with the length (its own 4 bytes included), and the body. */
  #frame(header: number, limit: number): Read<{ readonly type: number; readonly body: Buffer }> | undefined {
    const head = this.#take(header, true)
    if (head === undefined) return undefined
    const length = head.readInt32BE(header - 4)
    if (length < 4 || length > limit) return { _tag: "Malformed", why: "invalid message length" }
    const size = header - 4 + length
    if (this.#pending < size) return undefined
    const frame = this.#take(size)
    return frame && { _tag: "Message", message: { type: frame[0] ?? 0, body: frame.subarray(header) } }
  }

  /** The startup packet, without its length. */
  readonly startup: Effect.Effect<Read<Buffer>> = Effect.suspend(() => {
    const frame = this.#frame(4, MAX_STARTUP_BYTES)
    if (frame?._tag === "Message") return Effect.succeed({ _tag: "Message", message: frame.message.body })
    if (frame !== undefined) return Effect.succeed(frame)
    return this.#ended ? Effect.succeed(end) : Effect.andThen(this.#arrival, this.startup)
  })

  readonly #read: Effect.Effect<Read<FrontendMessage>> = Effect.suspend(() => {
    const frame = this.#frame(5, MAX_MESSAGE_BYTES)
    if (frame?._tag === "Message") {
      const { body, type } = frame.message
      const message = decodeMessage(type, body)
      return Effect.succeed(
        Result.isSuccess(message)
          ? { _tag: "Message", message: message.success }
          : { _tag: "Malformed", why: message.failure }
      )
    }
    if (frame !== undefined) return Effect.succeed(frame)
    return this.#ended ? Effect.succeed(end) : Effect.andThen(this.#arrival, this.#read)
  })

  /** The next message. */
  readonly next: Effect.Effect<Read<FrontendMessage>> = Effect.suspend(() => {
    const first = this.#ahead.shift()
    return first === undefined ? this.#read : Effect.succeed(first)
  })

  /** The first coming message that `passesOver` does not skip. Consumes nothing: `next` still returns every message. */
  lookAhead(passesOver: (message: FrontendMessage) => boolean): Effect.Effect<Read<FrontendMessage>> {
    return Effect.suspend(() => {
      const found = this.#ahead.find((read) => read._tag !== "Message" || !passesOver(read.message))
      if (found !== undefined) return Effect.succeed(found)
      return Effect.flatMap(this.#read, (read) => {
        this.#ahead.push(read)
        return this.lookAhead(passesOver)
      })
    })
  }

  /** Adds bytes to the buffer; true if the buffer should be flushed. */
  send(bytes: Uint8Array): boolean {
    this.#out.push(bytes)
    this.#outBytes += bytes.length
    return this.#outBytes > MAX_BUFFERED_BYTES
  }

  /** Writes the buffer, and waits until a slow client has read it. */
  readonly flush: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const bytes = this.#out.length === 1 ? this.#out[0] : Buffer.concat(this.#out)
    this.#out = []
    this.#outBytes = 0
    const socket = this.#socket
    if (bytes === undefined || bytes.length === 0 || !socket.writable || socket.write(bytes)) {
      return resume(Effect.void)
    }
    const go = () => {
      socket.off("drain", go)
      socket.off("close", go)
      resume(Effect.void)
    }
    socket.once("drain", go)
    socket.once("close", go)
  })

  /** Switches to TLS; false if that fails, or after plain text sent too early, which would pass for encrypted data. */
  readonly upgrade = (context: SecureContext): Effect.Effect<boolean> =>
    Effect.callback<boolean>((resume) => {
      if (this.#pending > 0) return resume(Effect.succeed(false))
      const plain = this.#socket
      plain.removeAllListeners("data")
      const secure = new TLSSocket(plain, { isServer: true, secureContext: context })
      this.#socket = secure
      this.#listen(secure)
      secure.once("secure", () => resume(Effect.succeed(true)))
      this.onEnd(() => resume(Effect.succeed(false)))
    })

  /** Sends a last message and closes; does not wait for a client that does not read it. */
  terminate(last: Uint8Array): void {
    const socket = this.#socket
    if (socket.writable) socket.end(last)
    socket.destroySoon()
    setTimeout(() => socket.destroy(), LAST_WORD_MILLISECONDS).unref()
  }

  readonly close: Effect.Effect<void> = Effect.sync(() => {
    this.#socket.end()
    this.#socket.destroySoon()
  })
}
