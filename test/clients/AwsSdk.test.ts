import * as Sdk from "@aws-sdk/client-rds-data"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Faults } from "../../src/local/faults/Faults.ts"
import { any } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { modelled, unmodelled } from "../local/http/reasons.ts"
import { layerScripted, scripted } from "../local/http/ScriptedDataApi.ts"
import { credentials, layerAnswering, layer as layerServed, region, target } from "./ServedDatabase.ts"

const clientOf = (endpoint: string, config: Sdk.RDSDataClientConfig = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => new Sdk.RDSDataClient({ endpoint, region, credentials, maxAttempts: 1, ...config })),
    (client) => Effect.sync(() => client.destroy())
  )

/** What the client throws, or nothing. */
const thrown = (call: () => Promise<unknown>) =>
  Effect.promise(() =>
    call().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : undefined)
    )
  )

layer(layerServed, { excludeTestServices: true })("@aws-sdk/client-rds-data on the local server", (it) => {
  const execute = Effect.fnUntraced(function* (input: Partial<Sdk.ExecuteStatementCommandInput>) {
    const client = yield* clientOf((yield* HttpServer).url)
    return yield* Effect.promise(() =>
      client.send(new Sdk.ExecuteStatementCommand({ ...target, sql: undefined, ...input }))
    )
  })

  it.effect("every operation: begin, execute, batch, commit, rollback", () =>
    Effect.gen(function* () {
      const client = yield* clientOf((yield* HttpServer).url)
      yield* execute({ sql: "create table operations (n int primary key)" })
      const run = (transactionId: string | undefined, values: ReadonlyArray<number>) =>
        client.send(
          new Sdk.BatchExecuteStatementCommand({
            ...target,
            transactionId,
            sql: "insert into operations values (:n)",
            parameterSets: values.map((longValue) => [{ name: "n", value: { longValue } }])
          })
        )
      const kept = yield* Effect.promise(() => client.send(new Sdk.BeginTransactionCommand(target)))
      const batch = yield* Effect.promise(() => run(kept.transactionId, [1, 2]))
      assert.deepStrictEqual(batch.updateResults, [{ generatedFields: [] }, { generatedFields: [] }])
      const committed = yield* Effect.promise(() =>
        client.send(new Sdk.CommitTransactionCommand({ ...target, transactionId: kept.transactionId }))
      )
      assert.strictEqual(committed.transactionStatus, "Transaction Committed")
      const dropped = yield* Effect.promise(() => client.send(new Sdk.BeginTransactionCommand(target)))
      yield* Effect.promise(() => run(dropped.transactionId, [3]))
      const rolledBack = yield* Effect.promise(() =>
        client.send(new Sdk.RollbackTransactionCommand({ ...target, transactionId: dropped.transactionId }))
      )
      assert.strictEqual(rolledBack.transactionStatus, "Rollback Complete")
      const rows = yield* execute({ sql: "select n from operations order by n", includeResultMetadata: true })
      assert.deepStrictEqual(rows.records, [[{ longValue: 1 }], [{ longValue: 2 }]])
      assert.strictEqual(rows.columnMetadata?.[0]?.typeName, "int4")
      const json = yield* execute({ sql: "select n from operations order by n", formatRecordsAs: "JSON" })
      assert.strictEqual(json.formattedRecords, '[{"n":1},{"n":2}]')
    })
  )

  it.effect("of two statements at once in one transaction, one is refused", () =>
    Effect.gen(function* () {
      const client = yield* clientOf((yield* HttpServer).url)
      const { transactionId } = yield* Effect.promise(() => client.send(new Sdk.BeginTransactionCommand(target)))
      const sql = "select pg_sleep(0.2)::text"
      const run = () => client.send(new Sdk.ExecuteStatementCommand({ ...target, transactionId, sql }))
      const errors = yield* Effect.all([thrown(run), thrown(run)], { concurrency: "unbounded" })
      assert.deepStrictEqual(
        errors.flatMap((error) => (error === undefined ? [] : [error.message])),
        ["Transaction is still running a query"]
      )
      yield* Effect.promise(() => client.send(new Sdk.RollbackTransactionCommand({ ...target, transactionId })))
    })
  )

  it.effect("every kind of parameter and hint arrives with its type", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [Sdk.SqlParameter, string, Sdk.Field]> = [
        [{ value: { stringValue: "é" } }, "text", { stringValue: "é" }],
        [{ value: { longValue: 42 } }, "bigint", { longValue: 42 }],
        [{ value: { doubleValue: 0.1 } }, "double precision", { doubleValue: 0.1 }],
        [{ value: { booleanValue: true } }, "boolean", { booleanValue: true }],
        [{ value: { blobValue: Uint8Array.of(0, 255) } }, "bytea", { blobValue: Uint8Array.of(0, 255) }],
        [{ value: { stringValue: "2026-01-31" }, typeHint: "DATE" }, "date", { stringValue: "2026-01-31" }],
        [
          { value: { stringValue: "12:30:01.5" }, typeHint: "TIME" },
          "time without time zone",
          { stringValue: "12:30:01.500" }
        ],
        [
          { value: { stringValue: "2026-01-31 12:30:01" }, typeHint: "TIMESTAMP" },
          "timestamp without time zone",
          { stringValue: "2026-01-31 12:30:01" }
        ],
        [{ value: { stringValue: "12.50" }, typeHint: "DECIMAL" }, "numeric", { stringValue: "12.50" }],
        [
          { value: { stringValue: "6f1c2b1e-0000-4000-8000-000000000000" }, typeHint: "UUID" },
          "uuid",
          { stringValue: "6f1c2b1e-0000-4000-8000-000000000000" }
        ]
      ]
      for (const [parameter, type, field] of cases) {
        const sql = "select pg_typeof(:v)::text, :v"
        const { records } = yield* execute({ sql, parameters: [{ name: "v", ...parameter }] })
        assert.deepStrictEqual(records, [[{ stringValue: type }, field]])
      }
      const json: Sdk.SqlParameter = { name: "v", value: { stringValue: '{"a":[1]}' }, typeHint: "JSON" }
      const read = yield* execute({ sql: "select pg_typeof(:v)::text, :v -> 'a' ->> 0", parameters: [json] })
      assert.deepStrictEqual(read.records, [[{ stringValue: "jsonb" }, { stringValue: "1" }]])
      const none = yield* execute({
        sql: "select :v::int is null",
        parameters: [{ name: "v", value: { isNull: true } }]
      })
      assert.deepStrictEqual(none.records, [[{ booleanValue: true }]])
    })
  )

  it.effect("arrays, nulls and exact int8 come back", () =>
    Effect.gen(function* () {
      const { records } = yield* execute({
        sql: "select array[1,null,3], array['a'], null::text, 9007199254740993::int8",
        resultSetOptions: { longReturnType: "STRING" }
      })
      const [row = []] = records ?? []
      assert.deepStrictEqual(row[1], { arrayValue: { stringValues: ["a"] } })
      assert.deepStrictEqual(row.slice(2), [{ isNull: true }, { stringValue: "9007199254740993" }])
    })
  )

  it.effect("the SDK's own retries repeat a call, and an INSERT whose answer was lost runs twice", () =>
    Effect.gen(function* () {
      const client = yield* clientOf((yield* HttpServer).url, { maxAttempts: 3 })
      const faults = yield* Faults
      yield* execute({ sql: "create table twice (at timestamptz default now())" })
      yield* faults.set({
        schedule: [
          { call: 1, fault: "503-before" },
          { call: 2, fault: "dropped-after" }
        ]
      })
      yield* Effect.promise(() =>
        client.send(new Sdk.ExecuteStatementCommand({ ...target, sql: "insert into twice default values" }))
      )
      yield* faults.set({})
      const { records } = yield* execute({ sql: "select count(*) from twice" })
      assert.deepStrictEqual(records, [[{ longValue: 2 }]])
    })
  )

  it.effect("a paused cluster and an unknown transaction are the SDK's typed errors", () =>
    Effect.gen(function* () {
      const client = yield* clientOf((yield* HttpServer).url)
      const faults = yield* Faults
      yield* faults.set({ pause: { calls: 1 } })
      const sleeping = yield* thrown(() => client.send(new Sdk.BeginTransactionCommand(target)))
      assert.instanceOf(sleeping, Sdk.DatabaseResumingException)
      assert.include(sleeping?.message, "is resuming after being auto-paused")
      yield* faults.set({})
      const ended = yield* thrown(() =>
        client.send(new Sdk.CommitTransactionCommand({ ...target, transactionId: "none" }))
      )
      assert.instanceOf(ended, Sdk.TransactionNotFoundException)
    })
  )
})

it.effect("every exception of the model is its own class in the SDK, with its message and members", () =>
  Effect.gen(function* () {
    for (const [name, reason] of Object.entries(modelled)) {
      const serving = layerAnswering(scripted({ executeStatement: () => reason, commitTransaction: () => reason }))
      yield* Effect.gen(function* () {
        const client = yield* clientOf((yield* HttpServer).url)
        // Not every operation declares every exception; commit alone has NotFoundException.
        const error = yield* thrown(() =>
          name === "NotFoundException"
            ? client.send(new Sdk.CommitTransactionCommand({ ...target, transactionId: "t" }))
            : client.send(new Sdk.ExecuteStatementCommand({ ...target, sql: "x" }))
        )
        assert.instanceOf(
          error,
          Object.entries(Sdk).find(([key]) => key === name)?.[1] as typeof Sdk.RDSDataServiceException
        )
        const faultOfServer = error instanceof Sdk.RDSDataServiceException && error.$fault === "server"
        assert.strictEqual(error?.message, faultOfServer ? "UnknownError" : "as scripted")
        if (error instanceof Sdk.StatementTimeoutException) assert.strictEqual(error.dbConnectionId, 7)
      }).pipe(Effect.scoped, Effect.provide(serving))
    }
  })
)

it.effect("codes outside the model arrive as the SDK's base class with their name", () =>
  Effect.gen(function* () {
    for (const [name, reason] of Object.entries(unmodelled)) {
      yield* Effect.gen(function* () {
        const client = yield* clientOf((yield* HttpServer).url)
        const error = yield* thrown(() => client.send(new Sdk.ExecuteStatementCommand({ ...target, sql: "x" })))
        assert.instanceOf(error, Sdk.RDSDataServiceException)
        assert.strictEqual(error?.name, name)
      }).pipe(Effect.scoped, Effect.provide(layerAnswering(scripted({ executeStatement: () => reason }))))
    }
  })
)

it.live("the SDK's signature passes with the right key and is refused with another", () =>
  Effect.gen(function* () {
    const options = { port: 0, clusters: any(Redacted.make("local")) }
    const { url } = yield* HttpServer.make(options).pipe(Effect.provide(layerScripted()))
    const right = yield* clientOf(url)
    const command = () => new Sdk.ExecuteStatementCommand({ ...target, sql: "select 'é'" })
    assert.isUndefined(yield* thrown(() => right.send(command())))
    const wrong = yield* clientOf(url, { credentials: { ...credentials, secretAccessKey: "other" } })
    assert.strictEqual((yield* thrown(() => wrong.send(command())))?.name, "InvalidSignatureException")
    const late = yield* clientOf(url, { systemClockOffset: 10 * 60_000 })
    assert.strictEqual((yield* thrown(() => late.send(command())))?.name, "InvalidSignatureException")
  })
)
