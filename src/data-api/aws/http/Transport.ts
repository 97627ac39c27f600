/** What carries a request to the service and its answer back, and how far one that failed had come. */
import type * as Result from "effect/Result"
import type { ConnectFailed, ConnectionLost } from "../../DataApiError.ts"
import type { Answer } from "../../rest-json/WireFailures.ts"

export interface Options {
  /** Milliseconds for a request and its answer. The service itself answers within 45 s. Default 50,000. */
  readonly requestTimeout?: number | undefined
  /** Milliseconds for a connection to come about. Default 5,000. */
  readonly connectTimeout?: number | undefined
  /** Connections at once. Default 256. */
  readonly maxSockets?: number | undefined
  /**
   * Milliseconds that an idle connection is kept. One that the other side has closed meanwhile would lose a request,
   * so it is shorter than what load balancers use. Default 5,000.
   */
  readonly idleTimeout?: number | undefined
  /** A socket in the file system to connect to, whatever the host and the port. */
  readonly socketPath?: string | undefined
}

/** Where a request goes and what it says. */
export interface Target {
  readonly protocol: string
  readonly hostname: string
  readonly port: number | undefined
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Why no answer came: nothing was sent, or the request may have arrived. */
export type Loss = ConnectFailed | ConnectionLost

/** Carries requests to one service. */
export interface Transport {
  /** Sends a POST; `done` is called once with what came of it. The function returned gives the request up. */
  readonly send: (target: Target, done: (result: Result.Result<Answer, Loss>) => void) => () => void
  /** Closes all connections. */
  readonly close: () => void
}
