/** Runs the statements of a request on the session of its transaction, or on its own one, within the limits. */
import { Effect, type Scope } from "effect"
import { type Reason, StatementTimeout } from "../../data-api/DataApiError.ts"
import type { Limits } from "../EngineLimits.ts"
import { reasonOf, unexpectedCopy } from "./Failures.ts"
import type { OpenTransactions } from "./OpenTransactions.ts"
import type { Bounded } from "./RequestBounds.ts"
import type { ResultSet, RowReader, Session, SessionSource, Statement } from "./Session.ts"
import { TypeCatalogue } from "./TypeCatalogue.ts"

/** Marks a call's only statement. It is not the last one if the catalogue is then queried for its columns. */
export const lastOfLease = { last: true } as const

/**
 * A binary value is at most this many times as long as its text, which the service counts (an array of one-digit int8).
 */
const binaryFactor = 8

/** The sessions, transactions and limits that all operations of an engine share. */
export class Execution {
  readonly limits: Limits
  readonly transactions: OpenTransactions
  /** Work that continues after its call has failed ends with this scope. */
  readonly scope: Scope.Scope
  /** Rows with more bytes on the wire than this always exceed the service's limit. */
  readonly maxBytes: number
  readonly #source: SessionSource
  readonly #database: string
  readonly #catalogues = new Map<string, TypeCatalogue>()

  constructor(options: {
    readonly source: SessionSource
    readonly transactions: OpenTransactions
    readonly limits: Limits
    readonly scope: Scope.Scope
    readonly database: string
  }) {
    this.#source = options.source
    this.#database = options.database
    this.transactions = options.transactions
    this.limits = options.limits
    this.scope = options.scope
    this.maxBytes = options.limits.resultBytes * binaryFactor
  }

  /** The database that a request names, or else the engine's. An empty name counts as none, as in PostgreSQL. */
  databaseOf(request: Bounded): string {
    return request.database || this.#database
  }

  /** The cached catalogue of a session's database. */
  catalogueOf({ database }: Session): TypeCatalogue {
    const known = this.#catalogues.get(database)
    if (known !== undefined) return known
    const catalogue = new TypeCatalogue(this.#source.schemaVersion)
    this.#catalogues.set(database, catalogue)
    return catalogue
  }

  /** Runs on the session of the request's transaction, or on one that is leased for this request. */
  onSession<A>(request: Bounded, run: (session: Session) => Effect.Effect<A, Reason>): Effect.Effect<A, Reason> {
    return request.transactionId === undefined
      ? Effect.acquireUseRelease(
          Effect.mapError(this.#source.lend(this.databaseOf(request)), reasonOf),
          ({ session }) => run(session),
          ({ end }) => end
        )
      : this.transactions.use(request.transactionId, run)
  }
}

/** Runs one statement, and converts its result to a response. */
export const run = <Rows extends RowReader, A>(
  session: Session,
  statement: Statement<Rows>,
  respond: (result: ResultSet<Rows>) => Effect.Effect<A, Reason>
): Effect.Effect<A, Reason> =>
  Effect.matchEffect(session.run(statement), {
    onFailure: (failure) => Effect.fail(reasonOf(failure)),
    onSuccess: (result) => (result.copy === undefined ? respond(result) : Effect.fail(unexpectedCopy(result.copy)))
  })

/** Runs a statement of the engine's own. */
export const command = (session: Session, sql: string, last: { readonly last?: true } = {}) =>
  run(session, { sql, parameters: [], ...last }, () => Effect.void)

/** The failure of a call at the time limit; `continues` if its statement continues. */
export const timedOut = (continues: boolean): Reason =>
  new StatementTimeout({ message: "canceling statement due to statement timeout", ...(continues ? { continues } : {}) })
