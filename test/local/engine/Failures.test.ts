/** A refusal on its way to a client: joined into the service's line, sent, and read from it. */
import { assert, it } from "@effect/vitest"
import { DatabaseError } from "../../../src/data-api/DataApiError.ts"
import { encodeFailure, failureOf, readFailure } from "../../../src/data-api/rest-json/WireFailures.ts"
import { reasonOf } from "../../../src/local/engine/Failures.ts"
import { Refusal } from "../../../src/local/engine/Session.ts"

/** What a client of the HTTP front reads of a refusal. */
const overTheWire = (refusal: Refusal) => {
  const failure = failureOf(reasonOf(refusal))
  if (failure === "dropped") return assert.fail("a refusal has an answer")
  const { code, status } = failure
  const body = encodeFailure(failure)
  return readFailure({ status, headers: { "x-amzn-errortype": code }, body, size: body.length })
}

const refusal = (message: string, parts: { readonly hint?: string; readonly position?: string } = {}) =>
  new Refusal({ message, sqlState: "22012", ...parts })

it("the parts of a refusal are the same after they were sent as one line", () => {
  const messages = [
    "division by zero",
    "a; b: c",
    "a\nb",
    "Hint: none",
    "a; Hint: b",
    "a; Position: 3",
    "SQLState: 00000"
  ]
  const hints = ["look up", "a; b: c", "a\nb", "Position: 3", "see SQLState: 00000"]
  for (const message of messages) {
    for (const hint of hints) {
      for (const position of ["1", "2147483647"]) {
        const sent = refusal(message, { hint, position })
        assert.deepStrictEqual(overTheWire(sent), reasonOf(sent))
      }
      assert.deepStrictEqual(overTheWire(refusal(message, { hint })), reasonOf(refusal(message, { hint })))
    }
  }
})

it("a line that can be read in two ways is kept whole, and the engine in this process needs not read it", () => {
  for (const sent of [refusal("a; Hint: b"), refusal("a; Position: 3"), refusal("a", { hint: "b; Hint: c" })]) {
    const known = reasonOf(sent)
    assert.instanceOf(known, DatabaseError)
    assert.deepStrictEqual([known.primary, known.hint], [sent.message, sent.hint])
    const read = overTheWire(sent)
    assert.instanceOf(read, DatabaseError)
    assert.deepStrictEqual([read.message, read.sqlState], [known.message, "22012"])
  }
})
