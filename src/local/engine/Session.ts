/**
 * The engine's view of a PostgreSQL session: it runs one statement, and returns the result set or the server's error.
 *
 * A {@link SessionSource} lends sessions: the embedded PGlite, or a pool of connections to a server.
 */
import { Data, type Duration, Effect, Semaphore } from "effect"
import type { Field } from "../../data-api/DataApi.ts"
import type { Unreadable } from "../../data-api/postgres/BinaryValues.ts"

/** Counts schema changes, so that information cached before a change is recognized as outdated. */
export interface SchemaVersion {
  current: number
}

/** A value for `$n`: text format as a string, binary format as bytes. */
export interface Parameter {
  /** The declared type; 0 lets the server infer it. */
  readonly oid: number
  /** `undefined`: declared but not bound, so that the server itself reports the missing value. */
  readonly value: string | Uint8Array | null | undefined
}

/** One statement with positional parameters. */
export interface Statement<Rows extends RowReader = RowReader> {
  readonly sql: string
  readonly parameters: ReadonlyArray<Parameter>
  /** Creates the reader for rows of these columns; without it rows are dropped. */
  readonly rowsOf?: ((columns: ReadonlyArray<Column>) => Rows) | undefined
  /** Rows beyond this many bytes on the wire are dropped, and the result is `truncated`. */
  readonly maxBytes?: number | undefined
  /** The last statement of its lease: the session is reset in the same round trip. */
  readonly last?: true | undefined
}

/** Reads rows as they arrive. */
export interface RowReader {
  /** Reads a value directly from the connection's buffer; a negative size means NULL. */
  readonly read: (bytes: Uint8Array, offset: number, size: number, column: number) => Value
  /** Called when a row is complete, with the values that `read` returned. */
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

/** A value from its reader, or its bytes in binary format if there is no reader for its type. */
export type Value = Field | Unreadable | Uint8Array

export type Row = ReadonlyArray<Value>

/** The result of a statement. */
export interface ResultSet<Rows extends RowReader = RowReader> {
  /** Absent if the statement can't return rows. */
  readonly columns: ReadonlyArray<Column> | undefined
  /** The reader with the rows; absent without columns, or if no reader was given. */
  readonly rows: Rows | undefined
  /** More than `maxBytes` arrived; only the first rows were read. */
  readonly truncated: boolean
  /** For example `INSERT 0 3`; empty for an empty statement. */
  readonly commandTag: string
  /** The server began a COPY to or from the client, which the Data API does not support. */
  readonly copy: "CopyInResponse" | "CopyOutResponse" | undefined
}

/** PostgreSQL's error for a statement or a connection. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly sqlState: string
  readonly message: string
  readonly hint?: string | undefined
  readonly position?: string | undefined
}> {}

/** The session broke, or none could be opened. A running statement may have taken effect. */
export class SessionLost extends Data.TaggedError("SessionLost")<{ readonly message: string }> {}

/** Idle (I), in a transaction (T), or in a failed transaction (E). */
export type TransactionStatus = "I" | "T" | "E"

/** One connection to PostgreSQL. */
export interface Session {
  /** Runs one statement. Only one may run at a time; interruption cancels it and waits until the server has stopped. */
  readonly run: <Rows extends RowReader>(
    statement: Statement<Rows>
  ) => Effect.Effect<ResultSet<Rows>, Refusal | SessionLost>
  readonly status: () => TransactionStatus
  /** Whether the connection is lost, and with it any open transaction. */
  readonly isBroken: () => boolean
  /** The name of the database that the session is connected to. */
  readonly database: string
}

/** A session that only one caller uses until the lease ends. */
export interface Lease {
  readonly session: Session
  /**
   * Returns the session: an open transaction is rolled back, and the state that statements left in the session
   * (settings, temporary tables, prepared statements, advisory locks) is discarded.
   */
  readonly end: Effect.Effect<void>
}

/** Lends sessions of the embedded database, or of a pool on a server. */
export interface SessionSource {
  /** Lends a session on a database. Only the wait can be interrupted, so that a lease is never lost. */
  readonly lend: (database: string | undefined) => Effect.Effect<Lease, Refusal | SessionLost>
  /** Counts the schema changes that were made through this source. */
  readonly schemaVersion: SchemaVersion
  /** A running statement blocks the whole process, so that no call can arrive meanwhile. */
  readonly holdsProcess?: true
}

/** Limits the number of sessions in use. */
export class SessionPermits {
  readonly #permits: Semaphore.Semaphore
  readonly #wait: Duration.Input
  readonly #refusal: Refusal
  #waiting = 0

  /** @param refusal The failure of a caller that gets no permit within `wait`. */
  constructor(permits: number, wait: Duration.Input, refusal: Refusal) {
    this.#permits = Semaphore.makeUnsafe(permits)
    this.#wait = wait
    this.#refusal = refusal
    this.release = Effect.asVoid(this.#permits.release(1))
  }

  /** Takes a permit, which the caller must release. No timer is started if a permit is free. */
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

  readonly release: Effect.Effect<void>
}
