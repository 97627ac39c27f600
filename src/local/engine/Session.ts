/**
 * A PostgreSQL session as the engine sees it: one statement in, its result set or the server's refusal out.
 *
 * Where sessions come from is a {@link SessionSource}: the embedded PGlite or a pool of connections to a server.
 */
import { Data, type Duration, Effect, Semaphore } from "effect"
import type { Field } from "../../data-api/DataApi.ts"
import type { Unreadable } from "../../data-api/postgres/BinaryValues.ts"

/** Counts schema changes, so that what was learnt before one can be distinguished from what was learnt after. */
export interface SchemaVersion {
  current: number
}

/** A value for `$n`: text format as a string, binary format as bytes. */
export interface Parameter {
  /** The declared type; 0 lets the server infer it. */
  readonly oid: number
  /** `undefined`: declared, but not bound, so that the server itself says that one is missing. */
  readonly value: string | Uint8Array | null | undefined
}

/** One statement with positional parameters. */
export interface Statement<Rows extends RowReader = RowReader> {
  readonly sql: string
  readonly parameters: ReadonlyArray<Parameter>
  /** What is to read rows of these columns; without it they are dropped. */
  readonly rowsOf?: ((columns: ReadonlyArray<Column>) => Rows) | undefined
  /** Rows beyond this many bytes on the wire are counted as too many and dropped. */
  readonly maxBytes?: number | undefined
  /** No other statement of this lease follows: the session is reset in the same message. */
  readonly last?: true | undefined
}

/** Reads rows as they arrive. */
export interface RowReader {
  /** A value where it lies in the connection's buffer; a negative size is NULL. */
  readonly read: (bytes: Uint8Array, offset: number, size: number, column: number) => Value
  /** A row is complete; these are its values as they were read. */
  readonly end: (row: Row) => void
}

/** A result column as the server describes it. A domain has the OID of its base type here. */
export interface Column {
  readonly name: string
  readonly tableOid: number
  readonly columnAttributeNumber: number
  readonly dataTypeOid: number
  readonly typeModifier: number
}

/** A value as its reader read it, or its bytes in binary format where there was no reader for it. */
export type Value = Field | Unreadable | Uint8Array

export type Row = ReadonlyArray<Value>

/** What a statement came to. */
export interface ResultSet<Rows extends RowReader = RowReader> {
  /** Absent when the statement returns no rows by its nature. */
  readonly columns: ReadonlyArray<Column> | undefined
  /** What read the rows; absent without columns, or where they were not asked for. */
  readonly rows: Rows | undefined
  /** More than `maxBytes` arrived; only the first rows were read. */
  readonly truncated: boolean
  /** For example `INSERT 0 3`; empty for an empty statement. */
  readonly commandTag: string
  /** The server began a COPY to or from the client, which this protocol has no place for. */
  readonly copy: "CopyInResponse" | "CopyOutResponse" | undefined
}

/** What PostgreSQL says when it refuses a statement or a connection. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly sqlState: string
  readonly message: string
  readonly hint?: string | undefined
  readonly position?: string | undefined
}> {}

/** The session broke, or none could be had; whether a statement in flight ran is unknown. */
export class SessionLost extends Data.TaggedError("SessionLost")<{ readonly message: string }> {}

/** Idle, in a transaction, or in one that has failed. */
export type TransactionStatus = "I" | "T" | "E"

/** One connection to PostgreSQL. */
export interface Session {
  /** Runs one statement. Only one may run at a time; interruption cancels it and waits until the server has stopped. */
  readonly run: <Rows extends RowReader>(
    statement: Statement<Rows>
  ) => Effect.Effect<ResultSet<Rows>, Refusal | SessionLost>
  readonly status: () => TransactionStatus
  /** The connection is gone, and with it whatever transaction was open on it. */
  readonly isBroken: () => boolean
  /** The name of the database that the session is connected to. */
  readonly database: string
}

/** A session that is one caller's alone until the lease ends. */
export interface Lease {
  readonly session: Session
  /**
   * Gives the session back: an open transaction is rolled back, and whatever a statement may have left in the session
   * (settings, temporary tables, prepared statements, advisory locks) is discarded.
   */
  readonly end: Effect.Effect<void>
}

/** Where sessions come from: the embedded database, or a pool on a server. */
export interface SessionSource {
  /** Lends a session on a database. It can be interrupted while it waits, and only then: a lease is never lost. */
  readonly lend: (database: string | undefined) => Effect.Effect<Lease, Refusal | SessionLost>
  /** Counts changes of the schema that were made through this source. */
  readonly schemaVersion: SchemaVersion
  /** A statement holds up the whole process while it runs, so that nothing can arrive in the meantime. */
  readonly holdsProcess?: true
}

/** How many sessions may be in use at a time. */
export class SessionPermits {
  readonly #permits: Semaphore.Semaphore
  readonly #wait: Duration.Input
  readonly #refusal: Refusal
  #waiting = 0

  /** A caller that gets no permit within `wait` fails with the refusal. */
  constructor(permits: number, wait: Duration.Input, refusal: Refusal) {
    this.#permits = Semaphore.makeUnsafe(permits)
    this.#wait = wait
    this.#refusal = refusal
  }

  /** One permit, to be released. Where nothing waits, which is usual, no timer is paid for. */
  readonly take: Effect.Effect<void, Refusal> = Effect.suspend(() =>
    this.#waiting > 0
      ? this.#waitForOne
      : Effect.flatMap(this.#permits.takeIfAvailable(1), (taken) => (taken ? Effect.void : this.#waitForOne))
  )

  readonly #waitForOne = Effect.suspend(() => {
    this.#waiting++
    return Effect.timeoutOrElse(this.#permits.take(1), {
      duration: this.#wait,
      orElse: () => Effect.fail(this.#refusal)
    }).pipe(Effect.interruptible, Effect.ensuring(Effect.sync(() => this.#waiting--)), Effect.asVoid)
  })

  readonly release: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(this.#permits.release(1)))
}
