/** What HTTP itself requires of a request's head, and what is answered before a body is asked for. */
import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import { authorization, target } from "./RawClient.ts"
import { layerScripted, type Seen } from "./ScriptedDataApi.ts"

const serve = (seen: Array<Seen> = []) => HttpServer.make({ port: 0 }).pipe(Effect.provide(layerScripted({}, seen)))

const body = JSON.stringify({ ...target, sql: "select 1" })
const lines = [
  `authorization: ${authorization()}`,
  "x-amz-date: 20261122T101500Z",
  "content-type: application/json",
  `content-length: ${body.length}`
]
const host = "host: 127.0.0.1"

/** All that a connection sends back until the server ends it or has sent a complete response and waits. */
const exchange = (url: string, octets: string, isOver: (received: string) => boolean) =>
  Effect.callback<{ readonly received: string; readonly ended: boolean }>((resume) => {
    let received = ""
    const done = (ended: boolean) => {
      resume(Effect.succeed({ received, ended }))
      socket.destroy()
    }
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(octets))
    socket.on("data", (chunk) => {
      received += chunk.toString()
      if (isOver(received)) done(false)
    })
    socket.on("end", () => done(true))
    socket.on("error", () => done(true))
  })

const whole = (received: string) => received.endsWith("}")
const request = (headers: ReadonlyArray<string>, first = "POST /Execute HTTP/1.1", content = body) =>
  `${[first, ...headers].join("\r\n")}\r\n\r\n${content}`

it.effect("a request of HTTP/1.1 without a Host header, or with several, is answered 400 and does not run", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve(seen)
    for (const headers of [
      lines,
      [host, ...lines, "host: evil.example"],
      ["host: evil.example", ...lines, host],
      [host, ...lines, "HOST: 127.0.0.1"]
    ]) {
      for (const first of ["POST /Execute HTTP/1.1", "POST http://127.0.0.1/Execute HTTP/1.1", "GET / HTTP/1.1"]) {
        const { received } = yield* exchange(url, request(headers, first), whole)
        assert.match(received, /^HTTP\/1\.1 400 /, first)
        assert.match(received, /x-amzn-ErrorType: MalformedHttpRequestException\r\n/i)
        assert.match(received, /connection: close\r\n/i)
        assert.include(received, "exactly one Host header")
      }
    }
    assert.strictEqual(seen.length, 0)
    const old = yield* exchange(url, request(lines, "POST http://127.0.0.1/Execute HTTP/1.0"), whole)
    assert.match(old.received, /^HTTP\/1\.1 200 /)
  })
)

it.effect("a request that waits for 100 Continue is refused at once where its head is reason enough", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve(seen)
    const waiting = [host, ...lines.slice(0, 3), "expect: 100-continue"]
    const cases = [
      ["413", [...waiting, "content-length: 5000000"], "POST /Execute HTTP/1.1"],
      ["404", [...waiting, "content-length: 10"], "POST /Nothing HTTP/1.1"],
      ["405", [...waiting, "content-length: 10"], "PUT /Execute HTTP/1.1"],
      ["403", [...waiting, "content-length: 10", "origin: https://evil.example"], "POST /Execute HTTP/1.1"],
      ["415", [...waiting, "content-length: 10", "content-encoding: gzip"], "POST /Execute HTTP/1.1"],
      ["400", [...waiting.slice(1), "content-length: 10"], "POST /Execute HTTP/1.1"]
    ] as const
    for (const [status, headers, first] of cases) {
      const { received } = yield* exchange(url, request(headers, first, ""), whole)
      assert.match(received, new RegExp(`^HTTP/1.1 ${status} `))
      assert.match(received, /connection: close\r\n/i)
      assert.match(received, /x-amzn-RequestId: [0-9a-f-]{36}\r\n/i)
    }
    assert.strictEqual(seen.length, 0)
    const asked = yield* exchange(url, request([...waiting, `content-length: ${body.length}`], undefined, ""), (text) =>
      text.endsWith("\r\n\r\n")
    )
    assert.strictEqual(asked.received, "HTTP/1.1 100 Continue\r\n\r\n")
    const sent = yield* exchange(url, request([...waiting, `content-length: ${body.length}`]), whole)
    assert.match(sent.received, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  })
)

it.effect("a refusal reaches also a client that sends its body without being asked, and the connection ends", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    const headers = [host, ...lines.slice(0, 3), "expect: 100-continue", "content-length: 5000000"]
    const { ended, received } = yield* exchange(url, request(headers, undefined, "x".repeat(5_000_000)), () => false)
    assert.match(received, /^HTTP\/1\.1 413 /)
    assert.include(received, "The request exceeds the size limit of 4 MiB.")
    assert.isTrue(ended)
  })
)

it.effect("an unknown expectation is answered 417, and an empty one is none", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve(seen)
    for (const expectation of ["200-maybe", "100-continued", "x", "100"]) {
      const { received } = yield* exchange(url, request([host, ...lines, `expect: ${expectation}`]), whole)
      assert.match(received, /^HTTP\/1\.1 417 /, expectation)
      assert.match(received, /x-amzn-ErrorType: ExpectationFailedException\r\n/i)
    }
    assert.strictEqual(seen.length, 0)
    for (const header of ["expect:", "Expect: 100-Continue"]) {
      const { received } = yield* exchange(url, request([host, ...lines, header]), whole)
      assert.match(received, /HTTP\/1\.1 200 /, header)
    }
  })
)

it.effect("a method that a path does not have is answered 405 with the one that it has", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
      for (const path of ["/Execute", "/BeginTransaction", "/ExecuteSql"]) {
        const { received } = yield* exchange(url, request([host, ...lines], `${method} ${path} HTTP/1.1`), whole)
        assert.match(received, /^HTTP\/1\.1 405 /)
        assert.match(received, /\r\nallow: POST\r\n/i)
      }
  })
)
