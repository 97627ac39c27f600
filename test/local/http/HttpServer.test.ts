import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import {
  ConnectionLost,
  DatabaseError,
  DatabaseUnavailable,
  InternalServerError,
  type Reason,
  StatementTimeout
} from "../../../src/data-api/DataApiError.ts"
import { any, fromConfig } from "../../../src/local/http/Clusters.ts"
import { HttpServer, type HttpServerOptions, type RequestLog } from "../../../src/local/http/HttpServer.ts"
import { authorization, call, send, sendBytes, signedHeaders, target } from "./RawClient.ts"
import { layerScripted, type Scripts, type Seen } from "./ScriptedDataApi.ts"

const serve = (scripts?: Scripts, options?: HttpServerOptions, seen?: Array<Seen>) =>
  HttpServer.make({ port: 0, ...options }).pipe(Effect.provide(layerScripted(scripts, seen)))

const parameters = (...values: ReadonlyArray<string>) =>
  `{"resourceArn":"${target.resourceArn}","secretArn":"${target.secretArn}","sql":"select 1","parameters":[${values
    .map((value, index) => `{"name":"p${index}","value":${value}}`)
    .join(",")}]}`

const codeOf = (raw: { readonly headers: Readonly<Record<string, unknown>> }) => raw.headers["x-amzn-errortype"]

it.effect("the five operations answer on their paths, each with a request id", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve({}, {}, seen)
    const began = yield* call(url, "/BeginTransaction", { database: "alex" })
    const { transactionId } = JSON.parse(began.body)
    const ran = yield* call(url, "/Execute", { sql: "select 1", transactionId })
    const batch = yield* call(url, "/BatchExecute", { sql: "select 1", transactionId, parameterSets: [[], []] })
    const committed = yield* call(url, "/CommitTransaction", { transactionId })
    const rolledBack = yield* call(url, "/RollbackTransaction", { transactionId })
    assert.deepStrictEqual(
      [began, ran, batch, committed, rolledBack].map((raw) => raw.status),
      [200, 200, 200, 200, 200]
    )
    assert.deepStrictEqual(JSON.parse(batch.body), {
      updateResults: [{ generatedFields: [] }, { generatedFields: [] }]
    })
    assert.deepStrictEqual(JSON.parse(committed.body), { transactionStatus: "Transaction Committed" })
    const ids = [began, ran, batch, committed, rolledBack].map((raw) => String(raw.headers["x-amzn-requestid"]))
    assert.strictEqual(new Set(ids).size, 5)
    assert.strictEqual(began.headers["content-type"], "application/json")
    assert.deepStrictEqual(
      seen.map(({ operation }) => operation),
      ["BeginTransaction", "ExecuteStatement", "BatchExecuteStatement", "CommitTransaction", "RollbackTransaction"]
    )
  })
)

it.effect("every kind of Field survives both ways, exactly", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    const fields = [
      '{"longValue":9007199254740993}',
      '{"longValue":-9223372036854775808}',
      '{"longValue":7}',
      '{"doubleValue":0.1}',
      '{"doubleValue":"NaN"}',
      '{"doubleValue":"-Infinity"}',
      '{"doubleValue":-0}',
      '{"stringValue":"1234567890123456789 é \\u0000 \\ud800"}',
      '{"booleanValue":true}',
      '{"isNull":true}',
      '{"blobValue":"AAH/"}',
      '{"arrayValue":{"longValues":[1,null,9223372036854775807]}}',
      '{"arrayValue":{"doubleValues":[1.5,"Infinity",null]}}',
      '{"arrayValue":{"stringValues":["a",null]}}',
      '{"arrayValue":{"booleanValues":[null,false]}}',
      '{"arrayValue":{"arrayValues":[{"longValues":[]},null]}}'
    ]
    const raw = yield* send(url, { path: "/Execute", body: parameters(...fields) })
    assert.strictEqual(raw.body, `{"numberOfRecordsUpdated":0,"records":[[${fields.join(",")}]]}`)
  })
)

it.effect("members that are absent have no key, and unknown members and nulls are ignored", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve({ executeStatement: () => ({ generatedFields: [] }) }, {}, seen)
    const raw = yield* call(url, "/Execute", { sql: "x", database: null, parameters: null, futureMember: { a: 1 } })
    assert.strictEqual(raw.body, '{"generatedFields":[]}')
    assert.deepStrictEqual(seen[0]?.request, {
      sql: "x",
      parameters: [],
      database: undefined,
      schema: undefined,
      transactionId: undefined,
      includeResultMetadata: undefined,
      continueAfterTimeout: undefined,
      resultSetOptions: undefined,
      formatRecordsAs: undefined,
      // An engine writes them as the text that is sent.
      recordsAsJson: true
    })
  })
)

it.effect("wrong JSON and wrong types are a SerializationException, broken bounds a ValidationException", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve({}, {}, seen)
    const bodies: ReadonlyArray<readonly [string, string, string]> = [
      ["{", "SerializationException", "not valid JSON"],
      ["[]", "SerializationException", "Start of list found where not expected"],
      [parameters('{"longValue":{}}'), "SerializationException", "Start of structure or map found where not expected."],
      [parameters('{"longValue":[]}'), "SerializationException", "Start of list found where not expected"],
      [parameters('{"longValue":true}'), "SerializationException", "TRUE_VALUE can not be converted to a Long"],
      [parameters('{"stringValue":false}'), "SerializationException", "FALSE_VALUE can not be converted to a String"],
      [parameters('{"doubleValue":"1"}'), "SerializationException", "STRING_VALUE can not be converted to a Double"],
      [
        parameters('{"arrayValue":{"longValues":7}}'),
        "SerializationException",
        "NUMBER_VALUE can not be converted to a list"
      ],
      ['"x"', "SerializationException", "STRING_VALUE can not be converted to a structure"],
      [parameters('{"longValue":"1"}'), "SerializationException", "STRING_VALUE can not be converted to a Long"],
      [parameters('{"longValue":1.5}'), "SerializationException", "NUMBER_VALUE can not be converted to a Long"],
      [parameters('{"longValue":9223372036854775808}'), "SerializationException", "NUMBER_VALUE"],
      [parameters('{"stringValue":1}'), "SerializationException", "NUMBER_VALUE can not be converted to a String"],
      [parameters('{"booleanValue":"true"}'), "SerializationException", "Boolean"],
      [parameters('{"blobValue":"?"}'), "SerializationException", "base64"],
      [parameters('{"arrayValue":{}}'), "SerializationException", "exactly one"],
      [parameters("{}"), "ValidationException", "at 'parameters.1.member.value' failed to satisfy constraint"],
      [parameters('{"isNull":true,"longValue":1}'), "ValidationException", "exactly one"],
      ["", "ValidationException", "3 validation errors detected: Value null at 'resourceArn' failed to satisfy"],
      [
        '{"resourceArn":"short","secretArn":"arn:aws:secret","sql":"x"}',
        "ValidationException",
        "1 validation error detected: Value 'short' at 'resourceArn' failed to satisfy constraint: Member must have length greater than or equal to 11"
      ],
      [
        JSON.stringify({ ...target, sql: "x", formatRecordsAs: "XML" }),
        "ValidationException",
        "Value 'XML' at 'formatRecordsAs' failed to satisfy constraint: Member must satisfy enum value set: [NONE, JSON]"
      ],
      [
        JSON.stringify({ ...target, sql: "x".repeat(65_537) }),
        "ValidationException",
        "Value at 'sql' failed to satisfy constraint: Member must have length less than or equal to 65536"
      ],
      [JSON.stringify({ ...target, sql: "x", transactionId: "t".repeat(193) }), "ValidationException", "192"]
    ]
    for (const [body, code, message] of bodies) {
      const raw = yield* send(url, { path: "/Execute", body })
      assert.strictEqual(raw.status, 400, body.slice(0, 80))
      assert.strictEqual(codeOf(raw), code, raw.body)
      assert.include(JSON.parse(raw.body).message, message)
    }
    const latin1 = yield* send(url, {
      path: "/Execute",
      body: Buffer.from(parameters('{"stringValue":"é"}'), "latin1")
    })
    assert.strictEqual(latin1.status, 400)
    assert.strictEqual(codeOf(latin1), "SerializationException")
    assert.include(latin1.body, "not valid UTF-8")
    assert.strictEqual(seen.length, 0)
  })
)

it.effect("no message repeats a secret's ARN, the SQL or a value", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    const marker = "MARKER"
    const body = JSON.stringify({
      resourceArn: target.resourceArn,
      secretArn: marker,
      sql: marker.repeat(20_000),
      transactionId: marker.repeat(40),
      parameters: [{ name: "a", value: { stringValue: marker, longValue: 1 } }]
    })
    const raw = yield* send(url, { path: "/Execute", body })
    assert.strictEqual(codeOf(raw), "ValidationException")
    assert.notInclude(raw.body, marker)
  })
)

it.effect("a request of 4 MiB is read and a larger one is answered with 413", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    const filled = (bytes: number) => parameters(`{"stringValue":"${"x".repeat(bytes)}"}`)
    const large = yield* send(url, { path: "/Execute", body: filled(4_190_000) })
    assert.strictEqual(large.status, 200)
    const tooLarge = yield* send(url, { path: "/Execute", body: filled(4_194_304) })
    assert.strictEqual(tooLarge.status, 413)
    assert.strictEqual(codeOf(tooLarge), "RequestEntityTooLargeException")
  })
)

it.effect("unknown paths, methods and content types get the front end's answers", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve({}, {}, seen)
    const answers = yield* Effect.forEach(
      [
        { path: "/" },
        { path: "/execute" },
        { path: "/Execute/" },
        { path: "/../Execute" },
        { path: "/Execute", method: "GET" },
        { path: "/Execute", method: "OPTIONS" },
        { path: "/ExecuteSql" },
        { path: "/Execute", headers: { ...signedHeaders, "content-type": "text/plain" } },
        { path: "/Execute", headers: { ...signedHeaders, "content-encoding": "gzip" } }
      ],
      (sent) => send(url, sent)
    )
    assert.deepStrictEqual(
      answers.map((raw) => [raw.status, codeOf(raw)]),
      [
        [404, "UnknownOperationException"],
        [404, "UnknownOperationException"],
        [404, "UnknownOperationException"],
        [404, "UnknownOperationException"],
        [405, "UnknownOperationException"],
        [405, "UnknownOperationException"],
        [400, "BadRequestException"],
        [415, "UnsupportedMediaTypeException"],
        [415, "UnsupportedMediaTypeException"]
      ]
    )
    assert.strictEqual(seen.length, 0)
  })
)

it.effect("a browser's request and a foreign Host are refused before anything runs", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve({}, { allowedHosts: ["db"] }, seen)
    const body = parameters()
    for (const more of [
      { origin: "http://localhost:3000" },
      { origin: "null" },
      { "sec-fetch-site": "same-origin" },
      { host: "evil.example" },
      { host: "evil.example:80" },
      { host: "localhost.evil.example" }
    ] as ReadonlyArray<Record<string, string>>) {
      const raw = yield* send(url, { path: "/Execute", body, headers: { ...signedHeaders, ...more } })
      assert.strictEqual(raw.status, 403, JSON.stringify(more))
      assert.strictEqual(codeOf(raw), "AccessDeniedException")
      assert.strictEqual(raw.body.includes("allow it with --allow-host"), more["host"] !== undefined)
    }
    assert.strictEqual(seen.length, 0)
    for (const host of ["localhost:80", "127.0.0.1", "[::1]:9", "db", "rds-data.localhost", "10.0.0.7:8080"]) {
      const raw = yield* send(url, { path: "/Execute", body, headers: { ...signedHeaders, host } })
      assert.strictEqual(raw.status, 200, host)
    }
  })
)

it.effect("an absolute URL in the request line is read as its path, and its host counts for the Host", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    const to = (path: string, more = {}) =>
      send(url, { path, body: parameters(), headers: { ...signedHeaders, ...more } })
    const statuses = [
      yield* to("http://127.0.0.1:80/Execute"),
      yield* to("HTTP://localhost/Execute?a=1"),
      yield* to("http://127.0.0.1/Execute", { host: "proxy.example" }),
      yield* to("http://127.0.0.1"),
      yield* to("http://127.0.0.1/Nothing"),
      yield* to("http://evil.example/Execute"),
      yield* to("http://127.0.0.1@evil.example/Execute")
    ].map(({ status }) => status)
    assert.deepStrictEqual(statuses, [200, 200, 200, 404, 404, 403, 403])
  })
)

it.effect("the Authorization header is required, well formed and scoped to rds-data", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    const { authorization: _, ...unsigned } = signedHeaders
    const cases: ReadonlyArray<readonly [Record<string, string>, string]> = [
      [unsigned, "MissingAuthenticationTokenException"],
      [{ ...signedHeaders, authorization: "Basic YTpi" }, "IncompleteSignatureException"],
      [{ ...signedHeaders, authorization: "AWS4-HMAC-SHA256 Credential=a/b" }, "IncompleteSignatureException"],
      [{ ...signedHeaders, "x-amz-date": "today" }, "IncompleteSignatureException"],
      [{ ...signedHeaders, authorization: authorization("us-east-1") }, "IncompleteSignatureException"],
      [
        { ...signedHeaders, authorization: authorization("20261122/us-east-1/rds/aws4_request") },
        "InvalidSignatureException"
      ],
      [
        { ...signedHeaders, authorization: authorization("20261122/us-east-1/rds-data/aws3") },
        "InvalidSignatureException"
      ],
      [
        { ...signedHeaders, authorization: authorization("20261121/us-east-1/rds-data/aws4_request") },
        "InvalidSignatureException"
      ]
    ]
    for (const [headers, code] of cases) {
      const raw = yield* send(url, { path: "/Execute", body: parameters(), headers })
      assert.strictEqual(raw.status, 403)
      assert.strictEqual(codeOf(raw), code)
    }
    const otherRegion = authorization("20261122/eu-west-1/rds-data/aws4_request")
    const elsewhere = yield* send(url, {
      path: "/Execute",
      body: parameters(),
      headers: { ...signedHeaders, authorization: otherRegion }
    })
    assert.strictEqual(codeOf(elsewhere), "HttpEndpointNotEnabledException")
  })
)

it.effect("a wrong signature is refused when the server knows the secret key", () =>
  Effect.gen(function* () {
    const { url } = yield* serve({}, { clusters: any(Redacted.make("the key")) })
    const raw = yield* send(url, { path: "/Execute", body: parameters() })
    assert.deepStrictEqual([raw.status, codeOf(raw)], [403, "InvalidSignatureException"])
  })
)

it.effect("reasons go over the wire as the service's codes, statuses and members", () =>
  Effect.gen(function* () {
    let reason: Reason = DatabaseError.fromMessage("ERROR: division by zero; SQLState: 22012")
    const { url } = yield* serve({ executeStatement: () => reason })
    const answer = Effect.map(call(url, "/Execute", { sql: "x" }), (raw) => [raw.status, codeOf(raw), raw.body])
    assert.deepStrictEqual(yield* answer, [
      400,
      "DatabaseErrorException",
      '{"message":"ERROR: division by zero; SQLState: 22012"}'
    ])
    reason = new StatementTimeout({ message: "canceling", dbConnectionId: 12 })
    assert.deepStrictEqual(yield* answer, [
      400,
      "StatementTimeoutException",
      '{"message":"canceling","dbConnectionId":12}'
    ])
    reason = new DatabaseUnavailable({ message: "gone" })
    assert.deepStrictEqual(yield* answer, [504, "DatabaseUnavailableException", "{}"])
    reason = new InternalServerError({ code: "InternalFailure", message: "infinite" })
    assert.deepStrictEqual(yield* answer, [500, "InternalFailure", "{}"])
  })
)

it.effect("a defect of the engine is an InternalFailure and tells nothing", () =>
  Effect.gen(function* () {
    const { url } = yield* serve({ executeStatement: () => Effect.die(new Error("a secret")) })
    const raw = yield* call(url, "/Execute", { sql: "x" })
    assert.deepStrictEqual([raw.status, codeOf(raw), raw.body], [500, "InternalFailure", "{}"])
  })
)

it.effect("a lost connection is a closed socket without an answer", () =>
  Effect.gen(function* () {
    const { url } = yield* serve({ executeStatement: () => new ConnectionLost({ message: "x" }) })
    const error = yield* Effect.flip(call(url, "/Execute", { sql: "x" }))
    assert.include(error.message, "socket hang up")
  })
)

it.effect("a transaction is found only through the cluster it was begun on", () =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const { url } = yield* serve({}, {}, seen)
    const { transactionId } = JSON.parse((yield* call(url, "/BeginTransaction", {})).body)
    const resourceArn = target.resourceArn.replace("alex-local", "another")
    const raw = yield* call(url, "/CommitTransaction", { transactionId, resourceArn })
    assert.deepStrictEqual([raw.status, codeOf(raw)], [404, "TransactionNotFoundException"])
    assert.strictEqual(seen.length, 1)
    assert.strictEqual((yield* call(url, "/CommitTransaction", { transactionId })).status, 200)
  })
)

it.effect("configured clusters, secrets and callers answer wrong ones as the service does", () =>
  Effect.gen(function* () {
    const cluster = (name: string) => `arn:aws:rds:us-east-1:000000000000:cluster:${name}`
    const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}`
    const password = Redacted.make("right")
    const seen: Array<Seen> = []
    const { url } = yield* serve(
      {},
      {
        clusters: fromConfig({
          clusters: [
            { arn: cluster("orders"), databases: ["orders", "stock"], users: { orders: password } },
            { arn: cluster("off"), httpEndpointEnabled: false },
            { arn: cluster("empty"), instances: 0 },
            { arn: cluster("stopped"), status: "stopped" }
          ],
          secrets: [
            { arn: secret("good"), name: "good-secret-name", username: "orders", password },
            { arn: secret("wrong"), username: "orders", password: Redacted.make("wrong") },
            { arn: secret("half"), username: "orders" },
            { arn: secret("sealed"), username: "orders", password, readable: false }
          ]
        })
      },
      seen
    )
    const answer = (name: string, secretArn: string, database?: string) =>
      Effect.map(call(url, "/Execute", { sql: "x", resourceArn: cluster(name), secretArn, database }), (raw) =>
        raw.status === 200 ? "ok" : `${raw.status} ${codeOf(raw)} ${JSON.parse(raw.body).message ?? ""}`
      )
    assert.strictEqual(yield* answer("orders", secret("good")), "ok")
    assert.strictEqual(yield* answer("orders", "good-secret-name", "stock"), "ok")
    assert.deepStrictEqual(
      seen.map(({ request }) => (request as { readonly database: string }).database),
      ["orders", "stock"]
    )
    const disabled = "400 HttpEndpointNotEnabledException HttpEndpoint is not enabled for resource "
    assert.strictEqual(yield* answer("unknown", secret("good")), disabled + cluster("unknown"))
    assert.strictEqual(yield* answer("off", secret("good")), disabled + cluster("off"))
    assert.include(yield* answer("empty", secret("good")), "404 DatabaseNotFoundException")
    assert.include(yield* answer("stopped", secret("good")), "400 InvalidResourceStateException")
    assert.include(yield* answer("orders", secret("missing")), "400 SecretsErrorException")
    assert.include(yield* answer("orders", secret("sealed")), "400 SecretsErrorException")
    assert.include(yield* answer("orders", secret("half")), "400 InvalidSecretException")
    assert.strictEqual(
      yield* answer("orders", secret("wrong")),
      '400 DatabaseErrorException ERROR: password authentication failed for user "orders"; SQLState: 28P01'
    )
    assert.strictEqual(
      yield* answer("orders", secret("good"), "nope"),
      '400 DatabaseErrorException ERROR: database "nope" does not exist; SQLState: 3D000'
    )
    assert.strictEqual(seen.length, 2)
  })
)

it.effect("IAM's refusals: an unknown access key, and an operation that is denied", () =>
  Effect.gen(function* () {
    const config = { clusters: [{ arn: target.resourceArn }] as const, secrets: [] }
    const stranger = yield* serve(
      {},
      { clusters: fromConfig({ ...config, callers: [{ accessKeyId: "AKIDOTHER", arn: "arn:aws:iam::1:user/o" }] }) }
    )
    const unknown = yield* call(stranger.url, "/Execute", { sql: "x" })
    assert.deepStrictEqual([unknown.status, codeOf(unknown)], [403, "UnrecognizedClientException"])
    const reader = yield* serve(
      {},
      {
        clusters: fromConfig({
          ...config,
          callers: [{ accessKeyId: "AKIDLOCAL", arn: "arn:aws:iam::1:user/r", denied: ["BeginTransaction"] }]
        })
      }
    )
    const denied = yield* call(reader.url, "/BeginTransaction", {})
    assert.deepStrictEqual([denied.status, codeOf(denied)], [403, "AccessDeniedException"])
    assert.include(
      denied.body,
      `User: arn:aws:iam::1:user/r is not authorized to perform: rds-data:BeginTransaction on resource: ${target.resourceArn}`
    )
  })
)

it.effect("each request is logged with its operation, rows, transaction and error", () =>
  Effect.gen(function* () {
    const log: Array<RequestLog> = []
    const { url } = yield* serve(
      { batchExecuteStatement: () => DatabaseError.fromMessage("ERROR: no; SQLState: 22012") },
      { onRequest: (entry) => void log.push(entry) }
    )
    const { transactionId } = JSON.parse((yield* call(url, "/BeginTransaction", {})).body)
    yield* call(url, "/Execute", { sql: "select 1", transactionId })
    yield* call(url, "/BatchExecute", { sql: "x" })
    yield* send(url, { path: "/nowhere" })
    assert.deepStrictEqual(
      log.map(({ error, operation, rows, status, transactionId }) => ({
        error,
        operation,
        rows,
        status,
        transactionId
      })),
      [
        { operation: "BeginTransaction", status: 200, rows: undefined, error: undefined, transactionId },
        { operation: "ExecuteStatement", status: 200, rows: 1, error: undefined, transactionId },
        {
          operation: "BatchExecuteStatement",
          status: 400,
          rows: undefined,
          error: "DatabaseErrorException",
          transactionId: undefined
        },
        {
          operation: "/nowhere",
          status: 404,
          rows: undefined,
          error: "UnknownOperationException",
          transactionId: undefined
        }
      ]
    )
  })
)

it.effect("closing answers what is under way and refuses what comes later", () =>
  Effect.gen(function* () {
    const started = yield* Deferred.make<void>()
    const finish = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    const slow = Deferred.succeed(started, undefined).pipe(Effect.andThen(Deferred.await(finish)))
    const { url } = yield* serve({
      executeStatement: () => Effect.andThen(slow, Effect.die("answered")) as Effect.Effect<never>
    }).pipe(Scope.provide(scope))
    const running = yield* Effect.forkChild(call(url, "/Execute", { sql: "x" }))
    yield* Deferred.await(started)
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    yield* Effect.yieldNow
    yield* Deferred.succeed(finish, undefined)
    assert.strictEqual((yield* Fiber.join(running)).status, 500)
    yield* Fiber.join(closing)
    const refused = yield* Effect.flip(call(url, "/Execute", { sql: "x" }))
    assert.include(refused.message, "ECONNREFUSED")
  })
)

it.effect("a port in use is one clear line", () =>
  Effect.gen(function* () {
    const { port } = yield* serve()
    const error = yield* Effect.flip(serve({}, { port }))
    assert.strictEqual(
      error.message,
      `Can't listen: port ${port} on 127.0.0.1 is in use. Choose another port, or 0 for any that is free.`
    )
  })
)

it.effect("bytes that are not HTTP get a well-formed error", () =>
  Effect.gen(function* () {
    const { url } = yield* serve()
    assert.include(yield* sendBytes(url, "NONSENSE\r\n\r\n"), "MalformedHttpRequestException")
    const giant = `POST /Execute HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(40_000)}\r\n\r\n`
    const refused = yield* sendBytes(url, giant)
    assert.include(refused, "HTTP/1.1 431 ")
    assert.include(refused, "The request's headers are too large")
  })
)

it.effect("the layer serves the DataApi it is given", () =>
  Effect.gen(function* () {
    const { url } = yield* HttpServer
    assert.strictEqual((yield* call(url, "/Execute", { sql: "x" })).status, 200)
  }).pipe(Effect.provide(HttpServer.layer({ port: 0 }).pipe(Layer.provide(layerScripted()))))
)
