/** A proxy before a Data API server that loses, delays and invents answers, by a seed. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import { Effect } from "effect"
import { listening } from "../listening.ts"

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export const random = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const invented = [
  { status: 500, code: "InternalServerErrorException" },
  { status: 503, code: "ServiceUnavailableError" },
  { status: 504, code: "DatabaseUnavailableException" }
] as const

const resuming = {
  status: 400,
  code: "DatabaseResumingException",
  message: "The Aurora DB instance db-1 is resuming after being auto-paused. Please wait a few seconds and try again."
}

const answer = (response: ServerResponse, said: { status: number; code: string; message?: string }) => {
  response.writeHead(said.status, { "content-type": "application/json", "x-amzn-errortype": said.code })
  response.end(JSON.stringify(said.message === undefined ? {} : { message: said.message }))
}

/**
 * Starts the proxy. A third of the requests meet a fault: the connection is reset before or after the request was
 * forwarded, 500, 503 or 504 is answered before or after, 429 or a resume before. For `pause` milliseconds from the
 * first request on, every answer is that the database is resuming.
 */
export const faultyProxy = Effect.fnUntraced(function* (url: string, seed: number, pause: number) {
  const next = random(seed)
  const upstream = new URL(url)
  let pausedUntil: number | undefined

  const forward = (
    incoming: IncomingMessage,
    body: Buffer,
    done: (status: number, body: Buffer, code: string) => void
  ) => {
    const outgoing = request(
      {
        hostname: upstream.hostname,
        port: upstream.port,
        method: "POST",
        path: incoming.url,
        headers: { ...incoming.headers, host: upstream.host }
      },
      (received) => {
        const chunks: Array<Buffer> = []
        received.on("data", (chunk: Buffer) => chunks.push(chunk))
        received.on("end", () =>
          done(received.statusCode ?? 0, Buffer.concat(chunks), String(received.headers["x-amzn-errortype"] ?? ""))
        )
      }
    )
    outgoing.end(body)
  }

  const handle = (incoming: IncomingMessage, response: ServerResponse, body: Buffer) => {
    pausedUntil ??= Date.now() + pause
    if (Date.now() < pausedUntil) return answer(response, resuming)
    const fault = Math.floor(next() * 24)
    const invention = invented[Math.floor(next() * invented.length)] ?? invented[0]
    if (fault === 0) return incoming.socket.resetAndDestroy()
    if (fault === 1) return answer(response, invention)
    if (fault === 2) return answer(response, { status: 429, code: "ThrottlingException", message: "Rate exceeded" })
    if (fault === 3) return answer(response, resuming)
    const respond = () =>
      forward(incoming, body, (status, answered, code) => {
        if (fault === 4 || fault === 5) return incoming.socket.resetAndDestroy()
        if (fault === 6 || fault === 7) return answer(response, invention)
        response.writeHead(status, {
          "content-type": "application/json",
          ...(code === "" ? {} : { "x-amzn-errortype": code })
        })
        return response.end(answered)
      })
    return fault === 8 ? setTimeout(respond, 20) : respond()
  }

  const port = yield* listening(() =>
    createServer((incoming, response) => {
      const chunks: Array<Buffer> = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => handle(incoming, response, Buffer.concat(chunks)))
    })
  )
  return `http://127.0.0.1:${port}`
})
