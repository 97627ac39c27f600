import { createServer, type Server } from "node:http"
import type { Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { HttpTransport, type Options } from "../../../src/data-api/aws/HttpTransport.ts"

/** A server that counts its connections, and a transport to it. */
const connected = Effect.fnUntraced(function* (options: Options) {
  const sockets = new Set<Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const started = createServer((request, response) => {
        sockets.add(request.socket)
        request.resume()
        request.on("end", () => response.end("answer"))
      })
      // Longer than any test: what closes a connection is the client.
      started.keepAliveTimeout = 60_000
      started.listen(0, "127.0.0.1", () => resume(Effect.succeed(started)))
    }),
    (started) =>
      Effect.sync(() => {
        started.closeAllConnections()
        started.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const transport = yield* Effect.acquireRelease(
    Effect.sync(() => new HttpTransport(options)),
    (open) => Effect.sync(() => open.close())
  )
  const send = Effect.callback<string>((resume) => {
    const target = { protocol: "http:", hostname: "127.0.0.1", port, path: "/", headers: {}, body: "question" }
    transport.send(target, (answer) =>
      resume(Effect.succeed(Result.isSuccess(answer) ? answer.success.body : answer.failure.message))
    )
  })
  return { send, sockets }
})

/** Stands still without a turn of the event loop, as a frozen process does. */
const freeze = (millis: number) =>
  Effect.sync(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
  })

it.live("connections are used again, and not those that grew old while the process was frozen", () =>
  Effect.gen(function* () {
    const { send, sockets } = yield* connected({ idleTimeout: 200 })
    for (const _ of [1, 2, 3]) assert.strictEqual(yield* send, "answer")
    assert.strictEqual(sockets.size, 1)
    yield* Effect.andThen(freeze(300), send)
    assert.strictEqual(sockets.size, 2)
  })
)

it.live("an idle connection is closed after its time", () =>
  Effect.gen(function* () {
    const { send, sockets } = yield* connected({ idleTimeout: 50 })
    yield* send
    yield* Effect.callback<void>((resume) => {
      for (const socket of sockets) socket.on("close", () => resume(Effect.void))
    })
    yield* send
    assert.strictEqual(sockets.size, 2)
  })
)
