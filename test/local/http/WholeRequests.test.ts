/** Requests that are read without node:http are answered as node:http's are, and all others are left to it. */
import { connect } from "node:net"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import { listen } from "../../../src/local/http/Listener.ts"
import { authorization, sendBytes, target } from "./RawClient.ts"
import { scripted } from "./ScriptedDataApi.ts"

/** The server as it is, and one on which node:http reads everything. */
class Servers extends Context.Service<Servers, { readonly both: readonly [whole: string, other: string] }>()(
  "Servers"
) {
  static readonly layer = Layer.effect(
    Servers,
    Effect.gen(function* () {
      const { url: whole } = yield* HttpServer.make({ port: 0 })
      const onRequest = yield* HttpServer.requestListener()
      const { url: other } = yield* listen({ port: 0, grace: "1 second", onRequest })
      return { both: [whole, other] as const }
    })
  ).pipe(Layer.provide(Layer.succeed(DataApi, scripted())))
}

const body = JSON.stringify({ ...target, sql: "select 1" })
const lines = [
  "host: 127.0.0.1",
  `authorization: ${authorization()}`,
  "x-amz-date: 20261122T101500Z",
  "content-type: application/json",
  `content-length: ${body.length}`
]

const request = (headers = lines, first = "POST /Execute HTTP/1.1", content = body): string =>
  `${[first, ...headers].join("\r\n")}\r\n\r\n${content}`

const chunked = [...lines.slice(0, 4), "transfer-encoding: chunked"]
const inChunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
const instead = (name: string, line: string) => lines.map((one) => (one.startsWith(`${name}:`) ? line : one))

const forms: Readonly<Record<string, string>> = {
  "as SDKs send it": request(),
  "with names in capitals": request(lines.map((line) => line.replace(/^[^:]+/, (name) => name.toUpperCase()))),
  "without a space behind the colon": request(lines.map((line) => line.replace(": ", ":"))),
  "with much space around values": request(lines.map((line) => line.replace(": ", ": \t  ").concat("  \t"))),
  "with an empty header": request([...lines, "x-empty:"]),
  "to a path that is none": request(lines, "POST /Nothing HTTP/1.1"),
  "to a path with a query": request(lines, "POST /Execute?a=1 HTTP/1.1"),
  "to an absolute URL": request(lines, "POST http://127.0.0.1/Execute HTTP/1.1"),
  "by another method": request(lines, "PUT /Execute HTTP/1.1"),
  "of HTTP/1.0": request(lines, "POST /Execute HTTP/1.0"),
  "of HTTP/2.0": request(lines, "POST /Execute HTTP/2.0"),
  "in lower case": request(lines, "post /Execute HTTP/1.1"),
  "in chunks": request(chunked, undefined, inChunks),
  "in chunks that are none": request(chunked, undefined, "zz\r\n"),
  "in chunks and with a length": request([...lines, "transfer-encoding: chunked"], undefined, inChunks),
  "with two lengths": request([...lines, "content-length: 5"]),
  "with a length that is none": request(instead("content-length", "content-length: +7")),
  "with a negative length": request(instead("content-length", "content-length: -1")),
  "with a length in hexadecimal": request(instead("content-length", "content-length: 0x10")),
  "with two lengths in one": request(instead("content-length", "content-length: 5, 5")),
  "without a length": request(lines.slice(0, 4)),
  "with a length of nothing": request(instead("content-length", "content-length: 0"), undefined, ""),
  "without a host": request(lines.slice(1)),
  "with two hosts": request([...lines, "host: evil.example"]),
  "with a foreign host": request(instead("host", "host: evil.example")),
  "from a page": request([...lines, "origin: https://evil.example"]),
  "without a signature": request(lines.filter((line) => !line.startsWith("authorization"))),
  "with two signatures": request([...lines, "authorization: AWS4-HMAC-SHA256 x"]),
  "with a folded header": request([...lines, "x-folded: a", " b"]),
  "with a space before the colon": request([...lines, "x-odd : a"]),
  "with a header without a name": request([...lines, ": a"]),
  "with a header without a colon": request([...lines, "odd"]),
  "with a control character": request([...lines, "x-odd: a\u0001b"]),
  "with a carriage return in a value": request([...lines, "x-odd: a\rb"]),
  "with a line that ends with a line feed only": request([...lines, "x-odd: a\nx-other: b"]),
  "with a header beyond ASCII": request([...lines, "x-odd: é"]),
  "with headers of 7,000 octets": request([...lines, `x-long: ${"x".repeat(7_000)}`]),
  "with headers of 12,000 octets": request([...lines, `x-long: ${"x".repeat(12_000)}`]),
  "with names of an object's own": request([...lines, "constructor: a", "__proto__: b", "hasOwnProperty: c"]),
  "to be closed": request([...lines, "connection: close"]),
  "to be upgraded": request([...lines, "connection: upgrade", "upgrade: websocket"]),
  "that expects to be asked": request([...lines, "expect: 100-continue"]),
  "that expects something else": request([...lines, "expect: 200-maybe"]),
  compressed: request([...lines, "content-encoding: gzip"]),
  "not of JSON": request(instead("content-type", "content-type: text/plain")),
  "that is not UTF-8": request(lines, undefined, `${body.slice(0, -2)}\u00ff}`),
  "not HTTP": "\u0016\u0003\u0001\u0002"
}

/** An answer without what differs from one to the next; names of headers count in any case. */
const comparable = (answer: string): string =>
  answer
    .replace(/(?<=x-amzn-requestid: )[^\r]+/gi, "ID")
    .replace(/(?<=\r\ndate: )[^\r]+/gi, "DATE")
    .replace(/\r\n[\w-]+:/g, (name) => name.toLowerCase())
    .split("\r\n")
    .sort()
    .join("\r\n")

/** Chunks one after the other, and all that comes back until so many answers are there. */
const inPieces = (url: string, pieces: ReadonlyArray<string>, answers: number) =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(url)
    let received = ""
    const left = [...pieces]
    const socket = connect(Number(port), hostname, () => next())
    const next = (): void => {
      const piece = left.shift()
      if (piece === undefined) return
      socket.write(piece, "latin1", () => setImmediate(next))
    }
    socket.setNoDelay(true)
    socket.on("data", (chunk) => {
      received += chunk.toString()
      if ((received.match(/HTTP\/1\.1 \d/g) ?? []).length === answers && received.endsWith("}")) socket.destroy()
    })
    socket.on("close", () => resume(Effect.succeed(received)))
    socket.on("error", () => resume(Effect.succeed(received)))
  })

layer(Servers.layer, { excludeTestServices: true })((it) => {
  for (const [name, octets] of Object.entries(forms))
    it.effect(`a request ${name} has the same answer`, () =>
      Effect.gen(function* () {
        const { both } = yield* Servers
        const [whole = "", other = ""] = yield* Effect.forEach(both, (url) =>
          sendBytes(url, Buffer.from(octets, "latin1"), 300)
        )
        assert.strictEqual(comparable(whole), comparable(other))
        assert.notStrictEqual(whole, "")
      })
    )

  it.effect("a request in two pieces, wherever it is cut, has the answer of a whole one", () =>
    Effect.gen(function* () {
      const { both } = yield* Servers
      const all = request()
      const expected = comparable(yield* sendBytes(both[0], all))
      for (let cut = 1; cut < all.length; cut += 7)
        assert.strictEqual(
          comparable(yield* inPieces(both[0], [all.slice(0, cut), all.slice(cut)], 1)),
          expected,
          `cut at ${cut}`
        )
    })
  )

  it.effect("requests sent at once are answered in their order, also where one of them is for node:http", () =>
    Effect.gen(function* () {
      const { both } = yield* Servers
      const none = request(lines, "POST /Nothing HTTP/1.1")
      const odd = request(chunked, undefined, inChunks)
      for (const pieces of [[request() + none + request() + none], [request() + odd + none + request() + odd + none]]) {
        const statuses = yield* Effect.map(
          inPieces(both[0], pieces, pieces[0]?.match(/POST/g)?.length ?? 0),
          (received) => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status).join(" ")
        )
        assert.match(statuses, pieces[0]?.includes("chunked") ? /^200 200 404 200 200 404$/ : /^200 404 200 404$/)
      }
    })
  )
})
