/**
 * The requests of one session in PostgreSQL's protocol: the frames of statements and resets, and what they prepare.
 *
 * Queries are kept as named prepared statements, as in the service (`sqlx_s_1` and so on). In the embedded database,
 * preparing a query takes thirteen times as long as running it.
 */
import { randomBytes } from "node:crypto"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Result } from "effect"
import { pgTypeByName } from "../../data-api/values/PgOids.ts"
import {
  type Column,
  Refusal,
  type RowReader,
  type SchemaVersion,
  type Statement,
  type TransactionStatus
} from "../engine/Session.ts"
import { CommandReceiver, type Ending, type Receiver, ReceiverSequence } from "./Receivers.ts"
import {
  checkSql,
  foreignAllowed,
  ownStatements,
  ownUserSql,
  type Report,
  resetSql,
  type ServerFacts,
  untouchedAnswer
} from "./SessionReset.ts"
import { Answer } from "./StatementAnswer.ts"

interface Prepared {
  readonly name: string
  /** The columns as the server describes them; `undefined` if it was not asked yet, `null` if there are no rows. */
  columns: ReadonlyArray<Column> | null | undefined
  /** The number of the statement that used it last. */
  lastUse: number
}

/** The most prepared statements of a connection, the same as in sqlx. */
const preparedLimit = 100

/**
 * Matches a query, also after comments. After nested comments it does not match, and the query is not kept prepared.
 */
const queryStart =
  /^(?:\s|--[^\n]*\n|\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\/)*(?:\(\s*)?(?:select|insert|update|delete|merge|with|values|table)\b/i
const copyWord = /\bcopy\b/i
const changesSchema = /^(?:CREATE|ALTER|DROP|IMPORT|DO|CALL)\b/
const execute = PgProtocol.encodeExecute({ portal: "", maxRows: 0 })
const sync = PgProtocol.encodeSync()
/** A CopyFail message, which ends a COPY FROM STDIN before it begins. Otherwise the server ignores it. */
const copyFail = Uint8Array.of(0x66, 0, 0, 0, 5, 0)

/** Encodes a simple query, whose text may contain several commands. */
const encodeQuery = (sql: string): Uint8Array => {
  const text = Buffer.from(`${sql}\0`)
  const message = Buffer.alloc(5 + text.length)
  message.write("Q")
  message.writeInt32BE(4 + text.length, 1)
  text.copy(message, 5)
  return message
}

const nothing = new Uint8Array(0)
/** Bytes at the end of a Bind, after its parameters: one format for all result columns. */
const resultFormats = 4

const float8 = pgTypeByName.get("float8")?.oid ?? 0

const encodeBind = PgProtocol.makeBindEncoder<string | Uint8Array | null>(
  (sink, value) => {
    if (value === null) sink.sqlNull()
    else if (typeof value === "string") sink.utf8(value)
    else sink.raw(value)
    return Result.succeed(undefined)
  },
  (value) => typeof value === "string"
)

/**
 * Whether the prepared statement no longer exists, or would return other columns than when it was prepared. Nothing
 * ran, so outside of a transaction, which the error aborts, the statement can be retried.
 */
export const isStale = (refusal: Refusal | undefined): boolean =>
  refusal?.sqlState === "26000" || refusal?.message === "cached plan must not change result type"

const tooManyParameters = new Refusal({ sqlState: "54000", message: "too many parameters: the limit is 32767" })

/** The members of a complete answer that the exchange uses. */
type Finished = Pick<Answer<RowReader>, "columns" | "commandTag" | "described" | "parsed" | "refusal" | "status">

/** Frames to send together, and the receiver of the server's messages. */
export interface Request {
  readonly bytes: Uint8Array
  readonly receiver: ReceiverSequence
}

/** The prepared statements of one session, and its resets. */
export class Exchange {
  readonly #schemaVersion: SchemaVersion
  #knownVersion: number
  #prepared = new Map<string, Prepared>()
  #toClose: Array<string> = []
  #count = 0
  #uses = 0
  #changedSchema = false
  /** The name of the prepared check. It is random, so that no caller uses it by chance. */
  readonly #check = `alex_check_${randomBytes(12).toString("hex")}`
  readonly #parseCheck: Uint8Array
  /** The frames of the check and the reset, and the offset of the check's seed in them. */
  readonly #checkAndReset: Buffer
  readonly #seedAt: number
  readonly #facts: ServerFacts
  #checkPrepared = false
  /** The report of the check before the first statement. */
  #fresh: Report | undefined
  /** The answer to the check and the reset of a clean session, for this number of prepared statements. */
  #untouched: { readonly statements: number; readonly octets: Uint8Array } | undefined
  /**
   * Whether a library was loaded, or an extension with its own state used; only the end of the session removes that.
   */
  #foreign = false
  status: TransactionStatus = "I"
  /** Whether the server confirmed, since the last statement, that the session is clean. */
  isClean = false

  constructor(schemaVersion: SchemaVersion, facts: ServerFacts) {
    this.#schemaVersion = schemaVersion
    this.#knownVersion = schemaVersion.current
    const parse = PgProtocol.encodeParse({ name: this.#check, query: checkSql(facts), parameterTypes: [float8] })
    this.#parseCheck = Result.getOrElse(parse, () => nothing)
    const bind = Result.getOrElse(
      encodeBind({ portal: "", statement: this.#check, parameters: [new Uint8Array(8)] }),
      () => nothing
    )
    this.#checkAndReset = Buffer.concat([bind, execute, sync, encodeQuery(resetSql(facts))])
    this.#seedAt = bind.length - resultFormats - 8
    this.#facts = facts
  }

  /** Whether the session can't be reset. */
  get isForeign(): boolean {
    return this.#foreign
  }

  /** Encodes the frames of a statement, and creates the answer that receives the server's messages. */
  begin<Rows extends RowReader>(
    statement: Statement<Rows>
  ): Result.Result<Request & { readonly answer: Answer<Rows> }, Refusal> {
    if (this.#knownVersion !== this.#schemaVersion.current) this.#forgetPlans()
    const { sql, parameters } = statement
    const oids: Array<number> = []
    const values: Array<string | Uint8Array | null> = []
    for (const { oid, value } of parameters) {
      oids.push(oid)
      if (value !== undefined) values.push(value)
    }
    const signature = `${oids.join(",")} ${sql}`
    const known = this.#prepared.get(signature)
    const key = known !== undefined || queryStart.test(sql) ? signature : undefined
    const name = known?.name ?? (key === undefined ? "" : `sqlx_s_${++this.#count}`)
    const parse = known ? undefined : PgProtocol.encodeParse({ name, query: sql, parameterTypes: oids })
    const bind = encodeBind({ portal: "", statement: name, parameters: values })
    if (Result.isFailure(bind) || (parse !== undefined && Result.isFailure(parse)))
      return Result.fail(tooManyParameters)

    const parts: Array<Uint8Array> = []
    const receivers: Array<Receiver> = []
    if (this.#fresh === undefined) this.#addCheck(parts, receivers)
    for (const closed of this.#toClose) parts.push(PgProtocol.encodeClose({ target: "statement", name: closed }))
    this.#toClose = []
    if (parse !== undefined) parts.push(parse.success)
    parts.push(bind.success)
    if (known?.columns === undefined) parts.push(PgProtocol.encodeDescribe({ target: "portal", name: "" }))
    parts.push(execute)
    if (key === undefined && copyWord.test(sql)) parts.push(copyFail)
    parts.push(sync)
    if (known !== undefined) known.lastUse = ++this.#uses
    const answer = new Answer(statement, known?.columns, (finished) => this.#finish(finished, key, known, name))
    receivers.push(answer)
    this.isClean = false
    if (statement.last !== true)
      return Result.succeed({ bytes: Buffer.concat(parts), receiver: new ReceiverSequence(receivers), answer })
    // If this prepares a statement, the number of statements that the check will find is not known yet.
    const ending = this.#addReset(parts, known === undefined ? undefined : this.#untouchedAnswer())
    return Result.succeed({ bytes: Buffer.concat(parts), receiver: new ReceiverSequence(receivers, ending), answer })
  }

  /** Encodes the frames that reset the session. Afterwards `isClean` says whether the server confirmed it. */
  reset(): Request {
    const parts: Array<Uint8Array> = []
    const ending = this.#addReset(parts, this.#untouchedAnswer())
    return { bytes: Buffer.concat(parts), receiver: new ReceiverSequence([], ending) }
  }

  /** Encodes the frames that end an open transaction, and discard everything, also the prepared statements. */
  discard(): Request {
    const parts: Array<Uint8Array> = []
    const receivers: Array<Receiver> = []
    let failed = false
    const follow = (receiver: CommandReceiver) => {
      failed ||= receiver.failed
    }
    const commands = [...(this.status === "I" ? [] : ["ROLLBACK"]), "DISCARD ALL", ownUserSql(this.#facts)]
    for (const command of commands) {
      parts.push(encodeQuery(command))
      receivers.push(new CommandReceiver(follow))
    }
    this.#prepared.clear()
    this.#toClose = []
    this.#checkPrepared = false
    this.#addCheck(parts, receivers, ({ report, status }) => {
      this.status = status
      this.isClean = !failed && status === "I" && report !== undefined && this.#isAsFresh(report)
    })
    return { bytes: Buffer.concat(parts), receiver: new ReceiverSequence(receivers) }
  }

  /** The check and the reset with a new random seed, so that callers can't predict `random()`. */
  #seededCheckAndReset(): Buffer {
    const frames = Buffer.from(this.#checkAndReset)
    frames.writeDoubleBE(2 * Math.random() - 1, this.#seedAt)
    return frames
  }

  #checkReceiver(then: (receiver: CommandReceiver) => void): CommandReceiver {
    return new CommandReceiver((receiver) => {
      const { report } = receiver
      this.#checkPrepared ||= report !== undefined
      this.#fresh ??= report
      if (report !== undefined && report.foreign !== foreignAllowed(this.#facts, this.#fresh ?? report))
        this.#foreign = true
      then(receiver)
    })
  }

  #addCheck(
    parts: Array<Uint8Array>,
    receivers: Array<Receiver>,
    then: (receiver: CommandReceiver) => void = () => {}
  ): void {
    if (!this.#checkPrepared) parts.push(this.#parseCheck)
    parts.push(this.#seededCheckAndReset().subarray(0, this.#seedAt + 8 + resultFormats), execute, sync)
    receivers.push(this.#checkReceiver(then))
  }

  #addReset(parts: Array<Uint8Array>, expected: Uint8Array | undefined): Ending {
    if (!this.#checkPrepared) parts.push(this.#parseCheck)
    parts.push(this.#seededCheckAndReset())
    let asFresh = false
    return {
      expected,
      asExpected: () => {
        this.status = "I"
        this.isClean = !this.#foreign
      },
      receivers: () => [
        this.#checkReceiver(({ report, status }) => {
          asFresh = status === "I" && report !== undefined && this.#isAsFresh(report)
        }),
        new CommandReceiver(({ failed, status }) => {
          this.status = status
          this.isClean = asFresh && !failed && status === "I" && !this.#foreign
        })
      ]
    }
  }

  /** The number of prepared statements on the server. Evicted ones are closed only with the next statement. */
  get #statements(): number {
    return this.#prepared.size + this.#toClose.length + 1
  }

  #isAsFresh({ searchPath, statements }: Report): boolean {
    return statements === ownStatements(this.#statements) && searchPath === this.#fresh?.searchPath
  }

  #untouchedAnswer(): Uint8Array | undefined {
    const statements = this.#statements
    const fresh = this.#fresh
    if (fresh === undefined || !this.#checkPrepared) return undefined
    if (this.#untouched?.statements !== statements) {
      const foreign = foreignAllowed(this.#facts, fresh)
      const report = { statements: ownStatements(statements), searchPath: fresh.searchPath, foreign }
      this.#untouched = { statements, octets: untouchedAnswer(report) }
    }
    return this.#untouched.octets
  }

  #finish(
    { columns, commandTag: tag, described, parsed, refusal, status }: Finished,
    key: string | undefined,
    known: Prepared | undefined,
    name: string
  ): void {
    this.status = status
    if (changesSchema.test(tag)) this.#changedSchema = true
    // A rollback, also to a savepoint, reverts a change of the schema, which is another change.
    if (this.#changedSchema && (changesSchema.test(tag) || tag === "ROLLBACK")) this.#schemaVersion.current++
    if (this.status === "I") this.#changedSchema = false
    if (tag === "LOAD") this.#foreign = true
    if (tag === "DISCARD ALL" || tag === "DEALLOCATE ALL") {
      this.#prepared.clear()
      this.#toClose = []
      this.#checkPrepared = false
    }
    if (key === undefined) return
    if (known === undefined && parsed) {
      this.#prepared.set(key, { name, columns: described ? (columns ?? null) : undefined, lastUse: ++this.#uses })
      this.#evict()
    } else if (known !== undefined && known.columns === undefined && described) {
      known.columns = columns ?? null
    } else if (known !== undefined && isStale(refusal)) {
      this.#prepared.delete(key)
      this.#toClose.push(name)
    }
  }

  /** Drops all prepared statements: after a change of the schema their columns may be wrong. */
  #forgetPlans(): void {
    this.#knownVersion = this.#schemaVersion.current
    for (const { name } of this.#prepared.values()) this.#toClose.push(name)
    this.#prepared.clear()
  }

  #evict(): void {
    if (this.#prepared.size <= preparedLimit) return
    const [oldest] = [...this.#prepared].sort(([, one], [, other]) => one.lastUse - other.lastUse)
    if (oldest === undefined) return
    const [key, { name }] = oldest
    this.#prepared.delete(key)
    this.#toClose.push(name)
  }
}
