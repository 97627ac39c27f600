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
const taken = (chunks: Iterable<Uint8Array>) => {
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

/** Within the octets that the statement's answer ends with, by which its end is found. */
const isInReady = (answer: Uint8Array, cut: number) => cut > answer.length - 6 && cut < answer.length

it("wherever it is cut it is taken as a whole, and read only where the end of the statement's answer is cut", () => {
  const all = Buffer.concat([statementsAnswer, expected])
  for (let cut = 1; cut < all.length; cut++) {
    for (let second = cut + 1; second <= all.length; second++) {
      const pieces = [all.subarray(0, cut), all.subarray(cut, second), all.subarray(second)]
      const { asExpected, reported, ...ended } = taken(pieces)
      assert.deepStrictEqual(ended, { finished: true, answered: true }, `cut at ${cut} and ${second}`)
      if (asExpected === 0) assert.deepStrictEqual(reported, report)
      const isFound = ![cut, second].some((at) => isInReady(statementsAnswer, at))
      if (isFound) assert.strictEqual(asExpected, 1, `cut at ${cut} and ${second}`)
    }
  }
  const octets = [statementsAnswer, ...[...expected].map((octet) => Uint8Array.of(octet))]
  assert.strictEqual(taken(octets).asExpected, 1)
})

it("in a buffer that is used again for what arrives next it is taken as a whole too", () => {
  const buffer = new Uint8Array(1024)
  const chunks = function* () {
    for (const octets of [Buffer.concat([statementsAnswer, expected.subarray(0, 40)]), expected.subarray(40)]) {
      buffer.fill(0xff)
      buffer.set(octets)
      yield buffer.subarray(0, octets.length)
    }
  }
  assert.strictEqual(taken(chunks()).asExpected, 1)
})

it("an answer that turns out to be another is read from its beginning, wherever it is cut", () => {
  // Behind BindComplete, and before the last ReadyForQuery.
  for (const place of [5, expected.length - 6]) {
    const noticed = Buffer.concat([statementsAnswer, expected.subarray(0, place), notice, expected.subarray(place)])
    for (let cut = 1; cut < noticed.length; cut++) {
      assert.deepStrictEqual(
        taken([noticed.subarray(0, cut), noticed.subarray(cut)]),
        { asExpected: 0, reported: report, finished: true, answered: true },
        `cut at ${cut}`
      )
    }
  }
})

it("an answer that turns out to be another is read once, though pieces of it look like the expected one", () => {
  const text = Buffer.from("SNOTICE\0C22222\0M2 of 2\0\0", "latin1")
  const head = Buffer.from("N\0\0\0\0", "latin1")
  head.writeInt32BE(4 + text.length, 1)
  const octets = [...statementsAnswer, ...head, ...text, ...expected].map((octet) => Uint8Array.of(octet))
  assert.deepStrictEqual(taken(octets), { asExpected: 0, reported: report, finished: true, answered: true })
})

it("a value that looks like the end of a message and the beginning of the reset's answer is a value", () => {
  const value = Buffer.concat([Buffer.from("Z\0\0\0\x05I", "latin1"), expected.subarray(0, 7), Buffer.from("and more")])
  const head = Buffer.alloc(11, "D")
  head.writeInt32BE(10 + value.length, 1)
  head.writeInt16BE(1, 5)
  head.writeInt32BE(value.length, 7)
  const statement = Buffer.concat([statementsAnswer.subarray(0, 5), head, value, statementsAnswer.subarray(5)])
  const all = Buffer.concat([statement, expected])
  for (let cut = 1; cut < all.length; cut++) {
    const { asExpected, ...ended } = taken([all.subarray(0, cut), all.subarray(cut)])
    assert.strictEqual(asExpected, isInReady(statement, cut) ? 0 : 1, `cut at ${cut}`)
    assert.deepInclude(ended, { finished: true, answered: true })
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
      for (let n = 0; n < 20; n++) yield* calls
      const untouched = read.mock.calls.length
      yield* execute("select set_config('work_mem', '1MB', false), pg_advisory_lock(7)")
      assert.deepStrictEqual(yield* scalar("show work_mem"), { stringValue: "4MB" })
      assert.strictEqual(untouched, 0)
    }).pipe(Effect.scoped, Effect.provide(TestDatabase.layerPostgres(url ?? "", { maxConnections: 1 })))
  )
})
