/** A connection on which no request arrives is not held. */
import { connect, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { listen, readBody } from "../../../src/local/http/Listener.ts"
import type { ServeWhole } from "../../../src/local/http/WholeRequests.ts"

const head = "POST /Execute HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"

/** What a client sends that never closes its half of the connection, and the status that it is answered. */
const unfinished: ReadonlyArray<readonly [name: string, octets: string, status: string | undefined]> = [
  ["nothing", "", "408"],
  ["half a request line", "POST /Exe", "408"],
  ["headers that do not end", head, "408"],
  ["a body that does not end", `${head}content-length: 100\r\n\r\n{`, "408"],
  ["a chunk that does not end", `${head}transfer-encoding: chunked\r\n\r\nff\r\n{`, "408"],
  ["a body that does not end, beyond the limit", `${head}content-length: 1000\r\n\r\n${" ".repeat(500)}`, "408"],
  ["what is not HTTP", "\x16\x03\x01\x02\x00\x01\x00", "400"],
  ["headers that are too large", `${head}x: ${"x".repeat(70_000)}`, "431"]
]

const closed = (port: number, octets: string) =>
  Effect.callback<string>((resume) => {
    let received = ""
    // The client's half stays open whatever the server does with its own.
    const socket: Socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1")
    })
    let isAnswered = false
    // Only by writing does a client see that the other side has gone altogether.
    const trickle = setInterval(() => socket.writable && (isAnswered || octets !== "") && socket.write("x"), 200)
    socket.on("end", () => {
      isAnswered = true
    })
    socket.on("error", () => {})
    socket.on("close", () => {
      clearInterval(trickle)
      resume(Effect.succeed(received))
    })
    socket.on("connect", () => socket.write(octets))
  })

const takesWhole = {
  maxBytes: 1_000,
  serve: ((_head, _body, answer) =>
    answer({ head: "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n", body: "answered" })) satisfies ServeWhole
}

describe("a client that never finishes its request is answered, and its socket freed", () => {
  for (const [how, whole] of [
    ["where node:http reads all of it", undefined],
    ["where whole requests are read before", takesWhole]
  ] as const)
    it.live(
      how,
      () =>
        Effect.gen(function* () {
          const sockets = new Set<Socket>()
          const { port } = yield* listen({
            host: "127.0.0.1",
            port: 0,
            grace: "1 second",
            times: { headers: 300, request: 600, check: 100 },
            ...(whole === undefined ? {} : { whole }),
            onRequest: (request, response) => {
              sockets.add(request.socket)
              readBody(request, 100, (body) => body !== "aborted" && response.end("answered"))
            }
          })
          const clients = unfinished.flatMap((one) => Array.from({ length: 5 }, () => one))
          yield* Effect.forEach(
            clients,
            ([name, octets, status]) =>
              Effect.map(closed(port, octets), (answer) => {
                assert.match(answer, new RegExp(`^HTTP/1.1 ${status}`), name)
                assert.strictEqual(answer.includes("did not arrive in time"), status === "408", name)
              }),
            { concurrency: "unbounded" }
          )
          assert.isTrue([...sockets].every(({ destroyed }) => destroyed))
        }).pipe(Effect.scoped),
      120_000
    )
})
