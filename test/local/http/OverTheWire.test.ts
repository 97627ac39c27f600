import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Faults } from "../../../src/local/faults/Faults.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import { layer as layerServed } from "../../clients/ServedDatabase.ts"
import { call, send, target } from "./RawClient.ts"

const ask = Effect.fnUntraced(function* (path: string, members: object) {
  const { url } = yield* HttpServer
  const { body, headers, status } = yield* call(url, path, members)
  return { status, code: headers["x-amzn-errortype"], body }
})

const execute = (sql: string, more: object = {}) => ask("/Execute", { sql, ...more })

layer(layerServed, { excludeTestServices: true })("the engine's answers as they stand on the wire", (it) => {
  it.effect("an infinite timestamp is a 500 InternalFailure with an empty object", () =>
    Effect.gen(function* () {
      const answer = yield* execute("select 'infinity'::timestamptz")
      assert.deepStrictEqual(answer, { status: 500, code: "InternalFailure", body: "{}" })
    })
  )

  it.effect("two statements are refused, one with a semicolon at its end is not", () =>
    Effect.gen(function* () {
      const { body, code, status } = yield* execute("SELECT 1; SELECT 2")
      assert.deepStrictEqual([status, code], [400, "ValidationException"])
      assert.deepStrictEqual(JSON.parse(body), { message: "Multistatements aren't supported." })
      assert.strictEqual((yield* execute("SELECT 1;")).status, 200)
    })
  )

  it.effect("a schema is refused on every operation that has the member", () =>
    Effect.gen(function* () {
      for (const path of ["/Execute", "/BatchExecute", "/BeginTransaction"]) {
        const { code, body } = yield* ask(path, { sql: "select 1", parameterSets: [[]], schema: "public" })
        assert.strictEqual(code, "ValidationException")
        assert.deepStrictEqual(JSON.parse(body), { message: "The schema parameter isn't supported" })
      }
    })
  )

  it.effect("DDL and INSERT have generatedFields and no records, a SELECT the opposite", () =>
    Effect.gen(function* () {
      const created = yield* execute("create table wire (id serial primary key, at timestamptz, big int8)")
      assert.strictEqual(created.body, '{"generatedFields":[],"numberOfRecordsUpdated":0}')
      const inserted = yield* execute("insert into wire (at, big) values (:at::timestamptz, :big)", {
        parameters: [
          { name: "at", value: { stringValue: "2026-01-31T10:00:00.5+02:00" } },
          { name: "big", value: { isNull: true } }
        ],
        includeResultMetadata: true
      })
      assert.strictEqual(inserted.body, '{"generatedFields":[],"numberOfRecordsUpdated":1}')
      const read = yield* execute("select id, at, big, 9223372036854775807::int8 from wire")
      assert.strictEqual(
        read.body,
        '{"numberOfRecordsUpdated":0,"records":[[{"longValue":1},{"stringValue":"2026-01-31 08:00:00.500"},{"isNull":true},{"longValue":9223372036854775807}]]}'
      )
      const none = yield* execute("select id from wire where false", { includeResultMetadata: true })
      assert.deepStrictEqual(Object.keys(JSON.parse(none.body)).sort(), [
        "columnMetadata",
        "numberOfRecordsUpdated",
        "records"
      ])
      const json = yield* execute("select id, big from wire", { formatRecordsAs: "JSON", includeResultMetadata: true })
      assert.strictEqual(json.body, '{"formattedRecords":"[{\\"id\\":1,\\"big\\":null}]","numberOfRecordsUpdated":0}')
    })
  )

  it.effect("a batch answers one empty entry a set", () =>
    Effect.gen(function* () {
      yield* execute("create table batch (n int)")
      const parameterSets = [1, 2].map((longValue) => [{ name: "n", value: { longValue } }])
      const { body } = yield* ask("/BatchExecute", { sql: "insert into batch values (:n) returning n", parameterSets })
      assert.strictEqual(body, '{"updateResults":[{"generatedFields":[]},{"generatedFields":[]}]}')
    })
  )

  it.effect("the database named like the user answers when none is named, and an unknown one is 3D000", () =>
    Effect.gen(function* () {
      const own = yield* execute("select current_database()::text")
      assert.include(own.body, '{"stringValue":"alex"}')
      const { body, code } = yield* execute("select 1", { database: "nowhere" })
      assert.strictEqual(code, "DatabaseErrorException")
      assert.deepStrictEqual(JSON.parse(body), {
        message: 'ERROR: database "nowhere" does not exist; SQLState: 3D000'
      })
    })
  )

  it.effect("an ARN that is no cluster's answers that the endpoint is not enabled", () =>
    Effect.gen(function* () {
      for (const resourceArn of [
        "arn:aws:rds:us-east-1:000000000000:db:alex-local",
        "arn:aws:rds:eu-west-1:000000000000:cluster:alex-local",
        target.secretArn
      ]) {
        const { body, code, status } = yield* execute("select 1", { resourceArn })
        assert.deepStrictEqual([status, code], [400, "HttpEndpointNotEnabledException"])
        assert.deepStrictEqual(JSON.parse(body), { message: `HttpEndpoint is not enabled for resource ${resourceArn}` })
      }
    })
  )

  it.effect("a statement of a failed transaction is 25P02, and its time-out does the same", () =>
    Effect.gen(function* () {
      const faults = yield* Faults
      const begin = Effect.map(ask("/BeginTransaction", {}), ({ body }): string => JSON.parse(body).transactionId)
      const end = (transactionId: string) => ask("/RollbackTransaction", { transactionId })
      const aborted =
        "ERROR: current transaction is aborted, commands ignored until end of transaction block; SQLState: 25P02"
      const failed = yield* begin
      assert.strictEqual((yield* execute("select 1/0", { transactionId: failed })).status, 400)
      assert.include((yield* execute("select 1", { transactionId: failed })).body, aborted)
      yield* end(failed)
      const late = yield* begin
      yield* faults.set({ schedule: [{ call: 1, fault: "statement-timeout" }] })
      const { body, code } = yield* execute("select 1", { transactionId: late })
      assert.deepStrictEqual(
        [code, body],
        ["StatementTimeoutException", '{"message":"canceling statement due to statement timeout"}']
      )
      assert.include((yield* execute("select 1", { transactionId: late })).body, aborted)
      yield* end(late)
    })
  )

  it.effect("a failover loses the open transactions, and nothing of them is kept", () =>
    Effect.gen(function* () {
      const faults = yield* Faults
      yield* execute("create table lost (n int)")
      const { transactionId } = JSON.parse((yield* ask("/BeginTransaction", {})).body)
      yield* execute("insert into lost values (1)", { transactionId })
      yield* faults.failover
      const answer = yield* execute("select 1", { transactionId })
      assert.deepStrictEqual([answer.status, answer.code], [404, "TransactionNotFoundException"])
      assert.include((yield* execute("select count(*) from lost")).body, '{"longValue":0}')
    })
  )

  it.effect("only named placeholders bind, each occurrence on its own", () =>
    Effect.gen(function* () {
      const { url } = yield* HttpServer
      const body = JSON.stringify({
        ...target,
        sql: "select $$a :b c$$, ':x', :v, :v",
        parameters: [{ name: "v", value: { longValue: 1 } }]
      })
      const raw = yield* send(url, { path: "/Execute", body })
      assert.strictEqual(raw.status, 400)
      const dollar = yield* execute("SELECT $$a :b c$$")
      assert.include(dollar.body, '{"stringValue":"a $1 c"}')
    })
  )
})
