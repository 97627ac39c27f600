/**
 * Open transactions by id. Each runs one statement at a time, and is rolled back if it is idle or open for too long.
 */
import { randomBytes } from "node:crypto"
import { Clock, Duration, Effect, Fiber, Scope } from "effect"
import { type Reason, TransactionBusy, TransactionNotFound } from "../../data-api/DataApiError.ts"
import type { Limits } from "../EngineLimits.ts"
import { reasonOf } from "./Failures.ts"
import type { Lease, Session, SessionSource } from "./Session.ts"

interface Transaction {
  readonly lease: Lease
  readonly begunAt: number
  lastUsedAt: number
  busy: boolean
  expiry: Fiber.Fiber<void> | undefined
}

/** 184 characters of base64, about as long as the service's ids. */
const newId = (): string => randomBytes(138).toString("base64")

const notFound = (id: string): Reason => new TransactionNotFound({ message: `Transaction ${id} is not found` })
const busy = (): Reason => new TransactionBusy({ message: "Transaction is still running a query" })

/** Turns of the event loop that are enough to accept and read a call that arrived during a statement. */
const turns = 5

/** Waits until calls that arrived while a statement blocked the process have been read, as a server would have done. */
const readWaitingCalls = Effect.callback<void>((resume) => {
  let left = turns
  const turn = () => {
    if (left-- === 0) resume(Effect.void)
    else setImmediate(turn)
  }
  turn()
})

/** The longest wait, in milliseconds, before a transaction with a running statement is checked again. */
const busyPoll = 1000

const stopExpiry = ({ expiry }: Transaction) => (expiry === undefined ? Effect.void : Fiber.interrupt(expiry))

/** The transactions of one engine. */
export class OpenTransactions {
  readonly #source: SessionSource
  readonly #scope: Scope.Scope
  /** Milliseconds after which a transaction is rolled back: without a call, and in total. */
  readonly #idle: number
  readonly #total: number
  readonly #open = new Map<string, Transaction>()

  constructor(source: SessionSource, { transactionIdle, transactionTotal }: Limits, scope: Scope.Scope) {
    this.#source = source
    this.#scope = scope
    this.#idle = Duration.toMillis(transactionIdle)
    this.#total = Duration.toMillis(transactionTotal)
  }

  /** Begins a transaction and returns its id. */
  begin(database: string | undefined): Effect.Effect<string, Reason> {
    return Effect.uninterruptible(
      Effect.flatMap(this.#source.lend(database), (lease) =>
        lease.session.run({ sql: "BEGIN", parameters: [] }).pipe(
          Effect.onError(() => lease.end),
          Effect.andThen(Effect.suspend(() => this.#add(lease)))
        )
      ).pipe(Effect.mapError(reasonOf))
    )
  }

  /** Runs on the transaction's session; a second call at the same time fails at once. */
  use<A>(id: string, run: (session: Session) => Effect.Effect<A, Reason>): Effect.Effect<A, Reason> {
    return Effect.suspend(() => {
      const transaction = this.#open.get(id)
      if (transaction === undefined) return Effect.fail(notFound(id))
      if (transaction.busy) return Effect.fail(busy())
      transaction.busy = true
      const ran = run(transaction.lease.session)
      return (this.#source.holdsProcess ? Effect.ensuring(ran, readWaitingCalls) : ran).pipe(
        Effect.ensuring(
          Effect.map(Clock.currentTimeMillis, (now) => {
            transaction.busy = false
            transaction.lastUsedAt = now
          })
        ),
        Effect.tapError(() =>
          transaction.lease.session.isBroken()
            ? Effect.andThen(this.#discard(id, transaction), stopExpiry(transaction))
            : Effect.void
        )
      )
    })
  }

  commit(id: string): Effect.Effect<void, Reason> {
    return this.#end(id, "COMMIT")
  }

  rollback(id: string): Effect.Effect<void, Reason> {
    return this.#end(id, "ROLLBACK")
  }

  /** Rolls back all open transactions. */
  get discardAll(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach([...this.#open], ([id, transaction]) => this.#discard(id, transaction), { discard: true })
    )
  }

  readonly #add = Effect.fnUntraced({ self: this }, function* (lease: Lease) {
    const id = newId()
    const now = yield* Clock.currentTimeMillis
    const transaction: Transaction = { lease, begunAt: now, lastUsedAt: now, busy: false, expiry: undefined }
    this.#open.set(id, transaction)
    transaction.expiry = yield* Effect.forkIn(Effect.interruptible(this.#expire(id, transaction)), this.#scope)
    return id
  })

  readonly #expire = Effect.fnUntraced({ self: this }, function* (id: string, transaction: Transaction) {
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const left = Math.min(transaction.lastUsedAt + this.#idle, transaction.begunAt + this.#total) - now
      if (transaction.busy) yield* Effect.sleep(Math.min(busyPoll, this.#idle))
      else if (left > 0) yield* Effect.sleep(left)
      else return yield* Effect.uninterruptible(this.#discard(id, transaction))
    }
  })

  /** Removes a transaction; the end of its lease rolls it back. */
  #discard(id: string, { lease }: Transaction): Effect.Effect<void> {
    return Effect.suspend(() => (this.#open.delete(id) ? lease.end : Effect.void))
  }

  #end(id: string, sql: string): Effect.Effect<void, Reason> {
    return Effect.suspend(() => {
      const transaction = this.#open.get(id)
      if (transaction === undefined) return Effect.fail(notFound(id))
      if (transaction.busy) return Effect.fail(busy())
      // Removed first, because the id is no longer valid, even if the statement fails.
      this.#open.delete(id)
      const { lease } = transaction
      return lease.session
        .run({ sql, parameters: [], last: true })
        .pipe(
          Effect.mapError(reasonOf),
          Effect.ensuring(lease.end),
          Effect.ensuring(stopExpiry(transaction)),
          Effect.asVoid
        )
    }).pipe(Effect.uninterruptible)
  }
}

/** Creates the transactions on sessions of `source`. Open ones are rolled back when the scope closes. */
export const make = Effect.fnUntraced(function* (
  source: SessionSource,
  limits: Limits
): Effect.fn.Return<OpenTransactions, never, Scope.Scope> {
  const transactions = new OpenTransactions(source, limits, yield* Scope.Scope)
  yield* Effect.addFinalizer(() => transactions.discardAll)
  return transactions
})
