/**
 * One statement on the wire: the frames that ask for it, and the answer read from the messages that come back.
 *
 * Queries are kept as named prepared statements, as the service keeps them (it names them `sqlx_s_1` and so on):
 * preparing costs the embedded database thirteen times what running does.
 */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Result } from "effect"
import { sqlNull } from "./BinaryValues.ts"
import {
  type Column,
  Refusal,
  type ResultSet,
  type RowReader,
  type SessionLost,
  type Statement,
  type TransactionStatus,
  type Value
} from "./Session.ts"

/** Counts schema changes, so that what was learnt before one can be told from what was learnt after. */
export interface SchemaVersion {
  current: number
}

interface Prepared {
  readonly name: string
  readonly reachesSession: boolean
  /** What the server said of the columns: `undefined` not asked yet, `null` no rows. */
  columns: ReadonlyArray<Column> | null | undefined
}

/** As many as sqlx keeps for a connection. */
const preparedLimit = 100

const queryStart = /^\s*(?:select|insert|update|delete|merge|with|values)\b/i
const copyWord = /\bcopy\b/i
const changesSchema = /^(?:CREATE|ALTER|DROP|IMPORT|DO|CALL)\b/
/** Command tags of what leaves nothing behind in the session (beyond what `reachesSession` finds in the text). */
const leavesNothing =
  /^(?:SELECT|INSERT|UPDATE|DELETE|MERGE|BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|EXPLAIN|SHOW|DECLARE|FETCH|MOVE|CLOSE|LOCK|TRUNCATE|ANALYZE|VACUUM|NOTIFY)\b|^$/
const setsLocally = /^\s*set\s+(?:local|transaction|constraints)\b/i
/** What a query's text holds when it changes its session: settings, locks, temporary tables, lasting cursors. */
const reachesSession = /set_config|advisory|\btemp(?:orary)?\b|pg_temp|\bhold\b/i

const execute = PgProtocol.encodeExecute({ portal: "", maxRows: 0 })
const sync = PgProtocol.encodeSync()
/** Ends a COPY FROM STDIN before it begins; outside of one the server ignores it. */
const copyFail = Uint8Array.of(0x66, 0, 0, 0, 5, 0)

const encodeBind = PgProtocol.makeBindEncoder<string | Uint8Array | null>(
  (sink, value) => {
    if (value === null) sink.sqlNull()
    else if (typeof value === "string") sink.utf8(value)
    else sink.raw(value)
    return Result.succeed(undefined)
  },
  (value) => typeof value === "string"
)

/** A refusal out of the fields of an ErrorResponse. */
export const refusalOf = (fields: PgProtocol.ErrorFields): Refusal =>
  new Refusal({
    sqlState: fields.code ?? "XX000",
    message: fields.message ?? "",
    hint: fields.hint,
    position: fields.position
  })

/** What a statement came to. */
export type Outcome<Rows extends RowReader> = Result.Result<ResultSet<Rows>, Refusal | SessionLost>

/**
 * The prepared statement is gone, or would return other columns than when it was prepared: nothing was run, and outside
 * a transaction, which it has aborted, it may be run again.
 */
export const isStale = (refusal: Refusal | undefined): boolean =>
  refusal?.sqlState === "26000" || refusal?.message === "cached plan must not change result type"

const tooManyParameters = new Refusal({ sqlState: "54000", message: "too many parameters: the limit is 32767" })

/** The prepared statements of one session, and what its past statements may have left behind. */
export class Exchange {
  #schemaVersion: SchemaVersion
  #knownVersion: number
  #prepared = new Map<string, Prepared>()
  #toClose: Array<string> = []
  #count = 0
  #changedSchema = false
  status: TransactionStatus = "I"
  /** A statement may have changed the session's state. */
  touched = false

  constructor(schemaVersion: SchemaVersion) {
    this.#schemaVersion = schemaVersion
    this.#knownVersion = schemaVersion.current
  }

  /** The frames for a statement, and the answer that is to be fed with the server's messages. */
  begin<Rows extends RowReader>(
    statement: Statement<Rows>
  ): Result.Result<{ readonly bytes: Uint8Array; readonly answer: Answer<Rows> }, Refusal> {
    if (this.#knownVersion !== this.#schemaVersion.current) this.#forgetPlans()
    const { sql, parameters } = statement
    const oids = parameters.map((parameter) => parameter.oid)
    const values = parameters.flatMap(({ value }) => (value === undefined ? [] : [value]))
    const key = queryStart.test(sql) ? `${oids.join(",")} ${sql}` : undefined
    const known = key === undefined ? undefined : this.#prepared.get(key)
    const name = known?.name ?? (key === undefined ? "" : `sqlx_s_${++this.#count}`)

    const parts: Array<Uint8Array> = this.#toClose.map((closed) =>
      PgProtocol.encodeClose({ target: "statement", name: closed })
    )
    this.#toClose = []
    if (known === undefined) {
      const parse = PgProtocol.encodeParse({ name, query: sql, parameterTypes: oids })
      if (Result.isFailure(parse)) return Result.fail(tooManyParameters)
      parts.push(parse.success)
    }
    const bind = encodeBind({ portal: "", statement: name, parameters: values })
    if (Result.isFailure(bind)) return Result.fail(tooManyParameters)
    parts.push(bind.success)
    if (known?.columns === undefined) parts.push(PgProtocol.encodeDescribe({ target: "portal", name: "" }))
    parts.push(execute)
    if (key === undefined && copyWord.test(sql)) parts.push(copyFail)
    parts.push(sync)

    if (key !== undefined && known !== undefined) {
      // The most recently used comes last, so that the first is the one to give up.
      this.#prepared.delete(key)
      this.#prepared.set(key, known)
    }
    const answer = new Answer(statement, known?.columns, (finished) => {
      const reaches = known?.reachesSession ?? reachesSession.test(sql)
      this.#finish(finished, reaches || !(leavesNothing.test(finished.commandTag) || setsLocally.test(sql)))
      if (key === undefined) return
      if (known === undefined && finished.parsed) {
        const columns = finished.described ? (finished.columns ?? null) : undefined
        this.#prepared.set(key, { name, columns, reachesSession: reaches })
        this.#evict()
      } else if (known !== undefined && known.columns === undefined && finished.described) {
        known.columns = finished.columns ?? null
      } else if (known !== undefined && isStale(finished.refusal)) {
        this.#prepared.delete(key)
        this.#toClose.push(name)
      }
    })
    return Result.succeed({ bytes: Buffer.concat(parts), answer })
  }

  #finish({ commandTag: tag, status }: Pick<Answer<RowReader>, "commandTag" | "status">, touched: boolean): void {
    this.status = status
    if (changesSchema.test(tag)) this.#changedSchema = true
    // A rollback, also to a savepoint, takes a change back, which is a change as well.
    if (this.#changedSchema && (changesSchema.test(tag) || tag === "ROLLBACK")) this.#schemaVersion.current++
    if (this.status === "I") this.#changedSchema = false
    if (touched) this.touched = true
    if (tag === "DISCARD ALL") this.touched = false
    if (tag === "DISCARD ALL" || tag === "DEALLOCATE ALL") {
      this.#prepared.clear()
      this.#toClose = []
    }
  }

  /** Plans made before a change of the schema may be of the wrong shape. */
  #forgetPlans(): void {
    this.#knownVersion = this.#schemaVersion.current
    for (const { name } of this.#prepared.values()) this.#toClose.push(name)
    this.#prepared.clear()
  }

  #evict(): void {
    for (const [key, { name }] of this.#prepared) {
      if (this.#prepared.size <= preparedLimit) return
      this.#prepared.delete(key)
      this.#toClose.push(name)
    }
  }
}

/** Gathers one statement's answer from the messages up to ReadyForQuery. */
export class Answer<Rows extends RowReader> {
  columns: ReadonlyArray<Column> | undefined
  commandTag = ""
  refusal: Refusal | undefined
  parsed = false
  described = false
  /** The server said how the statement ended. */
  ended = false
  status: TransactionStatus = "I"
  /** The server took the statement: without that it has run nothing of it. */
  bound = false
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

  /** Reads a value where it lies in the parser's buffer. */
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
        this.ended = this.bound
        return false
      case "EmptyQueryResponse":
        // PGlite says this of a statement that it lost while it bound the parameters.
        this.ended = this.bound
        return false
      case "CopyInResponse":
      case "CopyOutResponse":
        this.#copy = message._tag
        return false
      case "ErrorResponse":
        this.refusal ??= refusalOf(message.fields)
        this.ended = true
        return false
      case "ReadyForQuery":
        this.status = message.status
        this.#onFinish(this)
        return true
      default:
        return false
    }
  }

  /** What the messages came to. */
  result(): Result.Result<ResultSet<Rows>, Refusal> {
    const { columns, commandTag, refusal } = this
    const copy = this.#copy
    if (refusal !== undefined && copy === undefined) return Result.fail(refusal)
    return Result.succeed({ columns, rows: this.#rows, truncated: this.#bytes > this.#maxBytes, commandTag, copy })
  }
}
