/** A session over PostgreSQL's protocol, independent of the transport. */
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

/** Sends frames, and passes the messages that arrive to the receiver until it is finished. Interruption cancels. */
export type Send = (request: Request) => Effect.Effect<void, SessionLost>

/** Runs the statements of one session, one at a time. */
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

  /** Whether the server ended the session before it accepted the last statement, which therefore did not run. */
  get tookNothing(): boolean {
    return this.#tookNothing
  }

  /** Runs a statement. If its prepared form is missing or outdated, the statement is prepared again and retried. */
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
        // A server that ends the session sends the reason before it closes the connection.
        onFailure: (lost): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> => {
          if (answer.finished && answer.answered) return Effect.fromResult(answer.result())
          this.#tookNothing = answer.refusal !== undefined && !answer.bound
          return Effect.fail(answer.refusal ?? lost)
        }
      })
    })
  }

  /** Whether the server confirmed, since the last statement, that the session is reset and can be used again. */
  get isReset(): boolean {
    return this.#exchange.isClean && !this.#exchange.isForeign
  }

  /** Resets the session; false if that is not possible and the session must end. */
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
      Effect.map(() => this.isReset)
    )
  })
}
