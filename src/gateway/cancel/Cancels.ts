/** Requests of clients to cancel what another connection of theirs runs. */
import { timingSafeEqual } from "node:crypto"

/** What ends the statement that a connection runs, and the secret that a client must know for it. */
export interface CancelKey {
  readonly secret: Uint8Array
  cancel: () => void
}

/** The connections by the numbers that cancel requests name. */
export class Cancels {
  readonly #connections = new Map<number, CancelKey>()
  #next = 1

  get size(): number {
    return this.#connections.size
  }

  add(connection: CancelKey): number {
    const processId = this.#next++
    this.#connections.set(processId, connection)
    return processId
  }

  remove(processId: number): void {
    this.#connections.delete(processId)
  }

  cancel(processId: number, secret: Uint8Array): void {
    const found = this.#connections.get(processId)
    if (found?.secret.length === secret.length && timingSafeEqual(found.secret, secret)) found.cancel()
  }
}
