/** The interface of the HTTP clients. A failure says whether the request may have been sent. */
import type * as Result from "effect/Result"
import { ConnectFailed, type ConnectionLost } from "../../DataApiError.ts"
import type { Answer } from "../../rest-json/WireFailures.ts"

export interface Options {
  /** Timeout of a request and its response, in milliseconds. The service responds within 45 s. Default 50,000. */
  readonly requestTimeout?: number | undefined
  /** Timeout of a connection attempt, in milliseconds. Default 5,000. */
  readonly connectTimeout?: number | undefined
  /**
   * The most requests at a time; further ones wait. Those of open transactions are not counted, and do not wait: the others
   * may be waiting for what a transaction has locked. Default 256.
   */
  readonly maxSockets?: number | undefined
  /**
   * How long an idle connection is kept, in milliseconds. It is shorter than the timeouts of load balancers: a request
   * on a connection that they have closed would be lost. Default 5,000.
   */
  readonly idleTimeout?: number | undefined
  /** A Unix domain socket to connect to, instead of the host and the port. */
  readonly socketPath?: string | undefined
}

/** The URL, the headers and the body of a request. */
export interface Target {
  readonly protocol: string
  readonly hostname: string
  readonly port: number | undefined
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Whether the request is one of an open transaction; it is not by default. */
  readonly inTransaction?: boolean
}

/** Why there is no response: nothing was sent, or the request may have arrived. */
export type Loss = ConnectFailed | ConnectionLost

/** Sends requests to one service. */
export interface Transport {
  /** Sends a POST; `done` is called once with the result. The returned function cancels the request. */
  readonly send: (target: Target, done: (result: Result.Result<Answer, Loss>) => void) => () => void
  /** Closes the transport's own connections, and fails the requests on them. */
  readonly close: () => void
}

/** The code of a system error. Unlike the message, it never holds a secret. */
export const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : error.name

/** Codes of a handshake of TLS that failed, and what to do about each. */
const handshakes: ReadonlyArray<readonly [RegExp, string]> = [
  [/^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, "its certificate is for another name: correct the endpoint"],
  [/^ERR_SSL_WRONG_VERSION_NUMBER$/, "what answers there has no TLS: correct the endpoint"],
  [
    /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/,
    "its certificate is not valid now: renew it, or correct this machine's clock"
  ],
  [
    /^(?:UNABLE_TO_(?:GET|VERIFY)_\w+|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|CERT_\w+|INVALID_(?:CA|PURPOSE))$/,
    "its certificate is not trusted: set NODE_EXTRA_CA_CERTS in the environment to the file of its authority"
  ]
]

const adviceOn = (code: string): string | undefined => handshakes.find(([codes]) => codes.test(code))?.[1]

/** Whether a code is that of a handshake of TLS, which comes before anything is sent. */
export const isOfHandshake = (code: string): boolean => adviceOn(code) !== undefined

/** The failure of a request that was not sent; `remark` is on a code that the network gave. */
export const notConnected = (hostname: string, why: string, remark?: string): ConnectFailed => {
  const advice = adviceOn(why) ?? (/^E[A-Z_]+$/.test(why) ? remark : undefined)
  return new ConnectFailed({
    message: `No connection to ${hostname} was established: ${why}${advice === undefined ? "" : ` (${advice})`}.`
  })
}
