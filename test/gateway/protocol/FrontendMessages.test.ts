/** A message is what the protocol says it is, or can't be read. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { decodeMessage, decodeStartup } from "../../../src/gateway/protocol/FrontendMessages.ts"

const malformed: ReadonlyArray<readonly [type: string, body: string]> = [
  ["Q", ""],
  ["Q", "select 1"],
  ["f", ""],
  ["P", ""],
  ["P", "s\0"],
  ["D", "S"],
  ["C", "P"],
  ["E", ""],
  ["E", "\0"]
]

const isUnreadable = (read: ReturnType<typeof decodeMessage>) =>
  Result.isSuccess(read) && read.success._tag === "Unreadable" && read.success.fault.code === "08P01"

describe("a message of a client", () => {
  for (const [type, body] of malformed)
    it(`can't be read where a text of it has no end: ${type} ${JSON.stringify(body)}`, () =>
      assert.isTrue(isUnreadable(decodeMessage(type.charCodeAt(0), Buffer.from(body)))))

  it("may have an empty text, which ends", () =>
    assert.deepStrictEqual(decodeMessage(0x51, Buffer.from("\0")), Result.succeed({ _tag: "Query", sql: "" })))

  it("is malformed as the first packet without its end", () => {
    for (const body of ["\0\u0003\0\0", "\0\u0003\0\0user", "\0\u0003\0\0user\0ann", "\0\u0003\0\0user\0ann\0"])
      assert.isTrue(Result.isFailure(decodeStartup(Buffer.from(body, "latin1"))), JSON.stringify(body))
  })
})
