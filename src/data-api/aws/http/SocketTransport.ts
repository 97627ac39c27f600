/**
 * HTTP/1.1 to one service by plain sockets. A failure says whether the request may have been sent.
 *
 * A Data API call is one POST and one JSON response. Directly on a socket it takes a third of the time of Node's
 * client, whose streams, events and agent cover all of HTTP.
 */
import { connect, isIP, type OnReadOpts, type Socket } from "node:net"
import * as MutableList from "effect/MutableList"
import * as Result from "effect/Result"
import { ConnectionLost } from "../../DataApiError.ts"
import type { Answer } from "../../rest-json/WireFailures.ts"
import { AnswerParser } from "./AnswerParser.ts"
import { codeOf, type Loss, notConnected, type Options, type Target, type Transport } from "./Transport.ts"

/** Octets of a connection's buffer for what arrives, the size of Node's own. */
const READ = 65_536

/** Milliseconds before its end that a connection is used no more: a request on its way would be lost. */
const MARGIN = 1000

/** Characters that no header may contain: a line break would begin another header. */
const control = /[^\t\x20-\x7e]/

/** What is said where a proxy is named in the environment, which this transport does not use. */
const unusedProxy = (): string | undefined =>
  Object.keys(process.env).some((name) => /^https?_proxy$/i.test(name))
    ? "a proxy is named in the environment, which Node uses only with NODE_USE_ENV_PROXY=1"
    : undefined

/** A request as it is sent. */
interface Written {
  readonly text: string
  /** Node writes `latin1` faster, which is the same for ASCII. */
  readonly encoding: "latin1" | "utf8"
}

/** Writes a request; undefined if a header contains a forbidden character. */
const written = ({ body, headers, path }: Target): Written | undefined => {
  let head = `POST ${path} HTTP/1.1\r\n`
  for (const name in headers) {
    const line = `${name}: ${headers[name]}`
    if (control.test(line)) return undefined
    head += `${line}\r\n`
  }
  const size = Buffer.byteLength(body)
  return {
    text: `${head}content-length: ${size}\r\n\r\n${body}`,
    encoding: size === body.length ? "latin1" : "utf8"
  }
}

/** One running request. Only its first outcome counts. */
class Call {
  readonly request: Written
  readonly parser = new AnswerParser()
  readonly #hostname: string
  readonly #done: (result: Result.Result<Answer, Loss>) => void
  readonly #timer: NodeJS.Timeout
  connection: Connection | undefined
  isSettled = false

  constructor(
    request: Written,
    hostname: string,
    timeout: number,
    done: (result: Result.Result<Answer, Loss>) => void
  ) {
    this.request = request
    this.#hostname = hostname
    this.#done = done
    this.#timer = setTimeout(() => this.fail("no answer in time"), timeout)
  }

  succeed(): void {
    this.#settle(Result.succeed(this.parser.answer))
  }

  /** Ends the request as failed, and closes its connection. */
  fail(why: string): void {
    if (this.isSettled) return
    const sent = this.connection?.isOpen === true
    this.abandon()
    this.#done(
      Result.fail(
        sent
          ? new ConnectionLost({ message: `The connection to ${this.#hostname} was lost: ${why}.` })
          : notConnected(this.#hostname, why, unusedProxy())
      )
    )
  }

  /** Ends the request without an outcome, and closes its connection. */
  abandon(): void {
    if (this.isSettled) return
    this.#end()
    this.connection?.close()
  }

  #end(): void {
    this.isSettled = true
    clearTimeout(this.#timer)
  }

  #settle(result: Result.Result<Answer, Loss>): void {
    this.#end()
    this.#done(result)
  }
}

/** A connection, which runs one request at a time. */
class Connection {
  readonly #socket: Socket
  readonly #free: (connection: Connection) => void
  readonly #gone: (connection: Connection) => void
  #call: Call | undefined
  #isClosed = false
  /** Whether it is established, so that a request on it may have arrived. */
  isOpen = false
  /** When it was last used, in milliseconds since 1970. */
  usedAt = 0
  /** How long the server keeps it idle, in milliseconds. */
  #keptFor = Number.POSITIVE_INFINITY

  constructor(
    socket: Socket,
    event: "connect" | "secureConnect",
    timeout: number,
    { free, gone }: { readonly free: (one: Connection) => void; readonly gone: (one: Connection) => void }
  ) {
    this.#socket = socket
    this.#free = free
    this.#gone = gone
    const connecting = setTimeout(() => this.lose("ETIMEDOUT"), timeout)
    socket.once(event, () => {
      clearTimeout(connecting)
      this.isOpen = true
      if (this.#call !== undefined) this.#write(this.#call)
    })
    // A runtime that does not read into a given buffer emits what has arrived.
    socket.on("data", (bytes: Buffer) => this.read(bytes))
    socket.on("error", (error) => this.lose(codeOf(error)))
    socket.on("end", () => this.#end())
    socket.on("close", () => {
      clearTimeout(connecting)
      this.#end()
    })
  }

  run(call: Call): void {
    this.#call = call
    call.connection = this
    this.#socket.ref()
    if (this.isOpen) this.#write(call)
  }

  /** Whether it was idle for longer than a time, or nearly for as long as the server keeps it. */
  isStale(idleTimeout: number): boolean {
    const idle = Date.now() - this.usedAt
    return idle > idleTimeout || idle > this.#keptFor
  }

  #write({ request }: Call): void {
    this.#socket.write(request.text, request.encoding)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.destroy()
    this.#gone(this)
  }

  /** Takes what has arrived; the buffer is used again for what comes next. */
  read(bytes: Buffer): void {
    const call = this.#call
    if (call === undefined) {
      // No request is running, so this data belongs to none.
      this.close()
      return
    }
    call.parser.push(bytes)
    if (call.parser.wrong !== undefined) this.lose(call.parser.wrong)
    else if (call.parser.done) this.#finish(call)
  }

  #finish(call: Call): void {
    this.#call = undefined
    // If the response came before the whole request was sent, the rest of the request is still to be sent.
    if (call.parser.persists && this.#socket.writableLength === 0) {
      this.usedAt = Date.now()
      this.#keptFor = (call.parser.keepsIdleFor ?? Number.POSITIVE_INFINITY) - MARGIN
      this.#socket.unref()
      // Free the connection first: the caller may send its next request at once.
      this.#free(this)
    } else this.close()
    call.succeed()
  }

  /** The server sends nothing more. */
  #end(): void {
    const call = this.#call
    call?.parser.end()
    if (call === undefined) this.close()
    else if (call.parser.done) this.#finish(call)
    else this.lose(call.parser.begun ? "the answer broke off" : "ECONNRESET")
  }

  /** Closes the connection, and fails its request. */
  lose(why: string): void {
    const call = this.#call
    this.#call = undefined
    if (call !== undefined) call.fail(why)
    this.close()
  }
}

/** Keeps connections to one service, and sends requests over them. */
export class SocketTransport implements Transport {
  readonly #requestTimeout: number
  readonly #connectTimeout: number
  readonly #idleTimeout: number
  readonly #maxSockets: number
  readonly #socketPath: string | undefined
  readonly #connections = new Set<Connection>()
  /** Idle connections, the last used at the end. */
  readonly #idle: Array<Connection> = []
  readonly #waiting = MutableList.make<readonly [Target, Call]>()
  #sweeper: NodeJS.Timeout | undefined
  /** The TLS session, with which the next connection resumes instead of a full handshake. */
  #session: Buffer | undefined

  constructor(options: Options = {}) {
    this.#requestTimeout = options.requestTimeout ?? 50_000
    this.#connectTimeout = options.connectTimeout ?? 5_000
    this.#idleTimeout = options.idleTimeout ?? 5_000
    this.#maxSockets = options.maxSockets ?? 256
    this.#socketPath = options.socketPath
  }

  send(target: Target, done: (result: Result.Result<Answer, Loss>) => void): () => void {
    const request = written(target)
    if (request === undefined) {
      done(Result.fail(notConnected(target.hostname, "a header has a character that HTTP does not allow")))
      return () => {}
    }
    const call = new Call(request, target.hostname, this.#requestTimeout, done)
    this.#start(target, call)
    return () => call.abandon()
  }

  close(): void {
    const why = "the client was closed"
    clearTimeout(this.#sweeper)
    for (const [, call] of MutableList.takeAll(this.#waiting)) call.fail(why)
    for (const connection of this.#connections) connection.lose(why)
  }

  #start(target: Target, call: Call): void {
    if (this.#isFree() || target.inTransaction) (this.#takeIdle() ?? this.#connect(target)).run(call)
    else MutableList.append(this.#waiting, [target, call])
  }

  /** Whether a request may run that has to wait for others. */
  #isFree(): boolean {
    return this.#connections.size - this.#idle.length < this.#maxSockets
  }

  /**
   * Closes old idle connections. A frozen process, such as a Lambda function between calls, runs no timers for that.
   */
  #takeIdle(): Connection | undefined {
    if (this.#idle.at(-1)?.isStale(this.#idleTimeout)) for (const old of [...this.#idle]) old.close()
    return this.#idle.pop()
  }

  #connect(target: Target): Connection {
    const secure = target.protocol === "https:"
    // One buffer for all reads of a connection: to allocate one for each takes longer than the read.
    const octets = Buffer.allocUnsafe(READ)
    const onread = {
      buffer: octets,
      callback: (size: number) => {
        connection.read(octets.subarray(0, size))
        return true
      }
    }
    const connection = new Connection(
      secure ? this.#secured(target, onread) : connect({ ...this.#place(target, 80), onread }),
      secure ? "secureConnect" : "connect",
      this.#connectTimeout,
      { free: (one) => this.#keep(one), gone: (one) => this.#forget(one) }
    )
    this.#connections.add(connection)
    return connection
  }

  #place({ hostname, port }: Target, usualPort: number) {
    return this.#socketPath === undefined
      ? { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port ?? usualPort, noDelay: true }
      : { path: this.#socketPath }
  }

  #secured(target: Target, onread: OnReadOpts): Socket {
    const { hostname } = target
    const options = {
      ...this.#place(target, 443),
      onread,
      servername: isIP(hostname) === 0 && !hostname.startsWith("[") ? hostname : "",
      ALPNProtocols: ["http/1.1"],
      ...(this.#session === undefined ? {} : { session: this.#session })
    }
    return process
      .getBuiltinModule("node:tls")
      .connect(options)
      .on("session", (session) => {
        this.#session = session
      })
  }

  #keep(connection: Connection): void {
    this.#idle.push(connection)
    this.#sweeper ??= this.#sweepAfter(this.#idleTimeout)
    this.#startNext()
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    const place = this.#idle.indexOf(connection)
    if (place >= 0) this.#idle.splice(place, 1)
    else this.#startNext()
  }

  #startNext(): void {
    const next = this.#isFree() ? this.#nextWaiting() : undefined
    if (next !== undefined) this.#start(...next)
  }

  /** The next waiting request that was not cancelled meanwhile. */
  #nextWaiting(): readonly [Target, Call] | undefined {
    let next = MutableList.take(this.#waiting)
    while (next !== MutableList.Empty && next[1].isSettled) next = MutableList.take(this.#waiting)
    return next === MutableList.Empty ? undefined : next
  }

  #sweepAfter(millis: number): NodeJS.Timeout {
    return setTimeout(() => this.#sweep(), millis).unref()
  }

  /** Closes the connections that were idle for too long. */
  #sweep(): void {
    const now = Date.now()
    for (const one of [...this.#idle]) if (now - one.usedAt >= this.#idleTimeout) one.close()
    const [oldest] = this.#idle
    this.#sweeper =
      oldest === undefined ? undefined : this.#sweepAfter(Math.max(1, oldest.usedAt + this.#idleTimeout - now))
  }
}
