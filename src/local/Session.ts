/**
 * A PostgreSQL session as the engine sees it: one statement in, its result set or the server's refusal out.
 *
 * Where sessions come from is a {@link SessionSource}: the embedded PGlite or a pool of connections to a server.
 */
import { Data, type Duration, Effect, type Scope, Semaphore } from "effect"
import type { Field } from "../data-api/DataApi.ts"
import type { Reader, Unreadable } from "./BinaryValues.ts"
import type { SchemaVersion } from "./Exchange.ts"

/** A value for `$n`: text format as a string, binary format as bytes. */
export interface Parameter {
  /** The declared type; 0 lets the server infer it. */
  readonly oid: number
  /** `undefined`: declared, but not bound, so that the server itself says that one is missing. */
  readonly value: string | Uint8Array | null | undefined
}

/** One statement with positional parameters. */
export interface Statement {
  readonly sql: string
  readonly parameters: ReadonlyArray<Parameter>
  /** How the values of a column are read as they arrive. */
  readonly readerOf?: ((column: Column) => Reader | undefined) | undefined
  /** Rows beyond this many bytes on the wire are counted as too many and dropped. */
  readonly maxBytes?: number | undefined
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
export interface ResultSet {
  /** Absent when the statement returns no rows by its nature. */
  readonly columns: ReadonlyArray<Column> | undefined
  readonly rows: ReadonlyArray<Row>
  /** More than `maxBytes` arrived; `rows` holds only the first ones. */
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
  readonly run: (statement: Statement) => Effect.Effect<ResultSet, Refusal | SessionLost>
  readonly status: () => TransactionStatus
  /** The connection is gone, and with it whatever transaction was open on it. */
  readonly isBroken: () => boolean
  /** The name of the database that the session is connected to. */
  readonly database: string
}

/** Where sessions come from: the embedded database, or a pool on a server. */
export interface SessionSource {
  /**
   * A fresh session on a database, given back when the scope closes: an open transaction is rolled back then, and
   * whatever a statement may have left in the session (settings, temporary tables, prepared statements, advisory
   * locks) is discarded.
   */
  readonly acquire: (database: string | undefined) => Effect.Effect<Session, Refusal | SessionLost, Scope.Scope>
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

  /** Who gets no permit within `wait` is told the refusal. */
  constructor(permits: number, wait: Duration.Input, refusal: Refusal) {
    this.#permits = Semaphore.makeUnsafe(permits)
    this.#wait = wait
    this.#refusal = refusal
  }

  /** One permit for as long as the scope is open. Where nobody waits, which is usual, no timer is paid for. */
  readonly take: Effect.Effect<void, Refusal, Scope.Scope> = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(this.#waiting === 0 ? this.#permits.takeIfAvailable(1) : Effect.succeed(false), (taken) => {
      if (taken) return Effect.addFinalizer(() => this.#permits.release(1))
      this.#waiting++
      return restore(
        Effect.timeoutOrElse(this.#permits.takeScoped(1), {
          duration: this.#wait,
          orElse: () => Effect.fail(this.#refusal)
        })
      ).pipe(Effect.ensuring(Effect.sync(() => this.#waiting--)))
    })
  )
}
