/** Cancel requests, by which a client cancels the statement of another of its connections. */
import { timingSafeEqual } from "node:crypto"

/** Cancels the running statement of a connection, for a client that knows the secret. */
export interface CancelKey {
  readonly secret: Uint8Array
  cancel: () => void
}

/** The open connections by process id, by which cancel requests name them. */
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
