/** HTTP/1.1 to one service by Node's client. A failure says whether the request may have been sent. */
import type * as http from "node:http"
import type * as https from "node:https"
import type { Socket } from "node:net"
import * as Result from "effect/Result"
import { ConnectionLost } from "../../DataApiError.ts"
import type { Answer } from "../../rest-json/WireFailures.ts"
import { codeOf, type Loss, notConnected, type Options, type Target, type Transport } from "./Transport.ts"

/** Whether Node is told to use the proxies of the environment: by its variable or by its option. */
export const usesProxy = (): boolean =>
  process.env["NODE_USE_ENV_PROXY"] === "1" ||
  [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(" ")].includes("--use-env-proxy")

/** Applies HTTP_PROXY and HTTPS_PROXY to this agent: Node's own switch applies them only to the global agents. */
const proxy = () => (usesProxy() ? { proxyEnv: process.env } : {})

/** Node's client for one protocol. */
interface Client {
  readonly agent: http.Agent
  /** When a connection of the agent was last used, in milliseconds since 1970. */
  usedAt: number
  readonly request: (options: https.RequestOptions) => http.ClientRequest
}

/** One running request. Only its first outcome counts. */
class Call {
  readonly #request: http.ClientRequest
  readonly #hostname: string
  readonly #done: (result: Result.Result<Answer, Loss>) => void
  readonly #timers: Array<NodeJS.Timeout> = []
  #connected = false
  #settled = false

  constructor(request: http.ClientRequest, hostname: string, done: (result: Result.Result<Answer, Loss>) => void) {
    this.#request = request
    this.#hostname = hostname
    this.#done = done
  }

  /** Marks the connection as established: from now on the request may have arrived. */
  connect(): void {
    this.#connected = true
  }

  /** Fails the request after this many milliseconds. */
  limit(millis: number, why: string): NodeJS.Timeout {
    const timer = setTimeout(() => this.fail(why), millis)
    this.#timers.push(timer)
    return timer
  }

  lose(why: string): void {
    this.#settle(
      Result.fail(
        this.#connected
          ? new ConnectionLost({ message: `The connection to ${this.#hostname} was lost: ${why}.` })
          : notConnected(this.#hostname, why)
      )
    )
  }

  /** Ends the request without an outcome. */
  abandon(): void {
    this.#end()
    this.#request.destroy()
  }

  /** Ends the request as failed. */
  fail(why: string): void {
    this.lose(why)
    this.#request.destroy()
  }

  read(response: http.IncomingMessage): void {
    const chunks: Array<Buffer> = []
    let size = 0
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
    })
    response.on("end", () => {
      if (!response.complete) return this.lose("the answer broke off")
      const first = chunks[0]
      const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size)
      const answer = { status: response.statusCode ?? 0, headers: response.headers, body, size }
      // The connection is free only on the next tick, and the caller may send its next request at once.
      return process.nextTick(() => this.#settle(Result.succeed(answer)))
    })
    response.on("error", (error) => this.lose(codeOf(error)))
    response.on("aborted", () => this.lose("the answer broke off"))
  }

  #end(): void {
    this.#settled = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #settle(result: Result.Result<Answer, Loss>): void {
    if (this.#settled) return
    this.#end()
    this.#done(result)
  }
}

/** Keeps connections to one service, and sends requests over them. */
export class HttpTransport implements Transport {
  readonly #requestTimeout: number
  readonly #connectTimeout: number
  readonly #idleTimeout: number
  readonly #agentOptions: http.AgentOptions
  readonly #socketPath: string | undefined
  /** Clients, by whether they use TLS, and whether they are for transactions. */
  readonly #clients = new Map<string, Client>()
  readonly #calls = new Set<Call>()

  constructor(options: Options = {}) {
    this.#requestTimeout = options.requestTimeout ?? 50_000
    this.#connectTimeout = options.connectTimeout ?? 5_000
    this.#idleTimeout = options.idleTimeout ?? 5_000
    this.#agentOptions = {
      keepAlive: true,
      maxSockets: options.maxSockets ?? 256,
      ...(options.socketPath === undefined ? proxy() : {})
    }
    this.#socketPath = options.socketPath
  }

  // An import of node:http would evaluate every export, and one of them loads a second HTTP client: half of the time
  // that a program takes to start.
  #client(secure: boolean, inTransaction: boolean): Client {
    const key = `${secure} ${inTransaction}`
    const known = this.#clients.get(key)
    if (known !== undefined) return known
    const client = this.#open(process.getBuiltinModule(secure ? "node:https" : "node:http"), inTransaction)
    this.#clients.set(key, client)
    return client
  }

  #open({ Agent, request }: typeof http | typeof https, inTransaction: boolean): Client {
    const unlimited = inTransaction ? { maxSockets: Number.POSITIVE_INFINITY } : {}
    const client = { agent: new Agent({ ...this.#agentOptions, ...unlimited }), request, usedAt: 0 }
    client.agent.on("free", (socket: Socket) => {
      client.usedAt = Date.now()
      // The agent itself closes a free connection that times out.
      socket.setTimeout(this.#idleTimeout)
    })
    return client
  }

  /**
   * Closes old idle connections. A frozen process, such as a Lambda function between calls, runs no timers for that.
   */
  #dropOld({ agent, usedAt }: Client): void {
    if (Date.now() - usedAt <= this.#idleTimeout) return
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }

  /** Sends a POST; `done` is called once with the result. The returned function cancels the request. */
  send(target: Target, done: (result: Result.Result<Answer, Loss>) => void): () => void {
    const secure = target.protocol === "https:"
    const client = this.#client(secure, target.inTransaction === true)
    this.#dropOld(client)
    const { agent, request } = client
    const sent = request({
      agent,
      hostname: target.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: target.port,
      method: "POST",
      path: target.path,
      headers: target.headers,
      ...(this.#socketPath === undefined ? {} : { socketPath: this.#socketPath })
    })
    const call = new Call(sent, target.hostname, done)
    this.#calls.add(call)
    sent.on("close", () => this.#calls.delete(call))
    call.limit(this.#requestTimeout, "no answer in time")
    sent.on("socket", (socket) => {
      socket.setTimeout(0)
      if (!socket.connecting) return call.connect()
      const connecting = call.limit(this.#connectTimeout, "ETIMEDOUT")
      return socket.once(secure ? "secureConnect" : "connect", () => {
        clearTimeout(connecting)
        call.connect()
      })
    })
    sent.on("error", (error) => call.lose(codeOf(error)))
    sent.on("response", (response) => call.read(response))
    sent.end(target.body)
    return () => call.abandon()
  }

  /** Closes all connections, and fails the running requests. */
  close(): void {
    for (const call of this.#calls) call.fail("the client was closed")
    for (const { agent } of this.#clients.values()) agent.destroy()
  }
}
