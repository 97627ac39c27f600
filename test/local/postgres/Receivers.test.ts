/** The answer to a reset is known beforehand; only just that answer is taken for it. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import type { Value } from "../../../src/local/engine/Session.ts"
import { CommandReceiver, feed, ReceiverSequence } from "../../../src/local/postgres/Receivers.ts"
import { ownStatements, untouchedAnswer } from "../../../src/local/postgres/SessionReset.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { execute, long, scalar } from "../calls.ts"

const report = { statements: ownStatements(3), searchPath: '"$user", public', foreign: "{} {} false" }
const expected = untouchedAnswer(report)

const statementsAnswer = Buffer.from("2\0\0\0\x04C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I", "latin1")
const notice = Buffer.from("N\0\0\0\x20SNOTICE\0C00000\0Mshort of Z\0\0", "latin1")

/** Hands over chunks, and tells how the ending was taken. */
const taken = (chunks: ReadonlyArray<Uint8Array>) => {
  const parser = PgProtocol.makeParser<Value>()
  let asExpected = 0
  let reported: unknown
  const statement = new CommandReceiver(() => {})
  const sequence = new ReceiverSequence([statement], {
    expected,
    asExpected: () => asExpected++,
    receivers: () => [
      new CommandReceiver((check) => {
        reported = check.report
      }),
      new CommandReceiver(() => {})
    ]
  })
  parser.readField = (bytes, offset, size, column) => sequence.read(bytes, offset, size, column)
  const push = (octets: Uint8Array) => parser.pushEach(octets, (message) => void sequence.accept(message))
  for (const chunk of chunks) feed(push, sequence, chunk)
  return { asExpected, reported, finished: sequence.finished, answered: sequence.answered }
}

it("the expected answer is taken as a whole, with the statement's before it or by itself", () => {
  const whole = { asExpected: 1, reported: undefined, finished: true, answered: true }
  assert.deepStrictEqual(taken([Buffer.concat([statementsAnswer, expected])]), whole)
  assert.deepStrictEqual(taken([statementsAnswer, expected]), whole)
})

it("wherever it is cut it is either taken as a whole or read, and ends the request either way", () => {
  const all = Buffer.concat([statementsAnswer, expected])
  for (let cut = 1; cut < all.length; cut++) {
    const { asExpected, reported, ...ended } = taken([all.subarray(0, cut), all.subarray(cut)])
    assert.deepStrictEqual(ended, { finished: true, answered: true }, `cut at ${cut}`)
    if (asExpected === 0) assert.deepStrictEqual(reported, report, `cut at ${cut}`)
    else assert.isAtMost(cut, statementsAnswer.length)
  }
})

it("an answer that differs in one octet, or has a message before it, is not taken for it", () => {
  for (let at = 0; at < expected.length; at++) {
    const other = Uint8Array.from(expected)
    other[at] = (other[at] ?? 0) ^ 1
    const outcome = (() => {
      try {
        return taken([statementsAnswer, other])
      } catch {
        return undefined
      }
    })()
    assert.notStrictEqual(outcome?.asExpected, 1, `octet ${at}`)
  }
  const noticed = taken([Buffer.concat([statementsAnswer, notice, expected])])
  assert.deepStrictEqual(noticed, { asExpected: 0, reported: report, finished: true, answered: true })
})

const url = TestDatabase.postgresUrl
describe.skipIf(url === undefined)(TestDatabase.onPostgres("resets of PostgreSQL's sessions"), () => {
  it.live("that find nothing are not read message by message", () =>
    Effect.gen(function* () {
      yield* execute("create table known (a int)")
      const calls = Effect.andThen(
        execute("select a from known where a = :a", { a: long(1) }),
        execute("insert into known values (1)")
      )
      yield* calls
      const read = vi.spyOn(CommandReceiver.prototype, "accept")
      yield* Effect.addFinalizer(() => Effect.sync(() => read.mockRestore()))
      // An answer that the network cuts is read message by message.
      const readMessages = Effect.map(calls, () => {
        const count = read.mock.calls.length
        read.mockClear()
        return count
      })
      const untouched = yield* Effect.repeat(readMessages, { until: (count) => count === 0, times: 500 })
      yield* execute("select set_config('work_mem', '1MB', false), pg_advisory_lock(7)")
      assert.deepStrictEqual(yield* scalar("show work_mem"), { stringValue: "4MB" })
      assert.strictEqual(untouched, 0)
    }).pipe(Effect.scoped, Effect.provide(TestDatabase.layerPostgres(url ?? "", { maxConnections: 1 })))
  )
})
