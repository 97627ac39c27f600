import { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ClientSocket } from "../../../src/gateway/protocol/ClientSocket.ts"
import type { FrontendMessage } from "../../../src/gateway/protocol/FrontendMessages.ts"
import { close, query, sync } from "../RawClient.ts"

/** A client that sends these pieces at once. */
const receiving = (pieces: ReadonlyArray<Buffer>) => {
  const socket = new Socket()
  const client = new ClientSocket(socket)
  for (const piece of pieces) socket.emit("data", piece)
  return { client, socket }
}

const isClose = (message: FrontendMessage): boolean => message._tag === "Close"

const times = (count: number, message: Buffer): ReadonlyArray<Buffer> => Array.from({ length: count }, () => message)

describe("ClientSocket", () => {
  it.effect("reads a message whose header and body arrive byte by byte", () =>
    Effect.gen(function* () {
      const text = "select 1, ".repeat(100)
      const { client } = receiving([...query(text), ...sync].map((byte) => Buffer.of(byte)))
      assert.deepStrictEqual(yield* client.next, { _tag: "Message", message: { _tag: "Query", sql: text } })
      assert.deepStrictEqual(yield* client.next, { _tag: "Message", message: { _tag: "Sync" } })
    })
  )

  it.effect("waits for the rest of a message, and then for the end of the connection", () =>
    Effect.gen(function* () {
      const message = query("select 1")
      const { client, socket } = receiving([message.subarray(0, 7)])
      setImmediate(() => {
        socket.emit("data", message.subarray(7))
        socket.emit("end")
      })
      assert.deepStrictEqual(yield* client.next, { _tag: "Message", message: { _tag: "Query", sql: "select 1" } })
      assert.deepStrictEqual(yield* client.next, { _tag: "End" })
    })
  )

  it.effect("reads two hundred thousand messages that arrived one by one during a statement", () =>
    Effect.gen(function* () {
      const { client } = receiving(times(200_000, sync))
      for (let count = 0; count < 200_000; count++) {
        const read = yield* client.next
        if (read._tag !== "Message") assert.fail(`message ${count} is ${read._tag}`)
      }
    })
  )

  it.effect("looks ahead at no more than a thousand messages, and loses none", () =>
    Effect.gen(function* () {
      const { client } = receiving([...times(1_001, close("S", "a")), sync])
      for (const _ of [1, 2]) {
        const found = yield* client.lookAhead(isClose)
        assert.ok(found._tag === "Message" && found.message._tag === "Close")
      }
      for (let count = 0; count < 1_001; count++) {
        const read = yield* client.next
        assert.ok(read._tag === "Message" && read.message._tag === "Close")
      }
      assert.deepStrictEqual(yield* client.next, { _tag: "Message", message: { _tag: "Sync" } })
    })
  )

  it.effect("finds the first message that is not passed over, each time from the next one on", () =>
    Effect.gen(function* () {
      const { client } = receiving([...times(999, close("S", "a")), sync, close("P", ""), query("")])
      assert.deepStrictEqual(yield* client.lookAhead(isClose), { _tag: "Message", message: { _tag: "Sync" } })
      for (let count = 0; count < 1_000; count++) yield* client.next
      const found = yield* client.lookAhead(isClose)
      assert.deepStrictEqual(found, { _tag: "Message", message: { _tag: "Query", sql: "" } })
    })
  )

  it.effect("takes messages of more than 65,535 bytes only once the client is admitted", () =>
    Effect.gen(function* () {
      const [most, more] = ["x".repeat(65_530), "x".repeat(65_531)]
      const before = receiving([query(most), query(more)]).client
      assert.deepStrictEqual(yield* before.next, { _tag: "Message", message: { _tag: "Query", sql: most } })
      assert.deepStrictEqual(yield* before.next, { _tag: "Malformed", why: "invalid message length" })
      const after = receiving([query(more)]).client
      after.admit()
      assert.deepStrictEqual(yield* after.next, { _tag: "Message", message: { _tag: "Query", sql: more } })
    })
  )
})
