/** What takes the messages that answer a request, and passes over those that are known beforehand. */
import type * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { TransactionStatus, Value } from "../engine/Session.ts"
import { type Report, reportOf } from "./SessionReset.ts"

/** Takes the messages of one request up to its ReadyForQuery. */
export interface Receiver {
  /** The server said how the request ended; one that falls silent sends ReadyForQuery at most. */
  readonly answered: boolean
  /** Takes the next message; true when it was the last. */
  readonly accept: (message: PgProtocol.BackendMessage<Value>) => boolean
  /** Reads a value where it lies in the parser's buffer. */
  readonly read: (bytes: Uint8Array, offset: number, size: number, column: number) => Value
}

const absent = new Uint8Array(0)
const decoder = new TextDecoder()

const textOf = (value: Value | undefined): string => (value instanceof Uint8Array ? decoder.decode(value) : "")

/** Takes the answer to a command of the session's own. */
export class CommandReceiver implements Receiver {
  answered = false
  failed = false
  status: TransactionStatus = "I"
  readonly #onEnd: (receiver: CommandReceiver) => void
  #row: ReadonlyArray<Value> | undefined

  constructor(onEnd: (receiver: CommandReceiver) => void) {
    this.#onEnd = onEnd
  }

  /** The report, where the command was the check and succeeded. */
  get report(): Report | undefined {
    if (this.failed || this.#row === undefined) return undefined
    return reportOf(this.#row.map(textOf))
  }

  /** A copy: the parser's buffer is overwritten by what follows. */
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

/** What a request ends with, where its answer is known beforehand. */
export interface Ending {
  /** The answer of a session that nothing was left in, where it is known. */
  readonly expected: Uint8Array | undefined
  /** Takes note that this was the answer. */
  readonly asExpected: () => void
  /** Take any other answer. */
  readonly receivers: () => ReadonlyArray<Receiver>
}

/** Requests sent at once are answered one after the other. */
export class ReceiverSequence implements Receiver {
  readonly #receivers: Array<Receiver>
  #ending: Ending | undefined
  #index = 0
  /** What has arrived of the expected ending, and has not been read. */
  #kept: Uint8Array = absent
  #isOther = false

  constructor(receivers: Array<Receiver>, ending?: Ending) {
    this.#receivers = receivers
    this.#ending = ending
  }

  get finished(): boolean {
    return this.#index === this.#receivers.length && this.#ending === undefined
  }

  /** What will answer the rest as expected, where the rest is the ending and nothing else. */
  get ending(): Ending | undefined {
    return this.#index === this.#receivers.length ? this.#ending : undefined
  }

  /** The octets that an answer ends with where it is as expected; none once others have come. */
  get expected(): Uint8Array | undefined {
    return this.#isOther ? undefined : this.#ending?.expected
  }

  get answered(): boolean {
    return this.finished && this.#receivers.every(({ answered }) => answered)
  }

  /** Takes octets of the ending. Gives those that have to be read, once they are not the expected ones. */
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

/** ReadyForQuery of a session without a transaction. No text of a message can hold it, since texts hold no zero. */
const ready = Buffer.from("Z\0\0\0\x05I", "latin1")

const startsWith = (octets: Uint8Array, start: Uint8Array): boolean =>
  octets.length >= start.length && Buffer.compare(octets.subarray(0, start.length), start) === 0

/** Where octets have, behind a message that ends a request, the expected ending or what has arrived of it. */
const endingIn = ({ buffer, byteLength, byteOffset }: Uint8Array, expected: Uint8Array): number => {
  const octets = Buffer.from(buffer, byteOffset, byteLength)
  for (let at = octets.indexOf(ready); at >= 0; at = octets.indexOf(ready, at + 1)) {
    const begin = at + ready.length
    if (startsWith(expected, octets.subarray(begin))) return begin
  }
  return byteLength
}

/**
 * Hands octets to the parser. The ending of an answer is not parsed where it is the expected one, octet by octet, and
 * begins where a message ends: reading its messages costs more than the statement's own. What has arrived of it is kept
 * until the rest is there, or something else.
 */
export const feed = (push: (octets: Uint8Array) => void, receiver: ReceiverSequence, octets: Uint8Array): void => {
  const { expected, ending } = receiver
  const begin = expected === undefined ? octets.length : ending === undefined ? endingIn(octets, expected) : 0
  if (begin > 0) push(octets.subarray(0, begin))
  if (begin === octets.length) return
  const rest = octets.subarray(begin)
  // A value may look like the end of a message: then the statement's answer goes on.
  const read = receiver.ending === undefined ? rest : receiver.acceptEnding(rest)
  if (read !== undefined) push(read)
}
