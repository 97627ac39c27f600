/** A transaction of the service, on behalf of one client. */
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import type { HeldCursors } from "./HeldCursors.ts"
import type { Settings } from "./Settings.ts"

/** What a session holds beyond its transactions, and what a rollback takes back. */
export interface Holding {
  readonly settings: Settings
  /** Cursors WITH HOLD. */
  readonly held: HeldCursors
}

export const holdingOf = ({ held, settings }: Holding): Holding => ({
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
  /** One that the client did not ask for: PostgreSQL runs the statements of one query, or up to a Sync, in one. */
  implicit: boolean
  failed: boolean
  /** The service has ended it already. */
  gone: boolean
  /** Settings that are not applied yet: a query would keep the client from setting the transaction's modes. */
  pending: Map<string, string>
  /** What the session held when it began, which comes back with a rollback. */
  readonly before: Holding
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

export const openTransaction = (id: string, implicit: boolean, holding: Holding, modes = ""): OpenTransaction => ({
  id,
  implicit,
  failed: false,
  gone: false,
  pending: new Map(holding.settings),
  before: holdingOf(holding),
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
