import { assert, describe, it } from "@effect/vitest"
import { ByteQueue } from "../../../src/gateway/protocol/ByteQueue.ts"

const bytes = Buffer.from(Array.from({ length: 251 }, (_, index) => index))

describe("ByteQueue", () => {
  it("gives the bytes in their order, however they arrive and are taken", () => {
    for (const piece of [1, 2, 7, 100, 251]) {
      for (const size of [1, 3, 7, 8, 251]) {
        const queue = new ByteQueue()
        for (let at = 0; at < bytes.length; at += piece) queue.push(bytes.subarray(at, at + piece))
        const taken: Array<Buffer> = []
        for (let next = queue.take(size); next !== undefined; next = queue.take(size)) taken.push(next)
        assert.ok(taken.every(({ length }) => length === size))
        const rest = queue.take(queue.length) ?? Buffer.alloc(0)
        assert.deepStrictEqual(Buffer.concat([...taken, rest]), bytes)
        assert.strictEqual(queue.length, 0)
      }
    }
  })

  it("takes nothing before enough bytes have arrived", () => {
    const queue = new ByteQueue()
    queue.push(bytes.subarray(0, 3))
    assert.strictEqual(queue.take(4), undefined)
    assert.strictEqual(queue.length, 3)
    queue.push(new Uint8Array(0))
    queue.push(bytes.subarray(3, 4))
    assert.deepStrictEqual(queue.take(4), bytes.subarray(0, 4))
    assert.deepStrictEqual(queue.take(0), Buffer.alloc(0))
    assert.strictEqual(queue.take(1), undefined)
  })

  it("holds a million pieces, and gives them one by one", () => {
    const queue = new ByteQueue()
    const piece = Buffer.of(1, 2, 3)
    for (let count = 0; count < 1_000_000; count++) queue.push(piece)
    let sum = 0
    for (let next = queue.take(2); next !== undefined; next = queue.take(2)) sum += (next[0] ?? 0) + (next[1] ?? 0)
    assert.strictEqual(sum, 6_000_000)
  })
})
