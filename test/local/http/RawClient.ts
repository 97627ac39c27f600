/** Requests as they stand on the wire, made with node:http and nothing else. */
import { Agent, request } from "node:http"
import { connect } from "node:net"
import { Effect } from "effect"
import { defaultTarget } from "../../../src/local/http/Clusters.ts"

export const target = defaultTarget("us-east-1")

/** A header of the right form, whose signature nobody checks. */
export const authorization = (scope = "20261122/us-east-1/rds-data/aws4_request") =>
  `AWS4-HMAC-SHA256 Credential=AKIDLOCAL/${scope}, SignedHeaders=content-type;host;x-amz-date, Signature=${"0".repeat(64)}`

export const signedHeaders = {
  authorization: authorization(),
  "x-amz-date": "20261122T101500Z",
  "content-type": "application/json"
}

export interface Raw {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

export interface Sent {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** One request on a connection of its own, or of the agent. */
export const send = (url: string, sent: Sent, agent?: Agent): Effect.Effect<Raw, Error> =>
  Effect.callback<Raw, Error>((resume) => {
    const { hostname, port } = new URL(url)
    const outgoing = request(
      {
        hostname,
        port,
        path: sent.path,
        method: sent.method ?? "POST",
        headers: { ...(sent.headers ?? signedHeaders) },
        agent: agent ?? new Agent({ keepAlive: false })
      },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString()
            })
          )
        )
        response.on("error", (error) => resume(Effect.fail(error)))
      }
    )
    outgoing.on("error", (error) => resume(Effect.fail(error)))
    outgoing.end(sent.body)
  })

/** A call of the printed cluster. */
export const call = (url: string, path: string, members: object): Effect.Effect<Raw, Error> =>
  send(url, { path, body: JSON.stringify({ ...target, ...members }) })

const isComplete = (received: string): boolean => {
  const [head = "", body] = received.split(/\r\n\r\n(.*)/s)
  if (head.startsWith("HTTP/1.1 100")) return body !== undefined && body !== "" && isComplete(body)
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  return length !== undefined && Buffer.byteLength(body ?? "") >= Number(length)
}

/**
 * Bytes as they are, and the first whole answer. What the server takes for the beginning of something longer is broken
 * off after `patience` milliseconds, and may go without an answer.
 */
export const sendBytes = (url: string, bytes: string | Uint8Array, patience = 500): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(url)
    let received = ""
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.setTimeout(patience, () => socket.end())
    socket.on("data", (chunk) => {
      received += chunk.toString()
      if (isComplete(received)) socket.destroy()
    })
    socket.on("error", () => resume(Effect.succeed(received)))
    socket.on("close", () => resume(Effect.succeed(received)))
  })
