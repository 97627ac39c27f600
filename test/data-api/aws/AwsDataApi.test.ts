import { createServer, type IncomingHttpHeaders } from "node:http"
import type { Socket } from "node:net"
import {
  BatchExecuteStatementCommand,
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  RDSDataClient,
  RDSDataServiceException,
  RollbackTransactionCommand
} from "@aws-sdk/client-rds-data"
import { assert, describe, it, vi } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Redacted, Result } from "effect"
import { SqlClient } from "effect/sql"
import * as AwsDataApi from "../../../src/data-api/aws/AwsDataApi.ts"
import { DataApi, type ExecuteStatementResponse, type Field } from "../../../src/data-api/DataApi.ts"
import { DataApiError, type Reason } from "../../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../../src/data-api/RetryPolicy.ts"
import { reasonOf } from "../../../src/data-api/rest-json/WireFailures.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { listening } from "../../listening.ts"
import { clusterArn, credentials, overAws, overFetch, overHttp, secretArn } from "../backends.ts"

const arns = { resourceArn: clusterArn, secretArn }

/** A server that answers as it is told, byte for byte, and keeps what it was asked. */
const serve = Effect.fnUntraced(function* (
  respond: (request: {
    readonly url: string
    readonly headers: IncomingHttpHeaders
    readonly body: string
    readonly socket: Socket
  }) => { readonly status?: number; readonly headers?: Record<string, string>; readonly body: string } | undefined
) {
  const port = yield* listening(() =>
    createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const { headers, socket, url = "" } = request
        const answer = respond({ url, headers, body: Buffer.concat(chunks).toString(), socket })
        if (answer === undefined) return
        response.writeHead(answer.status ?? 200, {
          "content-type": "application/json",
          "x-amzn-requestid": "request-1",
          ...answer.headers
        })
        response.end(answer.body)
      })
    })
  )
  return `http://127.0.0.1:${port}`
})

const implementations = [
  ["AwsDataApi", overAws],
  ["HttpDataApi", overHttp],
  ["HttpDataApi by fetch", overFetch]
] as const

const fields: ReadonlyArray<Field> = [
  { isNull: true },
  { booleanValue: true },
  { longValue: 7 },
  { doubleValue: -1.5e300 },
  { stringValue: 'a "longValue":12345678901234567890, "blobValue": \\ ü 😀 \u2028' },
  { blobValue: new Uint8Array([0, 255, 7]) },
  { blobValue: new Uint8Array() },
  { arrayValue: { stringValues: ["x", null] } },
  { arrayValue: { longValues: [1, null, 3] } },
  { arrayValue: { doubleValues: [1.5, null] } },
  { arrayValue: { booleanValues: [true, null] } },
  { arrayValue: { stringValues: [] } }
]

const wire = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    member instanceof Uint8Array ? Buffer.from(member).toString("base64") : member
  )

const column = { name: "a", label: "a", typeName: "int4", type: 4, nullable: 1, precision: 10, scale: 0 }
const answers: ReadonlyArray<readonly [string, string]> = [
  ["every kind of field", wire({ numberOfRecordsUpdated: 0, records: [fields, fields] })],
  ["numbers that are not numbers", '{"records":[[{"doubleValue":"NaN"},{"doubleValue":"-Infinity"}]]}'],
  ["metadata", wire({ columnMetadata: [{ ...column, isSigned: true }], numberOfRecordsUpdated: 0, records: [] })],
  ["a write", wire({ generatedFields: [], numberOfRecordsUpdated: 3 })],
  ["JSON records", wire({ formattedRecords: '[{"id":1}]', numberOfRecordsUpdated: 0 })],
  ["a result without a count", wire({ records: [[{ longValue: 1 }]] })],
  ["a statement of no rows without a count", wire({ generatedFields: [] })],
  ["members that are null", '{"records":null,"columnMetadata":null,"numberOfRecordsUpdated":1}'],
  ["a field with members that are null", '{"records":[[{"stringValue":null,"isNull":true,"blobValue":null}]]}'],
  ["members that nobody knows", wire({ numberOfRecordsUpdated: 1, warnings: ["new"] })]
]

/** Bodies of a 200 that no operation answers with. */
const bodiesOfNone: ReadonlyArray<string> = [
  "",
  "{}",
  "null",
  "[]",
  "true",
  '"done"',
  "<html>Sign in</html>",
  '{"message":"OK"}',
  '{"records":[[{"longValue":1}]',
  '{"columnMetadata":[]}',
  '{"records":null}',
  '{"records":{}}',
  '{"records":[{}]}',
  '{"records":[[null]]}',
  '{"records":[[{"stringValue":5}]]}',
  '{"records":[[{"isNull":"no"}]]}',
  '{"records":[[{"longValue":1.5}]]}',
  '{"records":[[{"doubleValue":"many"}]]}',
  '{"records":[[{"arrayValue":{"stringValues":"x"}}]]}',
  '{"records":[[{"arrayValue":{"longValues":[1,"2"]}}]]}',
  '{"numberOfRecordsUpdated":"3"}',
  '{"numberOfRecordsUpdated":1.5}',
  '{"numberOfRecordsUpdated":1,"records":"none"}',
  '{"numberOfRecordsUpdated":1,"columnMetadata":[{"name":"a"}]}',
  '{"formattedRecords":[]}',
  '{"generatedFields":{}}',
  '{"updateResults":{}}',
  '{"updateResults":[null]}',
  '{"transactionId":""}',
  '{"transactionId":7}',
  '{"transactionId":null}',
  '{"transactionStatus":null}',
  '{"transactionStatus":["Transaction Committed"]}'
]

const failures: ReadonlyArray<
  readonly [string, { readonly status: number; readonly headers?: Record<string, string>; readonly body: string }]
> = [
  [
    "a code in the header",
    {
      status: 400,
      headers: { "x-amzn-errortype": "DatabaseErrorException:http://internal.amazon.com/" },
      body: '{"message":"ERROR: relation \\"t\\" does not exist; Position: 15; SQLState: 42P01"}'
    }
  ],
  [
    "a code in the body",
    { status: 400, body: '{"__type":"com.amazonaws#ThrottlingException","message":"Rate exceeded"}' }
  ],
  ["a code named code", { status: 404, body: '{"code":"TransactionNotFoundException","message":"gone"}' }],
  [
    "a Message with a capital",
    { status: 403, headers: { "x-amzn-errortype": "AccessDeniedException" }, body: '{"Message":"not authorized"}' }
  ],
  ["no message", { status: 504, headers: { "x-amzn-errortype": "DatabaseUnavailableException" }, body: "{}" }],
  ["no body", { status: 500, headers: { "x-amzn-errortype": "InternalFailure" }, body: "" }],
  [
    "a connection id",
    {
      status: 400,
      headers: { "x-amzn-errortype": "StatementTimeoutException" },
      body: '{"message":"canceling statement due to statement timeout","dbConnectionId":42}'
    }
  ],
  [
    "a code outside the model",
    { status: 400, headers: { "x-amzn-errortype": "ValidationException" }, body: '{"message":"Multistatements"}' }
  ],
  [
    "expired credentials",
    { status: 403, headers: { "x-amzn-errortype": "ExpiredTokenException" }, body: '{"message":"expired"}' }
  ]
]

/** The answer to a statement that returns no rows. */
const done = '{"numberOfRecordsUpdated":0,"generatedFields":[]}'

/** What the untouched SDK makes of a call: its output, or its error read as a reason. */
const bareSdk = (endpoint: string, sql: string) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new RDSDataClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 })),
    (client) =>
      Effect.tryPromise({
        try: () => client.send(new ExecuteStatementCommand({ ...arns, sql })),
        catch: (error): Reason =>
          error instanceof RDSDataServiceException
            ? reasonOf({
                code: error.name,
                status: error.$metadata.httpStatusCode ?? 0,
                message: error.message,
                dbConnectionId: "dbConnectionId" in error ? Number(error.dbConnectionId) : undefined
              })
            : reasonOf({ code: "NotAServiceException", status: 0, message: String(error) })
      }).pipe(Effect.map(({ $metadata: _, ...output }) => output)),
    (client) => Effect.sync(() => client.destroy())
  )

const execute = (sql: string): Effect.Effect<ExecuteStatementResponse, DataApiError, DataApi> =>
  Effect.flatMap(DataApi, (api) => api.executeStatement({ sql }))

for (const [name, layerAt] of implementations) {
  describe(name, () => {
    for (const [what, body] of answers) {
      it.effect(`reads ${what} as the untouched SDK does`, () =>
        Effect.gen(function* () {
          const endpoint = yield* serve(() => ({ body }))
          const expected = yield* bareSdk(endpoint, "select 1")
          const found = yield* Effect.provide(execute("select 1"), layerAt(endpoint))
          assert.deepStrictEqual(plain(found), plain(expected))
        })
      )
    }

    for (const [what, answer] of failures) {
      it.effect(`reads a failure with ${what} as the untouched SDK does`, () =>
        Effect.gen(function* () {
          const endpoint = yield* serve(() => answer)
          const expected = yield* Effect.flip(bareSdk(endpoint, "select 1"))
          const found = yield* Effect.flip(Effect.provide(execute("select 1"), layerAt(endpoint)))
          assert.deepStrictEqual({ ...found.reason }, { ...expected })
          assert.strictEqual(found.requestId, "request-1")
        })
      )
    }

    it.effect("sends what the untouched SDK sends", () =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const endpoint = yield* serve(({ body, url }) => {
          seen.push([url, JSON.parse(body)])
          return { body: '{"transactionId":"tx","transactionStatus":"done","updateResults":[],"generatedFields":[]}' }
        })
        const statement = {
          sql: "select :a",
          parameters: [
            { name: "a", value: { stringValue: "x" }, typeHint: "UUID" as const },
            { name: "b", value: { blobValue: new Uint8Array([1, 2]) } },
            { name: "c", value: { longValue: 7 } }
          ],
          includeResultMetadata: true,
          resultSetOptions: { longReturnType: "STRING" as const }
        }
        const batch = {
          sql: "insert into t values (:a)",
          parameterSets: [[{ name: "a", value: { isNull: true } }], []]
        }
        const client = new RDSDataClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 })
        const common = { ...arns, database: "alex" }
        yield* Effect.promise(async () => {
          await client.send(new ExecuteStatementCommand({ ...common, ...statement }))
          await client.send(new BatchExecuteStatementCommand({ ...common, ...batch, transactionId: "tx" }))
          await client.send(new BeginTransactionCommand(common))
          await client.send(new CommitTransactionCommand({ ...arns, transactionId: "tx" }))
          await client.send(new RollbackTransactionCommand({ ...arns, transactionId: "tx" }))
          client.destroy()
        })
        yield* Effect.gen(function* () {
          const api = yield* DataApi
          yield* api.executeStatement(statement)
          yield* api.batchExecuteStatement({ ...batch, transactionId: "tx" })
          assert.deepStrictEqual((yield* api.beginTransaction({})).transactionId, "tx")
          yield* api.commitTransaction({ transactionId: "tx" })
          yield* api.rollbackTransaction({ transactionId: "tx" })
        }).pipe(Effect.provide(layerAt(endpoint)))
        assert.deepStrictEqual(seen.slice(5), seen.slice(0, 5))
      })
    )

    it.effect("a long beyond 2^53 is exact, where the SDK rounds", () =>
      Effect.gen(function* () {
        const body =
          '{"records":[[{"longValue":9007199254740993},{"longValue":-9223372036854775808},{"arrayValue":{"longValues":[9223372036854775807,null]}},{"stringValue":"[9007199254740993]"},{"doubleValue":0.30000000000000004},{"doubleValue":-1.2345678901234568e-300}]]}'
        const endpoint = yield* serve(() => ({ body }))
        const { records } = yield* Effect.provide(execute("select 1"), layerAt(endpoint))
        assert.deepStrictEqual(records, [
          [
            { longValue: 9007199254740993n },
            { longValue: -9223372036854775808n },
            { arrayValue: { longValues: [9223372036854775807n, null] } },
            { stringValue: "[9007199254740993]" },
            { doubleValue: 0.30000000000000004 },
            { doubleValue: -1.2345678901234568e-300 }
          ]
        ])
      })
    )

    const failing = (
      what: string,
      respond: Parameters<typeof serve>[0],
      expected: { readonly tag: Reason["_tag"]; readonly didRun: string }
    ) =>
      it.effect(what, () =>
        Effect.gen(function* () {
          const endpoint = yield* serve(respond)
          const error = yield* Effect.flip(Effect.provide(execute("insert"), layerAt(endpoint)))
          assert.deepStrictEqual({ tag: error.reason._tag, didRun: error.didRun }, expected)
          assert.notInclude(error.message, "secret:alex")
        })
      )
    const html = "<html>502 Bad Gateway</html>"
    failing("a proxy's page is an unexpected response", () => ({ status: 502, body: html }), {
      tag: "UnexpectedResponse",
      didRun: "unknown"
    })
    failing("a proxy's page that limits the rate is a call that did not run", () => ({ status: 429, body: html }), {
      tag: "Throttled",
      didRun: "no"
    })
    for (const body of ["", html, '{"message":"Request Entity Too Large"}']) {
      failing(`a request that is too large for a proxy did not run: ${body}`, () => ({ status: 413, body }), {
        tag: "Validation",
        didRun: "no"
      })
    }
    for (const code of ["RequestTimeTooSkewed", "RequestExpired", "AuthFailure", "InvalidAccessKeyId"]) {
      const headers = { "x-amzn-errortype": code }
      failing(`${code} is a call that did not run`, () => ({ status: 403, headers, body: "{}" }), {
        tag: "Unauthenticated",
        didRun: "no"
      })
    }
    it.effect("a redirect is not followed, and says where it leads", () =>
      Effect.gen(function* () {
        for (const body of ["", html]) {
          const headers = { location: "https://sign-in.example/path?token=hunter2" }
          const endpoint = yield* serve(() => ({ status: 307, headers, body }))
          const error = yield* Effect.flip(Effect.provide(execute("insert"), layerAt(endpoint)))
          assert.deepStrictEqual([error.reason._tag, error.didRun], ["UnexpectedResponse", "unknown"])
          assert.include(error.message, "HTTP 307 leads to https://sign-in.example, and redirects are not followed")
          assert.notInclude(error.message, "hunter2")
        }
      })
    )
    it.live("a 200 without the members that say what was done is a success of no operation", () =>
      Effect.gen(function* () {
        let body = ""
        const endpoint = yield* serve(() => ({ body }))
        yield* Effect.gen(function* () {
          const api = yield* DataApi
          const calls: Readonly<Record<string, Effect.Effect<unknown, DataApiError>>> = {
            execute: api.executeStatement({ sql: "insert" }),
            batch: api.batchExecuteStatement({ sql: "insert", parameterSets: [[], []] }),
            begin: api.beginTransaction({}),
            commit: api.commitTransaction({ transactionId: "tx" }),
            rollback: api.rollbackTransaction({ transactionId: "tx" })
          }
          for (const wrong of bodiesOfNone) {
            body = wrong
            for (const [operation, call] of Object.entries(calls)) {
              const result = yield* Effect.result(call)
              const failure = Result.isFailure(result) ? result.failure : undefined
              const found = [failure?.reason._tag, failure?.didRun, failure?.requestId]
              assert.deepStrictEqual(found, ["UnexpectedResponse", "unknown", "request-1"], `${operation}: ${wrong}`)
            }
          }
        }).pipe(Effect.provide(layerAt(endpoint)))
      })
    )

    it.live("a transaction whose begin, write or commit was answered with nothing is not reported as committed", () =>
      Effect.gen(function* () {
        const right: Readonly<Record<string, string>> = {
          "/BeginTransaction": '{"transactionId":"tx"}',
          "/Execute": '{"numberOfRecordsUpdated":1,"generatedFields":[]}',
          "/CommitTransaction": '{"transactionStatus":"Transaction Committed"}',
          "/RollbackTransaction": '{"transactionStatus":"Rollback Complete"}'
        }
        let empty = ""
        const sent: Array<string> = []
        const endpoint = yield* serve(({ url }) => {
          sent.push(url)
          return { body: url === empty ? "{}" : (right[url] ?? "") }
        })
        const expected = {
          "/BeginTransaction": ["NotCommitted", ["/BeginTransaction"]],
          "/Execute": ["NotCommitted", ["/BeginTransaction", "/Execute", "/RollbackTransaction"]],
          "/CommitTransaction": ["OutcomeUnknown", ["/BeginTransaction", "/Execute", "/CommitTransaction"]]
        }
        const database = DataApiSql.layer().pipe(Layer.provide(RetryPolicy.layer()), Layer.provide(layerAt(endpoint)))
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const [path, [tag, said]] of Object.entries(expected)) {
            empty = path
            sent.length = 0
            const { reason } = yield* Effect.flip(sql.withTransaction(sql`insert into t values (1)`))
            const cause = reason.cause
            assert.strictEqual(cause instanceof DataApiError ? cause.reason._tag : undefined, tag, path)
            assert.deepStrictEqual(sent, said, path)
          }
        }).pipe(Effect.provide(database))
      })
    )
    failing(
      "a connection reset after the request was sent leaves the outcome unknown",
      ({ socket }) => {
        socket.resetAndDestroy()
        return undefined
      },
      { tag: "ConnectionLost", didRun: "unknown" }
    )
    failing(
      "an answer that breaks off leaves the outcome unknown",
      ({ socket }) => {
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        return undefined
      },
      { tag: "ConnectionLost", didRun: "unknown" }
    )

    it.effect("an endpoint that is not a URL is an invalid request, and is not repeated in it", () =>
      Effect.gen(function* () {
        for (const endpoint of [
          "",
          "127.0.0.1:8080",
          "ann:hunter2@host",
          "ftp://ann:hunter2@host",
          "http://ann:hunter2@ho st"
        ]) {
          const exit = yield* Effect.exit(Effect.provide(execute("insert"), layerAt(endpoint)))
          assert.isTrue(Exit.isFailure(exit) && Cause.hasFails(exit.cause), endpoint)
          const shown = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
          assert.include(shown, "The endpoint is not a URL", endpoint)
          assert.notInclude(shown, "hunter2", endpoint)
        }
      })
    )

    it.effect("a user and a password in an endpoint are not sent, nor shown when it can't be reached", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const endpoint = yield* serve(({ headers, url }) => {
          seen.push(JSON.stringify([headers, url]))
          return { body: done }
        })
        const withPassword = (url: string) => url.replace("http://", "http://ann:hunter2@")
        yield* Effect.provide(execute("insert"), layerAt(withPassword(endpoint)))
        const nobody = layerAt(withPassword("http://127.0.0.1:2"))
        const error = yield* Effect.flip(Effect.provide(execute("insert"), nobody))
        assert.strictEqual(error.reason._tag, "ConnectFailed")
        const credentials = Buffer.from("ann:hunter2").toString("base64")
        for (const text of [...seen, String(error), Cause.pretty(Cause.fail(error)), JSON.stringify(error)]) {
          assert.notInclude(text, "hunter2")
          assert.notInclude(text, credentials)
        }
        assert.strictEqual(seen.length, 1)
      })
    )

    it.effect("a refused connection certainly did not run", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.provide(execute("insert"), layerAt("http://127.0.0.1:2")))
        assert.deepStrictEqual([error.reason._tag, error.didRun, error.isRetryable], ["ConnectFailed", "no", true])
      })
    )

    it.live(
      "with a clock that is wrong, a refused call is signed again by the service's, and so are those after it",
      () =>
        Effect.gen(function* () {
          for (const [skew, status, code] of [
            [3_600_000, 403, "InvalidSignatureException"],
            [-3_600_000, 403, "SignatureDoesNotMatch"],
            [3_600_000, 400, "RequestTimeTooSkewed"],
            [-3_600_000, 400, "InvalidSignatureException"]
          ] as const) {
            const signedAt: Array<string> = []
            const endpoint = yield* serve(({ headers }) => {
              const serviceTime = new Date(Date.now() + skew)
              const time = String(headers["x-amz-date"])
              signedAt.push(time)
              const signed = Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"))
              return Math.abs(signed - serviceTime.getTime()) < 300_000
                ? { body: done }
                : {
                    status,
                    headers: { date: serviceTime.toUTCString(), "x-amzn-errortype": code },
                    body: '{"message":"Signature expired"}'
                  }
            })
            yield* Effect.provide(Effect.andThen(execute("1"), execute("2")), layerAt(endpoint))
            assert.strictEqual(signedAt.length, 3, String(skew))
          }
        })
    )

    it.live("a statement that the database refused is sent once, however wrong the clock is", () =>
      Effect.gen(function* () {
        let requests = 0
        const endpoint = yield* serve(() => {
          requests++
          const date = new Date(Date.now() + 3_600_000).toUTCString()
          const headers = { date, "x-amzn-errortype": "DatabaseErrorException" }
          return { status: 400, headers, body: '{"message":"ERROR: division by zero; SQLState: 22012"}' }
        })
        const error = yield* Effect.flip(Effect.provide(execute("1"), layerAt(endpoint)))
        assert.deepStrictEqual([error.reason._tag, requests], ["DatabaseError", 1])
      })
    )

    it.live("a signature that is refused for another reason than its time is sent once", () =>
      Effect.gen(function* () {
        let requests = 0
        const endpoint = yield* serve(() => {
          requests++
          return { status: 403, headers: { "x-amzn-errortype": "InvalidSignatureException" }, body: "{}" }
        })
        const error = yield* Effect.flip(Effect.provide(execute("1"), layerAt(endpoint)))
        assert.deepStrictEqual([error.reason._tag, error.didRun, requests], ["Unauthenticated", "no", 1])
      })
    )

    it.live("a clock that stays wrong by the service's own account is corrected once, not again and again", () =>
      Effect.gen(function* () {
        let requests = 0
        const endpoint = yield* serve(() => {
          const date = new Date(Date.now() + ++requests * 3_600_000).toUTCString()
          return { status: 403, headers: { date, "x-amzn-errortype": "InvalidSignatureException" }, body: "{}" }
        })
        const error = yield* Effect.flip(Effect.provide(execute("1"), layerAt(endpoint)))
        assert.deepStrictEqual([error.reason._tag, requests], ["Unauthenticated", 2])
      })
    )

    it.effect("an interrupted call aborts its request", () =>
      Effect.gen(function* () {
        const arrived = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const endpoint = yield* serve(({ socket }) => {
          Deferred.doneUnsafe(arrived, Effect.void)
          socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
          return undefined
        })
        const fiber = yield* Effect.forkChild(Effect.provide(execute("select pg_sleep(60)"), layerAt(endpoint)))
        yield* Deferred.await(arrived)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(closed)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      })
    )

    it.effect("connections are kept, and closed with the layer", () =>
      Effect.gen(function* () {
        const sockets = new Set<Socket>()
        const endpoint = yield* serve(({ socket }) => {
          sockets.add(socket)
          return { body: done }
        })
        yield* Effect.provide(
          Effect.andThen(execute("1"), Effect.andThen(execute("2"), execute("3"))),
          layerAt(endpoint)
        )
        assert.strictEqual(sockets.size, 1)
        yield* Effect.callback<void>((resume) => {
          for (const socket of sockets) {
            if (socket.destroyed) resume(Effect.void)
            else socket.on("close", () => resume(Effect.void))
          }
        })
      })
    )
  })
}

/** Without the prototypes and absent members that are the SDK's affair. */
const plain = (value: object): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, member: unknown) =>
      member instanceof Uint8Array
        ? { bytes: [...member] }
        : typeof member === "number" && !Number.isFinite(member)
          ? String(member)
          : member
    )
  )

it.effect("AwsDataApi goes where the SDK's own variable says, below its path", () =>
  Effect.gen(function* () {
    const urls: Array<string> = []
    const endpoint = yield* serve(({ url }) => {
      urls.push(url)
      return { body: done }
    })
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        process.env["AWS_ENDPOINT_URL_RDS_DATA"] = `${endpoint}/below`
      }),
      () =>
        Effect.sync(() => {
          delete process.env["AWS_ENDPOINT_URL_RDS_DATA"]
        })
    )
    const api = AwsDataApi.layer({
      clusterArn,
      secretArn: Redacted.make(secretArn),
      region: "us-east-1",
      client: { credentials }
    })
    yield* Effect.provide(Effect.andThen(execute("1"), execute("2")), api)
    assert.deepStrictEqual(urls, ["/below/Execute", "/below/Execute"])
  })
)

it.effect("AwsDataApi says that there are no credentials, and asks again for the next call", () =>
  Effect.gen(function* () {
    const endpoint = yield* serve(() => ({ body: done }))
    let asked = 0
    const provider = () =>
      asked++ === 0
        ? Promise.reject(Object.assign(new Error("none found"), { name: "CredentialsProviderError" }))
        : Promise.resolve(credentials)
    const api = AwsDataApi.layer({
      clusterArn,
      secretArn: Redacted.make(secretArn),
      region: "us-east-1",
      endpoint,
      client: { credentials: provider }
    })
    yield* Effect.gen(function* () {
      const error = yield* Effect.flip(execute("1"))
      assert.deepStrictEqual([error.reason._tag, error.didRun], ["Unauthenticated", "no"])
      yield* execute("2")
    }).pipe(Effect.provide(api))
  })
)

it.effect("AwsDataApi names the profile in whose settings the SDK found nothing, or found a fault", () =>
  Effect.gen(function* () {
    vi.stubEnv("AWS_PROFILE", "stage")
    const missing = Object.assign(new Error("none found"), { name: "CredentialsProviderError" })
    const fault = new TypeError("Cannot read properties of undefined (reading 'sso_region')")
    for (const error of [missing, fault]) {
      const api = AwsDataApi.layer({
        clusterArn,
        secretArn: Redacted.make(secretArn),
        region: "us-east-1",
        endpoint: "http://127.0.0.1:1",
        client: { credentials: () => Promise.reject(error) }
      })
      const { message } = yield* Effect.provide(Effect.flip(execute("1")), api)
      assert.include(message, `${error.message} (AWS_PROFILE is stage)`)
    }
  }).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllEnvs())))
)

it.effect("AwsDataApi takes other credentials before those that it has expire", () =>
  Effect.gen(function* () {
    const signers: Array<string> = []
    const endpoint = yield* serve(({ headers }) => {
      signers.push(/Credential=(\w+)/.exec(String(headers["authorization"]))?.[1] ?? "")
      return { body: done }
    })
    let asked = 0
    const provider = () => {
      asked++
      // Those are as good as expired to the SDK: it fetches others five minutes before.
      const minutes = asked < 6 ? 4 : 60
      const expiration = new Date(Date.now() + minutes * 60_000)
      return Promise.resolve({ ...credentials, accessKeyId: `KEY${asked}`, expiration })
    }
    const api = AwsDataApi.layer({
      clusterArn,
      secretArn: Redacted.make(secretArn),
      region: "us-east-1",
      endpoint,
      client: { credentials: provider }
    })
    yield* Effect.provide(Effect.forEach(["1", "2", "3", "4", "5", "6", "7", "8"], execute), api)
    assert.isAbove(new Set(signers).size, 2)
    assert.deepStrictEqual(signers.slice(-2), ["KEY6", "KEY6"])
    assert.strictEqual(asked, 6)
  })
)
