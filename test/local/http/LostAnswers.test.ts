/** A transaction whose id nobody has received is rolled back: it would hold its connection until it expires. */
import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import { authorization, call, target } from "./RawClient.ts"
import { type Seen, scripted } from "./ScriptedDataApi.ts"

const body = JSON.stringify(target)
const lines = [
  "POST /BeginTransaction HTTP/1.1",
  "host: 127.0.0.1",
  `authorization: ${authorization()}`,
  "x-amz-date: 20261122T101500Z",
  "content-type: application/json"
]
const whole = `${[...lines, `content-length: ${body.length}`].join("\r\n")}\r\n\r\n${body}`
const inChunks = `${[...lines, "transfer-encoding: chunked"].join("\r\n")}\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

/** What a client does while its transaction is begun. */
const leavings: Readonly<Record<string, (socket: Socket) => void>> = {
  "closes its connection": (socket) => socket.destroy(),
  "resets its connection": (socket) => socket.resetAndDestroy(),
  "ends its half and reads on": (socket) => socket.end(),
  waits: () => {}
}

/** Begins a transaction that is begun only after the client has left; what the client read, and what was asked. */
const begun = Effect.fnUntraced(function* (octets: string, leave: (socket: Socket) => void) {
  const started = yield* Deferred.make<void>()
  const finish = yield* Deferred.make<void>()
  const settled = yield* Deferred.make<string>()
  const seen: Array<Seen> = []
  const api = scripted(
    {
      rollbackTransaction: () => {
        Deferred.doneUnsafe(settled, Effect.succeed("rolled back"))
        return { transactionStatus: "Rollback Complete" }
      }
    },
    seen
  )
  const layer = Layer.succeed(DataApi, {
    ...api,
    beginTransaction: (request) =>
      Deferred.succeed(started, undefined).pipe(
        Effect.andThen(Deferred.await(finish)),
        Effect.andThen(api.beginTransaction(request))
      )
  })
  const { url } = yield* HttpServer.make({ port: 0 }).pipe(Effect.provide(layer))
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true }, () =>
    socket.write(octets)
  )
  let received = ""
  socket.on("data", (chunk) => {
    received += chunk.toString()
    if (received.endsWith("}")) Deferred.doneUnsafe(settled, Effect.succeed("answered"))
  })
  socket.on("end", () => socket.end())
  socket.on("error", () => {})
  yield* Deferred.await(started)
  leave(socket)
  // An answer to a later call means that the server has read what came before it.
  for (let calls = 0; calls < 3; calls++) yield* call(url, "/Execute", { sql: "select 1" })
  yield* Deferred.succeed(finish, undefined)
  const outcome = yield* Deferred.await(settled)
  for (let calls = 0; calls < 3; calls++) yield* call(url, "/Execute", { sql: "select 1" })
  socket.destroy()
  const ended = seen.flatMap(({ operation, request }) => (operation === "RollbackTransaction" ? [request] : []))
  return { outcome, ended }
})

for (const [form, octets] of [
  ["of the usual form", whole],
  ["in chunks", inChunks]
] as const)
  for (const [name, leave] of Object.entries(leavings))
    it.live(`the transaction of a client that ${name}, with a request ${form}`, () =>
      Effect.gen(function* () {
        const { ended, outcome } = yield* begun(octets, leave)
        // node:http answers nobody who has ended its half.
        const isLost = name.includes("its connection") || (name.includes("half") && octets === inChunks)
        assert.strictEqual(outcome, isLost ? "rolled back" : "answered")
        assert.deepStrictEqual(ended, isLost ? [{ ...target, transactionId: "transaction-1" }] : [])
      }).pipe(Effect.scoped)
    )
