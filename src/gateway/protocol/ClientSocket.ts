/** One client's socket: reads its messages one by one, and writes responses no faster than the client reads them. */
import type { Socket } from "node:net"
import { type SecureContext, TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type Encoding, utf8 } from "../values/Encodings.ts"
import { ByteQueue } from "./ByteQueue.ts"
import { decodeMessage, type FrontendMessage } from "./FrontendMessages.ts"

/** The longest message, as in PostgreSQL, whose largest field is 1 GiB. */
const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024 - 1
/** The longest message of a client that has not been admitted, as in PostgreSQL. */
const MAX_UNADMITTED_BYTES = 65_535

/** The longest startup packet, as in PostgreSQL. */
const MAX_STARTUP_BYTES = 10_000
/** The most messages that `lookAhead` reads. */
const MOST_AHEAD = 1000
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

interface Frame {
  readonly type: number
  readonly body: Buffer
}

export class ClientSocket {
  #socket: Socket
  readonly #received = new ByteQueue()
  /** The first bytes of a message whose body has not arrived. */
  #header: Buffer | undefined
  #longest = MAX_UNADMITTED_BYTES
  #ended = false
  /** Resumes what waits for data. It is kept as it came: V8 keeps a function that is assigned until a full collection. */
  #waiting: ((arrived: Effect.Effect<void>) => void) | undefined
  /** The frames that `lookAhead` has read, in order: a message before them may change the encoding of their texts. */
  readonly #ahead: Array<Read<Frame>> = []
  #out: Array<Uint8Array> = []
  #outBytes = 0
  readonly #onEnd: Array<() => void> = []

  /** The encoding of the client's texts. */
  encoding: () => Encoding = () => utf8

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
      this.#received.push(chunk)
      if (this.#received.length > MAX_PENDING_BYTES && this.#waiting === undefined) socket.pause()
      this.#wake()
    })
    const ended = () => {
      if (socket !== this.#socket) return
      this.#ended = true
      this.#wake()
      for (const callback of this.#onEnd.splice(0)) callback()
    }
    socket.on("end", ended)
    socket.on("close", ended)
    // An error is followed by a close.
    socket.on("error", () => undefined)
  }

  /** Waits for data. */
  readonly #arrival = Effect.callback<void>((resume) => {
    this.#waiting = resume
    this.#socket.resume()
    return Effect.sync(() => {
      this.#waiting = undefined
    })
  })

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(Effect.void)
  }

  /** Takes messages of any length from now on: the client is known. */
  admit(): void {
    this.#longest = MAX_MESSAGE_BYTES
  }

  /** One whole frame: `header` bytes, which end with the length (its own 4 bytes included), and the body. */
  #frame(header: number, limit: number): Read<Frame> | undefined {
    const head = this.#header ?? this.#received.take(header)
    this.#header = head
    if (head === undefined) return undefined
    const length = head.readInt32BE(header - 4)
    if (length < 4 || length > limit) return { _tag: "Malformed", why: "invalid message length" }
    const body = this.#received.take(length - 4)
    if (body === undefined) return undefined
    this.#header = undefined
    return { _tag: "Message", message: { type: head[0] ?? 0, body } }
  }

  /** The startup packet, without its length. */
  readonly startup: Effect.Effect<Read<Buffer>> = Effect.suspend(() => {
    const frame = this.#frame(4, MAX_STARTUP_BYTES)
    if (frame?._tag === "Message") return Effect.succeed({ _tag: "Message", message: frame.message.body })
    if (frame !== undefined) return Effect.succeed(frame)
    return this.#ended ? Effect.succeed(end) : Effect.andThen(this.#arrival, this.startup)
  })

  #decoded(frame: Read<Frame>): Read<FrontendMessage> {
    if (frame._tag !== "Message") return frame
    const message = decodeMessage(frame.message.type, frame.message.body, this.encoding())
    return Result.isSuccess(message)
      ? { _tag: "Message", message: message.success }
      : { _tag: "Malformed", why: message.failure }
  }

  readonly #read: Effect.Effect<Read<Frame>> = Effect.suspend(() => {
    const frame = this.#frame(5, this.#longest)
    if (frame !== undefined) return Effect.succeed(frame)
    return this.#ended ? Effect.succeed(end) : Effect.andThen(this.#arrival, this.#read)
  })

  /** The next message. */
  readonly next: Effect.Effect<Read<FrontendMessage>> = Effect.suspend(() => {
    const first = this.#ahead.shift()
    const frame = first === undefined ? this.#read : Effect.succeed(first)
    return Effect.map(frame, (one) => this.#decoded(one))
  })

  /**
   * The first coming message that `passesOver` does not skip, or the last of 1,000 that it does. Consumes nothing:
   * `next` still returns every message.
   */
  lookAhead(passesOver: (message: FrontendMessage) => boolean, from = 0): Effect.Effect<Read<FrontendMessage>> {
    return Effect.suspend(() => {
      const ahead = this.#ahead
      for (let at = from; at < ahead.length; at++) {
        const frame = ahead[at]
        if (frame === undefined) continue
        const read = this.#decoded(frame)
        if (read._tag !== "Message" || !passesOver(read.message) || at + 1 >= MOST_AHEAD) return Effect.succeed(read)
      }
      return Effect.flatMap(this.#read, (read) => {
        ahead.push(read)
        return this.lookAhead(passesOver, ahead.length - 1)
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
      if (this.#received.length > 0 || this.#header !== undefined) return resume(Effect.succeed(false))
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
