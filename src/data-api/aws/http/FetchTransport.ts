/** HTTP by `fetch`, for runtimes without sockets. A failure says whether the request may have been sent. */
import * as Result from "effect/Result"
import { ConnectionLost } from "../../DataApiError.ts"
import type { Answer } from "../../rest-json/WireFailures.ts"
import { lengthOf } from "../../values/Octets.ts"
import { isOfHandshake, type Loss, notConnected, type Options, type Target, type Transport } from "./Transport.ts"

/**
 * Codes of Node, undici and Bun for a connection that was not established. After any other, except those of a
 * handshake of TLS, the request may have run.
 */
const refused =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket)$/

const codeOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return "unknown"
  if ("code" in error && typeof error.code === "string") return error.code
  if ("cause" in error && error.cause !== undefined) return codeOf(error.cause)
  return error instanceof Error ? error.name : "unknown"
}

const lossOf = (error: unknown, hostname: string): Loss => {
  const code = codeOf(error)
  return refused.test(code) || isOfHandshake(code)
    ? notConnected(hostname, code)
    : new ConnectionLost({ message: `The connection to ${hostname} was lost: ${code}.` })
}

const ask = async (
  { body, headers, hostname, path, port, protocol }: Target,
  signal: AbortSignal
): Promise<Result.Result<Answer, Loss>> => {
  // `fetch` sets the host header itself.
  const { host: _, ...others } = headers
  const url = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`
  try {
    const response = await fetch(url, { method: "POST", headers: others, body, redirect: "manual", signal })
    const text = await response.text()
    return Result.succeed({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: text,
      size: lengthOf(text)
    })
  } catch (error) {
    return Result.fail(lossOf(error, hostname))
  }
}

/** Sends requests by `fetch`, whose connections are the runtime's own. */
export class FetchTransport implements Transport {
  readonly #requestTimeout: number

  constructor(options: Pick<Options, "requestTimeout"> = {}) {
    this.#requestTimeout = options.requestTimeout ?? 50_000
  }

  send(target: Target, done: (result: Result.Result<Answer, Loss>) => void): () => void {
    const control = new AbortController()
    let isOver = false
    const end = () => {
      isOver = true
      clearTimeout(timer)
    }
    const timer = setTimeout(() => {
      end()
      control.abort()
      done(
        Result.fail(
          new ConnectionLost({ message: `The connection to ${target.hostname} was lost: no answer in time.` })
        )
      )
    }, this.#requestTimeout)
    ask(target, control.signal).then((result) => {
      if (isOver) return
      end()
      done(result)
    })
    return () => {
      end()
      control.abort()
    }
  }

  close(): void {}
}
