import { createServer, type RequestListener } from "node:http"
import type { Socket } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { FetchTransport } from "../../../src/data-api/aws/http/FetchTransport.ts"
import { HttpTransport } from "../../../src/data-api/aws/http/HttpTransport.ts"
import * as NodeTransport from "../../../src/data-api/aws/http/NodeTransport.ts"
import { SocketTransport } from "../../../src/data-api/aws/http/SocketTransport.ts"
import type { Options, Target, Transport } from "../../../src/data-api/aws/http/Transport.ts"
import { textOfBody } from "../../../src/data-api/rest-json/WireFailures.ts"
import { runProgram } from "../../clients/program.ts"
import { listening } from "../../listening.ts"
import { hasOpenssl, tlsServer } from "./TlsServer.ts"

type Make = (options: Options) => HttpTransport | SocketTransport

const transports: ReadonlyArray<readonly [string, Make]> = [
  ["HttpTransport", (options) => new HttpTransport(options)],
  ["SocketTransport", (options) => new SocketTransport(options)]
]

/** A server that counts its connections, and a transport to it. */
const connected = Effect.fnUntraced(function* (
  make: Make,
  options: Options,
  answer: RequestListener = (_, response) => response.end("answer")
) {
  const sockets = new Set<Socket>()
  const port = yield* listening(() => {
    const started = createServer((request, response) => {
      sockets.add(request.socket)
      request.resume()
      request.on("end", () => answer(request, response))
    })
    // Longer than any test: what closes a connection is the client.
    started.keepAliveTimeout = 60_000
    return started
  })
  const transport = yield* Effect.acquireRelease(
    Effect.sync(() => make(options)),
    (open) => Effect.sync(() => open.close())
  )
  const place = { protocol: "http:", hostname: "127.0.0.1", port }
  const send = sendOver(transport, place)
  const sendInTransaction = sendOver(transport, { ...place, inTransaction: true }, { "x-in": "transaction" })
  return { close: () => transport.close(), send, sendInTransaction, sockets }
})

/** Sends a question; the body of the answer, or why there is none. */
const sendOver = (
  transport: Transport,
  place: Pick<Target, "protocol" | "hostname" | "port"> & Partial<Pick<Target, "inTransaction">>,
  headers: Readonly<Record<string, string>> = {},
  body = "question"
) =>
  Effect.callback<string>((resume) => {
    const host = `${place.hostname}:${place.port}`
    const target = { ...place, path: "/", headers: { host, ...headers }, body }
    const giveUp = transport.send(target, (answer) =>
      resume(Effect.succeed(Result.isSuccess(answer) ? textOfBody(answer.success) : answer.failure.message))
    )
    return Effect.sync(giveUp)
  })

/** Stands still without a turn of the event loop, as a frozen process does. */
const freeze = (millis: number) =>
  Effect.sync(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
  })

for (const [name, make] of transports) {
  describe(name, () => {
    it.live("connections are used again, and not those that grew old while the process was frozen", () =>
      Effect.gen(function* () {
        const { send, sockets } = yield* connected(make, { idleTimeout: 200 })
        for (const _ of [1, 2, 3]) assert.strictEqual(yield* send, "answer")
        assert.strictEqual(sockets.size, 1)
        yield* Effect.andThen(freeze(300), send)
        assert.strictEqual(sockets.size, 2)
      })
    )

    it.live("a transaction's connection is not used again either, whatever was used since the process was frozen", () =>
      Effect.gen(function* () {
        const { send, sendInTransaction, sockets } = yield* connected(make, { idleTimeout: 200 })
        const both = Effect.andThen(send, sendInTransaction)
        yield* both
        const before = sockets.size
        yield* Effect.andThen(freeze(300), both)
        assert.strictEqual(sockets.size, 2 * before)
      })
    )

    it.live("an idle connection is closed after its time", () =>
      Effect.gen(function* () {
        const { send, sockets } = yield* connected(make, { idleTimeout: 50 })
        yield* send
        yield* Effect.callback<void>((resume) => {
          for (const socket of sockets) socket.on("close", () => resume(Effect.void))
        })
        yield* send
        assert.strictEqual(sockets.size, 2)
      })
    )

    it.live("no more connections than it may have are open at once, and every request has its turn", () =>
      Effect.gen(function* () {
        const { send, sockets } = yield* connected(make, { maxSockets: 2 })
        const answers = yield* Effect.all(
          Array.from({ length: 30 }, () => send),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual([...new Set(answers)], ["answer"])
        assert.isAtMost(sockets.size, 2)
      })
    )

    it.live(
      "a transaction's request waits for no connection, since those that have one may wait for the transaction",
      () =>
        Effect.gen(function* () {
          const waiting: Array<() => void> = []
          const { send, sendInTransaction, sockets } = yield* connected(
            make,
            { maxSockets: 2 },
            (request, response) => {
              if (request.headers["x-in"] === undefined) return waiting.push(() => response.end("answer"))
              return response.end("answer")
            }
          )
          const others = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.forkChild(send))
          while (waiting.length < 2) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          const two = yield* Effect.all([sendInTransaction, sendInTransaction], { concurrency: 2 })
          assert.deepStrictEqual(two, ["answer", "answer"])
          assert.strictEqual(yield* sendInTransaction, "answer")
          assert.strictEqual(sockets.size, 4)
          assert.strictEqual(waiting.length, 2)
          for (let answered = 0; answered < others.length; ) {
            answered += waiting.length
            for (const answer of waiting.splice(0)) answer()
            yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
            assert.isAtMost(waiting.length, 2)
          }
          for (const other of others) assert.strictEqual(yield* Fiber.join(other), "answer")
        }).pipe(Effect.timeout("60 seconds"))
    )

    it.live("a request that is given up closes its connection, and the others go on", () =>
      Effect.gen(function* () {
        let asked = 0
        const { send, sockets } = yield* connected(make, { maxSockets: 1 }, (_, response) => {
          if (++asked > 1) response.end("answer")
        })
        const first = yield* Effect.forkChild(send)
        while (asked === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        const second = yield* Effect.forkChild(send)
        yield* Fiber.interrupt(first)
        assert.strictEqual(yield* Fiber.join(second), "answer")
        assert.strictEqual(sockets.size, 2)
      })
    )

    it.live("a request that is given up while it waits for a connection is never sent", () =>
      Effect.gen(function* () {
        let asked = 0
        const { send } = yield* connected(make, { maxSockets: 1 }, (_, response) => {
          if (++asked > 1) response.end("answer")
        })
        const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        const first = yield* Effect.forkChild(send)
        while (asked === 0) yield* turn
        const waiting = yield* Effect.forkChild(send)
        yield* turn
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(first)
        assert.strictEqual(yield* send, "answer")
        assert.strictEqual(asked, 2)
      })
    )

    it.live("the end of a transport ends what is under way, and says that the rest was not sent", () =>
      Effect.gen(function* () {
        let asked = 0
        const { close, send } = yield* connected(make, { maxSockets: 1 }, () => ++asked)
        const first = yield* Effect.forkChild(send)
        while (asked === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        const second = yield* Effect.forkChild(send)
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        close()
        assert.match(yield* Fiber.join(first), /^The connection to 127\.0\.0\.1 was lost/)
        assert.match(yield* Fiber.join(second), /^No connection to 127\.0\.0\.1 was established/)
        assert.strictEqual(asked, 1)
      }).pipe(Effect.timeout("60 seconds"))
    )

    it.live("a connection that ends is said to be lost, and so is an answer that broke off", () =>
      Effect.gen(function* () {
        const broken = yield* connected(make, {}, (_, response) => {
          response.writeHead(200, { "content-length": "6" })
          response.write("ans", () => response.socket?.end())
        })
        assert.match(
          yield* broken.send,
          /^The connection to 127\.0\.0\.1 was lost: (?:the answer broke off|aborted)\.$/
        )
        const silent = yield* connected(make, {}, (_, response) => response.socket?.end())
        assert.match(yield* silent.send, /^The connection to 127\.0\.0\.1 was lost: (?:ECONNRESET|socket hang up)\.$/)
      })
    )

    it.live("an answer before all of a long request was read, and one in pieces, are read", () =>
      Effect.gen(function* () {
        const text = "é".repeat(300_000)
        const { send } = yield* connected(make, {}, (_, response) => {
          response.write(text.slice(0, 100_001))
          response.end(text.slice(100_001))
        })
        assert.strictEqual(yield* send, text)
      })
    )
  })
}

it.live("SocketTransport uses no connection that the server is about to close, by what the server says", () =>
  Effect.gen(function* () {
    for (const [kept, connections] of [
      ["timeout=1", 3],
      ["timeout=2, max=100", 2],
      ["max=100", 1],
      ["timeout=60", 1]
    ] as const) {
      const { send, sockets } = yield* connected(
        (options) => new SocketTransport(options),
        {},
        (_, response) => response.setHeader("keep-alive", kept).end("answer")
      )
      yield* send
      yield* freeze(20)
      yield* send
      yield* freeze(1_020)
      yield* send
      assert.strictEqual(sockets.size, connections, kept)
    }
  })
)

/** Variables of the environment for as long as the scope is open. */
const environment = (variables: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = { ...process.env }
      Object.assign(process.env, variables)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const name of Object.keys(variables)) delete process.env[name]
        Object.assign(process.env, before)
      })
  )

describe("a proxy that the environment names", () => {
  const nowhere = { protocol: "http:", hostname: "service.invalid", port: 8080 }
  const opened = Effect.acquireRelease(
    Effect.sync(() => NodeTransport.make()),
    (open) => Effect.sync(() => open.close())
  )

  for (const told of [{ NODE_USE_ENV_PROXY: "1" }, { NODE_OPTIONS: "--no-warnings --use-env-proxy" }]) {
    it.live(`is used with ${Object.keys(told)[0]}`, () =>
      Effect.gen(function* () {
        const port = yield* listening(() => createServer((request, response) => response.end(request.url)))
        yield* environment({ ...told, HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "" })
        assert.strictEqual(yield* sendOver(yield* opened, nowhere), "http://service.invalid:8080/")
      })
    )
  }

  it.live("and that Node was not told to use is named where no connection is established", () =>
    Effect.gen(function* () {
      yield* environment({ https_proxy: "http://ann:hunter2@127.0.0.1:2" })
      const said = yield* sendOver(yield* opened, nowhere)
      assert.match(said, /^No connection to service\.invalid was established: \w+ \(.*NODE_USE_ENV_PROXY=1\)\.$/)
      assert.notInclude(said, "hunter2")
    })
  )
})

it.live("SocketTransport sends no header that could end and begin another", () =>
  Effect.gen(function* () {
    const transport = new SocketTransport()
    const place = { protocol: "http:", hostname: "127.0.0.1", port: 1 }
    const said = yield* sendOver(transport, place, { authorization: "AWS4 \r\nx-evil: 1" })
    assert.include(said, "a header has a character that HTTP does not allow")
  })
)

describe.skipIf(!hasOpenssl)("over TLS", () => {
  for (const [name, make] of [...transports, ["FetchTransport", () => new FetchTransport()] as const]) {
    it.live(`${name} says that nothing was sent where a certificate is not trusted, and what to do`, () =>
      Effect.gen(function* () {
        const { args } = yield* tlsServer
        const port = Number(args[0])
        const transport = yield* Effect.acquireRelease(
          Effect.sync(() => make({})),
          (open) => Effect.sync(() => open.close())
        )
        const said = yield* sendOver(transport, { protocol: "https:", hostname: "localhost", port })
        assert.match(said, /^No connection to localhost was established: UNABLE_TO_VERIFY_LEAF_SIGNATURE \(/)
        assert.include(said, "NODE_EXTRA_CA_CERTS")
      })
    )
  }

  it.live("SocketTransport trusts a certificate by its name only, and begins again where it left off", () =>
    Effect.gen(function* () {
      const { args, seen, trust } = yield* tlsServer
      const program = join(import.meta.dirname, "TlsCalls.ts")
      const { stderr, stdout } = yield* runProgram(process.execPath, [program, ...args], trust)
      assert.deepStrictEqual(JSON.parse(stdout || "[]"), ["answer", "answer", "ERR_TLS_CERT_ALTNAME_INVALID"], stderr)
      assert.strictEqual(seen.resumed, 1)
      // A server of several names picks its certificate by it; an address is no name.
      assert.deepStrictEqual([...seen.names], ["localhost"])
    })
  )
})
