/**
 * What a client of `effect/sql` can't do without on the Data API: effect's own statement, span and transaction, and below
 * them the calls of the floor. Values are sent as text, rows come as they are; nothing is typed, checked, retried or
 * decoded.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"
import { type BareCall, bareCall, common } from "./floor.ts"
import { arns } from "./processes.ts"

interface Answer {
  readonly columnMetadata?: ReadonlyArray<{ readonly name: string }>
  readonly records?: ReadonlyArray<ReadonlyArray<Readonly<Record<string, unknown>>>>
}

const rowsOf = ({ columnMetadata = [], records = [] }: Answer) => {
  const names = columnMetadata.map(({ name }) => name)
  return records.map((fields) => {
    const row: Record<string, unknown> = {}
    for (const [index, name] of names.entries()) {
      for (const value in fields[index]) row[name] = fields[index][value]
    }
    return row
  })
}

const sqlError = (cause: unknown) => new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause }) })

const attempt = <A>(call: () => Promise<A>) => Effect.tryPromise({ try: call, catch: sqlError })

class BareConnection implements SqlConnection.Connection {
  readonly #call: BareCall
  readonly transactionId: string | undefined

  constructor(call: BareCall, transactionId?: string) {
    this.#call = call
    this.transactionId = transactionId
  }

  executeRaw(sql: string, values: ReadonlyArray<unknown>) {
    const parameters = values.map((value, index) => ({ name: `p${index + 1}`, value: { stringValue: String(value) } }))
    const named = sql.replace(/\$(\d+)/g, ":p$1")
    const body = JSON.stringify({ ...common, sql: named, parameters, transactionId: this.transactionId })
    return attempt(() => this.#call<Answer>("/Execute", body))
  }

  execute(sql: string, values: ReadonlyArray<unknown>) {
    return Effect.map(this.executeRaw(sql, values), rowsOf)
  }

  executeUnprepared(sql: string, values: ReadonlyArray<unknown>) {
    return this.execute(sql, values)
  }

  executeValues(sql: string, values: ReadonlyArray<unknown>) {
    return Effect.map(this.execute(sql, values), (rows) => rows.map(Object.values))
  }

  executeValuesUnprepared(sql: string, values: ReadonlyArray<unknown>) {
    return this.executeValues(sql, values)
  }

  executeStream(sql: string, values: ReadonlyArray<unknown>) {
    return Stream.fromIterableEffect(this.execute(sql, values))
  }
}

const make = Effect.fnUntraced(function* (endpoint: string) {
  const call = bareCall(endpoint)
  const plain = new BareConnection(call)
  const spanAttributes = [["db.system.name", "postgresql"]] as const
  const client = yield* SqlClient.make({
    acquirer: Effect.succeed(plain),
    borrower: (use) => use(plain),
    compiler: PgClient.makeCompiler(),
    driver: "floor",
    spanAttributes
  })
  const ended = (path: string) => (connection: SqlConnection.Connection) =>
    connection instanceof BareConnection
      ? Effect.asVoid(attempt(() => call(path, JSON.stringify({ ...arns, transactionId: connection.transactionId }))))
      : Effect.void
  return Object.assign(client, {
    withTransaction: SqlClient.makeWithTransaction({
      transactionService: client.transactionService,
      spanAttributes,
      acquireConnection: () =>
        Effect.map(
          attempt(() => call<{ readonly transactionId: string }>("/BeginTransaction", JSON.stringify(arns))),
          ({ transactionId }) => new BareConnection(call, transactionId)
        ),
      begin: () => Effect.void,
      commit: ended("/CommitTransaction"),
      rollback: ended("/RollbackTransaction"),
      savepoint: (connection, id) => Effect.asVoid(connection.execute(`SAVEPOINT s${id}`, [], undefined)),
      rollbackSavepoint: (connection, id) =>
        Effect.asVoid(connection.execute(`ROLLBACK TO SAVEPOINT s${id}`, [], undefined))
    })
  })
})

export const layer = (endpoint: string) =>
  Layer.effect(SqlClient.SqlClient, make(endpoint)).pipe(Layer.provide(Reactivity.layer))
