/** A client's transaction at the service. */
import { hash } from "node:crypto"
import type { DeclaredCursor } from "./cursors/DeclaredCursor.ts"
import type { HeldCursors } from "./cursors/HeldCursors.ts"
import type { Settings } from "./settings/Settings.ts"

/** The session state that outlives transactions, and that a rollback restores. */
export interface Holding {
  readonly settings: Settings
  /** Settings that the transaction has changed for itself. */
  readonly local: Settings
  /** Cursors WITH HOLD. */
  readonly held: HeldCursors
}

export const holdingOf = ({ held, local, settings }: Holding): Holding => ({
  local: new Map(local),
  settings: new Map(settings),
  held: new Map(held)
})

export interface Savepoint {
  readonly name: string
  readonly before: Holding
  readonly modes: string
}

export interface OpenTransaction {
  readonly id: string
  /** Not begun by the client: PostgreSQL runs the statements of one query, or up to a Sync, in one transaction. */
  implicit: boolean
  /** Of several statements of one query, which is a transaction block to PostgreSQL. */
  ofQuery: boolean
  failed: boolean
  /** The service has already ended it. */
  gone: boolean
  /** It may have written. */
  wrote: boolean
  /** It has had a query, after which its isolation level can't change. */
  queried: boolean
  /** The settings that it has changed for itself, by name. */
  readonly changed: Set<string>
  /** Settings not applied yet: applying them is a query, after which SET TRANSACTION would fail. */
  pending: Map<string, string>
  /** The session state at its beginning, which a rollback restores. */
  readonly before: Holding
  /** Its modes from BEGIN and SET TRANSACTION, in the syntax of SET TRANSACTION. */
  modes: string
  savepoints: Array<Savepoint>
  /** A savepoint statement got no response, so it is unknown which savepoint a name means. */
  unclear: boolean
  /** A hash of the statements so far that may have changed what names in later ones mean; empty if there is none. */
  names: string
  /** A hash of the statements that have changed settings, or taken that back; empty if there is none. */
  sets: string
  /** The client's cursors, by name. */
  readonly cursors: Map<string, DeclaredCursor>
}

export const openTransaction = (id: string, implicit: boolean, holding: Holding, modes = ""): OpenTransaction => ({
  id,
  implicit,
  ofQuery: false,
  failed: false,
  gone: false,
  wrote: false,
  queried: false,
  changed: new Set(),
  pending: new Map(holding.settings),
  before: holdingOf(holding),
  modes,
  savepoints: [],
  unclear: false,
  names: "",
  sets: "",
  cursors: new Map()
})

/** Notes modes for AND CHAIN; a later mode overrides an earlier one. */
export const noteModes = (transaction: OpenTransaction, modes: string): void => {
  transaction.modes = [transaction.modes, modes].filter(Boolean).join(", ")
}

/** An advisory lock of a session that is held, by the transaction that holds it. */
export interface HeldLock {
  /** The numbers that it is taken on, as text. */
  readonly key: string
  readonly shared: boolean
  /** The transaction that holds it; undefined for a lock of the gateway's own table. */
  readonly transactionId: string | undefined
}

/** Leaves no portal open: CREATE INDEX CONCURRENTLY waits for the snapshot of one. */
export const KEEP_LOCK = "close all"

/** Takes no snapshot, which would be older than the first statement of a client that idles after BEGIN. */
export const KEEP_OPEN = "show transaction_isolation"

/** Notes a statement after which the transaction has other settings. */
export const changeSettings = (transaction: OpenTransaction, statement: string): void => {
  transaction.sets = hash("sha256", `${transaction.sets}\n${statement}`, "base64")
}

/** Notes a statement that may have changed what names in later ones mean. */
export const changeNames = (transaction: OpenTransaction, statement: string): void => {
  transaction.names = hash("sha256", `${transaction.names}\n${statement}`, "base64")
}
