/** A session in terms of PostgreSQL's protocol, whatever carries its messages. */
import { Effect, Result } from "effect"
import type {
  Refusal,
  ResultSet,
  RowReader,
  SchemaVersion,
  SessionLost,
  Statement,
  TransactionStatus
} from "../engine/Session.ts"
import { Exchange, isStale, type Request } from "./Exchange.ts"
import type { ServerFacts } from "./SessionReset.ts"

/** Sends frames, and hands what arrives to the receiver until that has all. Interruption cancels the statement. */
export type Send = (request: Request) => Effect.Effect<void, SessionLost>

/** Statements of one session, one at a time. */
export class ProtocolSession {
  readonly #exchange: Exchange
  readonly #send: Send
  #tookNothing = false

  constructor(send: Send, schemaVersion: SchemaVersion, facts: ServerFacts) {
    this.#send = send
    this.#exchange = new Exchange(schemaVersion, facts)
  }

  get status(): TransactionStatus {
    return this.#exchange.status
  }

  /** The server ended the session before it took the last statement, which so has not run. */
  get tookNothing(): boolean {
    return this.#tookNothing
  }

  /** Runs a statement; one that the server has forgotten, or prepared for another schema, is prepared again and retried. */
  run<Rows extends RowReader>(
    statement: Statement<Rows>,
    isRetry = false
  ): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    return Effect.suspend(() => {
      const begun = this.#exchange.begin(statement)
      if (Result.isFailure(begun)) return Effect.fail(begun.failure)
      const { answer } = begun.success
      return Effect.matchEffect(this.#send(begun.success), {
        onSuccess: () => {
          if (isStale(answer.refusal) && this.status === "I" && !isRetry) return this.run(statement, true)
          return Effect.fromResult(answer.result())
        },
        // A server that ends the session says why before it closes the connection.
        onFailure: (lost): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> => {
          if (answer.finished && answer.answered) return Effect.fromResult(answer.result())
          this.#tookNothing = answer.refusal !== undefined && !answer.bound
          return Effect.fail(answer.refusal ?? lost)
        }
      })
    })
  }

  /** Removes what callers left in the session; false where that is not possible, and the session must end. */
  readonly reset: Effect.Effect<boolean> = Effect.suspend(() => {
    const exchange = this.#exchange
    if (exchange.isClean || exchange.isForeign) return Effect.succeed(exchange.isClean)
    const sent = Effect.suspend(() => (exchange.status === "I" ? this.#send(exchange.reset()) : Effect.void))
    const discarded = Effect.suspend(() => {
      if (exchange.isClean || exchange.isForeign) return Effect.void
      return this.#send(exchange.discard())
    })
    return Effect.andThen(sent, discarded).pipe(
      Effect.ignore,
      Effect.map(() => exchange.isClean && !exchange.isForeign)
    )
  })
}
