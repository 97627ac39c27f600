/** Reads one statement's result from the server's messages. */
import type * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Result } from "effect"
import { sqlNull } from "../../data-api/postgres/BinaryValues.ts"
import {
  type Column,
  Refusal,
  type ResultSet,
  type RowReader,
  type Statement,
  type TransactionStatus,
  type Value
} from "../engine/Session.ts"
import type { Receiver } from "./Receivers.ts"

/** The refusal in the fields of an ErrorResponse. */
export const refusalOf = (fields: PgProtocol.ErrorFields): Refusal =>
  new Refusal({
    sqlState: fields.code ?? "XX000",
    message: fields.message ?? "",
    hint: fields.hint,
    position: fields.position
  })

/** Collects one statement's result from the messages up to ReadyForQuery. */
export class Answer<Rows extends RowReader> implements Receiver {
  columns: ReadonlyArray<Column> | undefined
  commandTag = ""
  refusal: Refusal | undefined
  parsed = false
  described = false
  /** Whether the server reported how the statement ended. */
  answered = false
  status: TransactionStatus = "I"
  /** Whether the server accepted the statement (BindComplete). If not, nothing of it ran. */
  bound = false
  /** Whether the last message has arrived. */
  finished = false
  readonly #statement: Statement<Rows>
  readonly #maxBytes: number
  readonly #onFinish: (answer: Answer<Rows>) => void
  #rows: Rows | undefined
  #bytes = 0
  #copy: ResultSet["copy"]

  constructor(
    statement: Statement<Rows>,
    columns: ReadonlyArray<Column> | null | undefined,
    onFinish: (answer: Answer<Rows>) => void
  ) {
    this.#statement = statement
    this.#maxBytes = statement.maxBytes ?? Number.POSITIVE_INFINITY
    this.#onFinish = onFinish
    if (columns) this.#describe(columns)
  }

  #describe(columns: ReadonlyArray<Column>): void {
    this.columns = columns
    this.#rows = this.#statement.rowsOf?.(columns)
  }

  /** Reads a value directly from the parser's buffer. */
  read(bytes: Uint8Array, offset: number, size: number, column: number): Value {
    this.#bytes += size < 0 ? 4 : 4 + size
    return this.#rows === undefined || this.#bytes > this.#maxBytes
      ? sqlNull
      : this.#rows.read(bytes, offset, size, column)
  }

  /** Takes the next message; true when it was the last. */
  accept(message: PgProtocol.BackendMessage<Value>): boolean {
    switch (message._tag) {
      case "DataRow":
        this.#bytes += 6
        if (this.#bytes <= this.#maxBytes) this.#rows?.end(message.values)
        return false
      case "ParseComplete":
        this.parsed = true
        return false
      case "RowDescription":
        this.#describe(message.fields)
        this.described = true
        return false
      case "NoData":
        this.described = true
        return false
      case "BindComplete":
        this.bound = true
        return false
      case "CommandComplete":
        this.commandTag = message.commandTag
        this.answered = this.bound
        return false
      case "EmptyQueryResponse":
        // PGlite also sends this for a statement that it lost while it bound the parameters.
        this.answered = this.bound
        return false
      case "CopyInResponse":
      case "CopyOutResponse":
        this.#copy = message._tag
        return false
      case "ErrorResponse":
        this.refusal ??= refusalOf(message.fields)
        this.answered = true
        return false
      case "ReadyForQuery":
        this.status = message.status
        this.finished = true
        this.#onFinish(this)
        return true
      default:
        return false
    }
  }

  /** The result of the messages. */
  result(): Result.Result<ResultSet<Rows>, Refusal> {
    const { columns, commandTag, refusal } = this
    const copy = this.#copy
    if (refusal !== undefined && copy === undefined) return Result.fail(refusal)
    return Result.succeed({ columns, rows: this.#rows, truncated: this.#bytes > this.#maxBytes, commandTag, copy })
  }
}
