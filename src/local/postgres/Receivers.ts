/** Receives the messages that answer a request, and skips parsing where the answer is the expected one. */
import type * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { TransactionStatus, Value } from "../engine/Session.ts"
import { type Report, reportOf } from "./SessionReset.ts"

/** Receives the messages of one request up to its ReadyForQuery. */
export interface Receiver {
  /** Whether the server reported how the request ended. A server that has failed may send only ReadyForQuery. */
  readonly answered: boolean
  /** Receives the next message; true if it was the last. */
  readonly accept: (message: PgProtocol.BackendMessage<Value>) => boolean
  /** Reads a value directly from the parser's buffer. */
  readonly read: (bytes: Uint8Array, offset: number, size: number, column: number) => Value
}

const absent = new Uint8Array(0)
const decoder = new TextDecoder()

const textOf = (value: Value | undefined): string => (value instanceof Uint8Array ? decoder.decode(value) : "")

/** Receives the answer to one of the session's own commands. */
export class CommandReceiver implements Receiver {
  answered = false
  failed = false
  status: TransactionStatus = "I"
  readonly #onEnd: (receiver: CommandReceiver) => void
  #row: ReadonlyArray<Value> | undefined

  constructor(onEnd: (receiver: CommandReceiver) => void) {
    this.#onEnd = onEnd
  }

  /** The report, if the command was the check and succeeded. */
  get report(): Report | undefined {
    if (this.failed || this.#row === undefined) return undefined
    return reportOf(this.#row.map(textOf))
  }

  /** Copies the value, because the parser's buffer is reused. */
  read(bytes: Uint8Array, offset: number, size: number): Value {
    return size < 0 ? absent : bytes.slice(offset, offset + size)
  }

  accept(message: PgProtocol.BackendMessage<Value>): boolean {
    if (message._tag === "DataRow") this.#row = message.values
    if (message._tag === "CommandComplete") this.answered = true
    if (message._tag === "ErrorResponse") {
      this.answered = true
      this.failed = true
    }
    if (message._tag !== "ReadyForQuery") return false
    this.status = message.status
    this.#onEnd(this)
    return true
  }
}

/** The end of a request, the check and the reset, whose answer may be known in advance. */
export interface Ending {
  /** The answer of a clean session, if it is known. */
  readonly expected: Uint8Array | undefined
  /** Called if the answer was the expected one. */
  readonly asExpected: () => void
  /** The receivers for any other answer. */
  readonly receivers: () => ReadonlyArray<Receiver>
}

/** The receivers of requests that were sent together, which are answered one after the other. */
export class ReceiverSequence implements Receiver {
  readonly #receivers: Array<Receiver>
  #ending: Ending | undefined
  #index = 0
  /** The bytes of the expected ending that have arrived and are not parsed. */
  #kept: Uint8Array = absent
  #isOther = false

  constructor(receivers: Array<Receiver>, ending?: Ending) {
    this.#receivers = receivers
    this.#ending = ending
  }

  get finished(): boolean {
    return this.#index === this.#receivers.length && this.#ending === undefined
  }

  /** The ending, if only the ending is still to be answered. */
  get ending(): Ending | undefined {
    return this.#index === this.#receivers.length ? this.#ending : undefined
  }

  /** The expected bytes of the ending; undefined if they are not known, or if other bytes have arrived. */
  get expected(): Uint8Array | undefined {
    return this.#isOther ? undefined : this.#ending?.expected
  }

  get answered(): boolean {
    return this.finished && this.#receivers.every(({ answered }) => answered)
  }

  /** Receives bytes of the ending. If they are not the expected ones, returns all bytes that must be parsed. */
  acceptEnding(octets: Uint8Array): Uint8Array | undefined {
    const { expected } = this
    const arrived = Buffer.concat([this.#kept, octets])
    this.#isOther = expected === undefined || !startsWith(expected, arrived)
    this.#kept = this.#isOther ? absent : arrived
    if (this.#isOther) return arrived
    if (arrived.length === expected?.length) {
      this.#ending?.asExpected()
      this.#ending = undefined
    }
    return undefined
  }

  accept(message: PgProtocol.BackendMessage<Value>): boolean {
    const { ending } = this
    if (ending !== undefined) {
      this.#receivers.push(...ending.receivers())
      this.#ending = undefined
    }
    if (this.#receivers[this.#index]?.accept(message) === true) this.#index++
    return this.finished
  }

  read(bytes: Uint8Array, offset: number, size: number, column: number): Value {
    return this.#receivers[this.#index]?.read(bytes, offset, size, column) ?? absent
  }
}

/**
 * ReadyForQuery of a session without a transaction. No text in a message contains it, since a text has no zero byte.
 */
const ready = Buffer.from("Z\0\0\0\x05I", "latin1")

const startsWith = (octets: Uint8Array, start: Uint8Array): boolean =>
  octets.length >= start.length && Buffer.compare(octets.subarray(0, start.length), start) === 0

/** The offset at which the expected ending, or its beginning, follows a ReadyForQuery; the length if there is none. */
const endingIn = ({ buffer, byteLength, byteOffset }: Uint8Array, expected: Uint8Array): number => {
  const octets = Buffer.from(buffer, byteOffset, byteLength)
  for (let at = octets.indexOf(ready); at >= 0; at = octets.indexOf(ready, at + 1)) {
    const begin = at + ready.length
    if (startsWith(expected, octets.subarray(begin))) return begin
  }
  return byteLength
}

/**
 * Passes bytes to the parser, except an ending that equals the expected one: parsing its messages costs more than
 * those of the statement. The first part of an ending is kept until the rest, or other bytes, arrive.
 */
export const feed = (push: (octets: Uint8Array) => void, receiver: ReceiverSequence, octets: Uint8Array): void => {
  const { expected, ending } = receiver
  const begin = expected === undefined ? octets.length : ending === undefined ? endingIn(octets, expected) : 0
  if (begin > 0) push(octets.subarray(0, begin))
  if (begin === octets.length) return
  const rest = octets.subarray(begin)
  // If a value only looked like a ReadyForQuery, the statement's answer continues.
  const read = receiver.ending === undefined ? rest : receiver.acceptEnding(rest)
  if (read !== undefined) push(read)
}
