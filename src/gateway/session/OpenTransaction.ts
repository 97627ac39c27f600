/** A transaction of the service, on behalf of one client. */
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import type { Settings } from "./Settings.ts"

export interface Savepoint {
  readonly name: string
  readonly settings: Settings
  readonly modes: string
}

export interface OpenTransaction {
  readonly id: string
  /** One that the client did not ask for: PostgreSQL runs the statements of one query, or up to a Sync, in one. */
  implicit: boolean
  failed: boolean
  /** The service has ended it already. */
  gone: boolean
  /** Settings that are not applied yet: a query would keep the client from setting the transaction's modes. */
  pending: Map<string, string>
  /** What the session had set when it began, which comes back with a rollback. */
  readonly settings: Settings
  /** The modes that it was begun with or has set, as SET TRANSACTION takes them. */
  modes: string
  savepoints: Array<Savepoint>
  /** An answer about a savepoint was lost: which one a name means is not known any more. */
  unclear: boolean
  /** The statements so far that may have changed what a name in a later one means. */
  names: string
  /** Cursors that the client has declared, and what they return. */
  readonly cursors: Map<string, ReadonlyArray<FieldDescription>>
}

export const openTransaction = (id: string, implicit: boolean, settings: Settings, modes = ""): OpenTransaction => ({
  id,
  implicit,
  failed: false,
  gone: false,
  pending: new Map(settings),
  settings: new Map(settings),
  modes,
  savepoints: [],
  unclear: false,
  names: "",
  cursors: new Map()
})

/** What AND CHAIN carries over to the next transaction. The last word on a mode counts. */
export const noteModes = (transaction: OpenTransaction, modes: string): void => {
  transaction.modes = [transaction.modes, modes].filter(Boolean).join(", ")
}
