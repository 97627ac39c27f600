/**
 * Streams of the driver on a database of one connection. A stream's transaction holds the connection; when another call
 * of this process needs it, the rest of the stream is read into memory, since the stream's consumer may be waiting for
 * that call.
 */
import { Effect, Result, type Scope, Semaphore } from "effect"
import { DataApi, type OneSession } from "../../data-api/DataApi.ts"

/** The most pages, of half a MiB or less, that are read ahead of a stream's consumer. */
const MOST_AHEAD = 200

type Page<A> = readonly [page: A, isLast: boolean]

/** The pages of one stream, for its consumer or ahead of it. */
class Pages<A, E> {
  readonly #next: Effect.Effect<Page<A>, E>
  readonly #giveUp: Effect.Effect<void>
  readonly #isWanted: () => boolean
  readonly #turn = Semaphore.makeUnsafe(1)
  readonly #ahead: Array<Result.Result<Page<A>, E>> = []
  #isRead = false

  constructor(next: Effect.Effect<Page<A>, E>, giveUp: Effect.Effect<void>, isWanted: () => boolean) {
    this.#next = next
    this.#giveUp = giveUp
    this.#isWanted = isWanted
  }

  readonly #read = Effect.suspend(() => this.#next).pipe(
    Effect.tap(([, isLast]) =>
      Effect.sync(() => {
        this.#isRead = isLast
      })
    )
  )

  readonly #readOn: Effect.Effect<void> = Effect.suspend(() =>
    this.#isRead || this.#ahead.length >= MOST_AHEAD
      ? Effect.void
      : Effect.result(this.#read).pipe(
          Effect.tap((page) => {
            this.#ahead.push(page)
            if (Result.isSuccess(page)) return Effect.void
            this.#isRead = true
            return this.#giveUp
          }),
          // An interrupted page would fail the stream, which belongs to another fiber.
          Effect.uninterruptible,
          Effect.andThen(this.#readOn)
        )
  )

  readonly readAhead: Effect.Effect<void> = this.#turn.withPermit(this.#readOn)

  readonly pull: Effect.Effect<Page<A>, E> = this.#turn.withPermit(
    Effect.suspend(() => {
      const page = this.#ahead.shift()
      if (page !== undefined) return Effect.fromResult(page)
      return Effect.tap(this.#read, () => (this.#isWanted() ? this.#readOn : Effect.void))
    })
  )
}

export class HeldSession implements OneSession {
  /** Calls that wait for the session, or run in it. */
  #wanting = 0
  readonly #streams = new Set<Effect.Effect<void>>()

  readonly hold = <A, E>(
    next: Effect.Effect<Page<A>, E>,
    giveUp: Effect.Effect<void>
  ): Effect.Effect<Effect.Effect<Page<A>, E>, never, Scope.Scope> =>
    Effect.suspend(() => {
      const { pull, readAhead } = new Pages(next, giveUp, () => this.#wanting > 0)
      const held = Effect.sync(() => {
        this.#streams.add(readAhead)
        return pull
      })
      return Effect.acquireRelease(held, () => Effect.sync(() => this.#streams.delete(readAhead)))
    })

  #wanted<A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const wants = Effect.sync(() => {
      this.#wanting++
    })
    const no = Effect.sync(() => {
      this.#wanting--
    })
    const use = () => Effect.andThen(Effect.all([...this.#streams], { discard: true }), call)
    return Effect.acquireUseRelease(wants, use, () => no)
  }

  /** The operations of `api`, of which those that need the session have the streams give it back. */
  before(api: DataApi["Service"]): DataApi["Service"] {
    const { batchExecuteStatement, beginTransaction, executeStatement } = api
    return DataApi.of({
      ...api,
      executeStatement: (request) => {
        const call = executeStatement(request)
        return request.transactionId === undefined ? this.#wanted(call) : call
      },
      batchExecuteStatement: (request) => {
        const call = batchExecuteStatement(request)
        return request.transactionId === undefined ? this.#wanted(call) : call
      },
      beginTransaction: (request) => this.#wanted(beginTransaction(request))
    })
  }
}
