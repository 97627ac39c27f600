/** Open transactions by id: one statement at a time, rolled back when idle for too long or open for too long. */
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

export interface Sessions {
  readonly begin: (database: string | undefined) => Effect.Effect<string, Reason>
  /** Runs on the transaction's session; a second call at the same time fails at once. */
  readonly use: <A>(id: string, run: (session: Session) => Effect.Effect<A, Reason>) => Effect.Effect<A, Reason>
  readonly commit: (id: string) => Effect.Effect<void, Reason>
  readonly rollback: (id: string) => Effect.Effect<void, Reason>
}

/** 184 characters of base64, about what the service hands out. */
const newId = (): string => randomBytes(138).toString("base64")

const notFound = (id: string): Reason => new TransactionNotFound({ message: `Transaction ${id} is not found` })
const busy = (): Reason => new TransactionBusy({ message: "Transaction is still running a query" })

/** Turns of the event loop in which a call that came during a statement is accepted, read and seen. */
const turns = 5

/** Lets calls in that came while a statement held up the process, as they would have come to a server in that time. */
const letIn = Effect.callback<void>((resume) => {
  let left = turns
  const turn = () => {
    if (left-- === 0) resume(Effect.void)
    else setImmediate(turn)
  }
  turn()
})

/** How soon an expired transaction is looked at again that a statement is still running in. */
const busyPoll = Duration.seconds(1)

export const make = Effect.fnUntraced(function* (
  source: SessionSource,
  limits: Limits
): Effect.fn.Return<Sessions, never, Scope.Scope> {
  const engineScope = yield* Scope.Scope
  const open = new Map<string, Transaction>()
  const idle = Duration.toMillis(limits.transactionIdle)
  const total = Duration.toMillis(limits.transactionTotal)

  /** The end of the lease rolls back what is still open. */
  const discard = (id: string, { lease }: Transaction) =>
    Effect.suspend(() => (open.delete(id) ? lease.end : Effect.void))

  yield* Effect.addFinalizer(() =>
    Effect.forEach([...open], ([id, transaction]) => discard(id, transaction), { discard: true })
  )

  const stopExpiry = ({ expiry }: Transaction) => (expiry === undefined ? Effect.void : Fiber.interrupt(expiry))

  const expire = Effect.fnUntraced(function* (id: string, transaction: Transaction) {
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const left = Math.min(transaction.lastUsedAt + idle, transaction.begunAt + total) - now
      if (transaction.busy) yield* Effect.sleep(busyPoll)
      else if (left > 0) yield* Effect.sleep(left)
      else return yield* Effect.uninterruptible(discard(id, transaction))
    }
  })

  const begin = (database: string | undefined) =>
    Effect.uninterruptible(
      Effect.gen(function* () {
        const lease = yield* source.lend(database)
        yield* Effect.onError(lease.session.run({ sql: "BEGIN", parameters: [] }), () => lease.end)
        const id = newId()
        const now = yield* Clock.currentTimeMillis
        const transaction: Transaction = { lease, begunAt: now, lastUsedAt: now, busy: false, expiry: undefined }
        open.set(id, transaction)
        transaction.expiry = yield* Effect.forkIn(Effect.interruptible(expire(id, transaction)), engineScope)
        return id
      }).pipe(Effect.mapError(reasonOf))
    )

  const use: Sessions["use"] = (id, run) =>
    Effect.suspend(() => {
      const transaction = open.get(id)
      if (transaction === undefined) return Effect.fail(notFound(id))
      if (transaction.busy) return Effect.fail(busy())
      transaction.busy = true
      const ran = run(transaction.lease.session)
      return (source.holdsProcess ? Effect.ensuring(ran, letIn) : ran).pipe(
        Effect.ensuring(
          Effect.map(Clock.currentTimeMillis, (now) => {
            transaction.busy = false
            transaction.lastUsedAt = now
          })
        ),
        Effect.tapError(() =>
          transaction.lease.session.isBroken()
            ? Effect.andThen(discard(id, transaction), stopExpiry(transaction))
            : Effect.void
        )
      )
    })

  const end = (id: string, sql: string) =>
    Effect.suspend(() => {
      const transaction = open.get(id)
      if (transaction === undefined) return Effect.fail(notFound(id))
      if (transaction.busy) return Effect.fail(busy())
      // Out of the table first: whatever becomes of it, this id is used up.
      open.delete(id)
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

  return { begin, use, commit: (id) => end(id, "COMMIT"), rollback: (id) => end(id, "ROLLBACK") }
})
