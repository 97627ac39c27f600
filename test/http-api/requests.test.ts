import { createServer } from "node:http"
import { connect } from "node:net"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ByteSize, Effect, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest } from "effect/http"
import { SqlClient } from "effect/sql"
import { routes } from "../examples/AlexService.ts"
import { embedded } from "../repository/TestRepositories.ts"

const served = HttpRouter.serve(routes, { disableLogger: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
)

interface Answer {
  readonly status: number
  readonly text: string
}

const json = { "content-type": "application/json" }

/** Sends a request byte for byte, as no client of HTTP would mend it. */
const sent = Effect.fnUntraced(function* (
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Readonly<Record<string, string>> = json
) {
  const { address } = yield* HttpServer.HttpServer
  const port = "port" in address ? address.port : 0
  const bytes = Buffer.from(body ?? "")
  const all = {
    host: "127.0.0.1",
    authorization: "Bearer ann",
    connection: "close",
    ...(body !== undefined && { "content-length": String(bytes.length), ...headers })
  }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return yield* Effect.callback<Answer>((resume) => {
    let answer = ""
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n`), bytes]))
    })
    socket.on("data", (data) => {
      answer += data.toString()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => {
      const text = answer.slice(answer.indexOf("\r\n\r\n") + 4)
      resume(Effect.succeed({ status: Number(answer.slice(9, 12)), text }))
    })
  })
})

const created = Effect.fnUntraced(function* (path: string, body: unknown) {
  const { status, text } = yield* sent("POST", path, JSON.stringify(body))
  assert.strictEqual(status, 201, text)
  return JSON.parse(text)
})

const accounts = Effect.map(sent("GET", "/accounts"), ({ text }) => JSON.parse(text).items)

layer(served.pipe(Layer.provideMerge(embedded)), { timeout: "60 seconds", excludeTestServices: true })(
  "requests as strangers send them",
  (it) => {
    it.effect(
      "a number that JSON.parse would round is refused by its path, in every field, and nothing is stored",
      () =>
        Effect.gen(function* () {
          yield* sent("GET", "/user")
          const before = yield* sent("GET", "/user")
          const { id } = yield* created("/accounts", { account_name: "exact" })
          const own = yield* accounts
          for (const [method, path, body, at] of [
            ["POST", "/accounts", '{"account_name":"a","cash_balance":1234.560000000000000001}', "cash_balance"],
            ["POST", "/accounts", '{"account_name":"a","cash_balance":9007199254740993}', "cash_balance"],
            ["POST", "/accounts", '{"account_name":"a","cash_balance":1e-400}', "cash_balance"],
            ["POST", "/accounts", '{"account_name":"a","cash_balance":1e400}', "cash_balance"],
            ["POST", "/accounts", '{"account_name":"a","cash_interest":0.04500000000000000000001}', "cash_interest"],
            ["PUT", `/accounts/${id}`, '{"cash_balance":1.0000000000000000001}', "cash_balance"],
            ["PUT", "/user", '{"years_until_retirement":20.00000000000000001}', "years_until_retirement"],
            ["PUT", "/user", '{"target_retirement_income":80000.500000000000001}', "target_retirement_income"],
            ["PUT", "/user", '{"region_targets":{"africa":100.00000000000000001}}', "region_targets.africa"],
            [
              "POST",
              "/positions",
              `{"account_id":"${id}","symbol":"SPY","quantity":123456789012.12345678}`,
              "quantity"
            ],
            [
              "POST",
              "/jobs",
              '{"job_type":"portfolio_analysis","request_payload":[0,{"n":9007199254740993}]}',
              "payload.1.n"
            ]
          ] as const) {
            const { status, text } = yield* sent(method, path, body)
            assert.strictEqual(status, 400, body)
            assert.include(text, `${at}","message":"has more digits than a JSON number keeps`)
          }
          assert.deepStrictEqual(yield* accounts, own)
          assert.strictEqual((yield* sent("GET", "/user")).text, before.text)
          const { items } = JSON.parse((yield* sent("GET", `/accounts/${id}/positions`)).text)
          assert.deepStrictEqual(items, [])
        })
    )

    it.effect(
      "a job that is too large is refused as such, also where it is larger than the database takes a request",
      () =>
        Effect.gen(function* () {
          yield* sent("GET", "/user")
          for (const size of [1_000_000, 5_000_000]) {
            const payload = JSON.stringify({ job_type: "portfolio_analysis", request_payload: "x".repeat(size) })
            const { status, text } = yield* sent("POST", "/jobs", payload)
            assert.strictEqual(status, 413, text)
            assert.include(text, `"_tag":"JobTooLarge","job_id":null,"bytes":${size + 2},"limit":900000`)
          }
        })
    )

    it.effect("a position is put in the instrument of just this spelling, which another program has stored", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sent("GET", "/user")
        const { id: account_id } = yield* created("/accounts", { account_name: "Coins" })
        yield* sql`INSERT INTO instruments (symbol, name) VALUES ('tiny-usd', 'Of another program')`
        const put = (symbol: string) => created("/positions", { account_id, symbol, quantity: 1 })
        assert.strictEqual((yield* put("tiny-usd")).symbol, "tiny-usd")
        assert.strictEqual((yield* put("new-usd")).symbol, "NEW-USD")
        assert.strictEqual((yield* put("new-usd")).symbol, "NEW-USD")
      })
    )

    it.effect("a number is read exactly in each form that keeps it, and text with every digit", () =>
      Effect.gen(function* () {
        yield* sent("GET", "/user")
        for (const [written, kept] of [
          ["1234.5600000000000000000", "1234.56"],
          ["1E3", "1000"],
          ["0.10", "0.1"],
          ["-0", "0"],
          ["9999999999.99", "9999999999.99"]
        ] as const) {
          const { text } = yield* sent("POST", "/accounts", `{"account_name":"a","cash_balance":${written}}`)
          assert.strictEqual(JSON.parse(text).cash_balance, kept)
        }
        const { id } = yield* created("/accounts", { account_name: '9007199254740993 "1e999", \\' })
        const quantity = "123456789012.12345678"
        assert.deepInclude(yield* created("/positions", { account_id: id, symbol: "VTI", quantity }), { quantity })
        const job = `{"job_type":"portfolio_analysis","request_payload":{"__proto__":{"a":0.1},"\\"":[1,2,[3,{}]],"":1}}`
        const { text } = yield* sent("POST", "/jobs", job)
        const found = yield* sent("GET", `/jobs/${JSON.parse(text).id}`)
        const payload = JSON.parse(found.text).request_payload
        assert.deepStrictEqual(Object.keys(payload).sort(), ["", '"', "__proto__"])
        assert.deepStrictEqual(Object.getOwnPropertyDescriptor(payload, "__proto__")?.value, { a: 0.1 })
      })
    )

    it.effect(
      "the request of a job keeps its names, whatever names were read before, and is refused if not storable",
      () =>
        Effect.gen(function* () {
          yield* sent("GET", "/user")
          const job = (payload: string) => `{"job_type":"portfolio_analysis","request_payload":${payload}}`
          // After such a name V8 reads escapes at its place for it.
          yield* sent("POST", "/jobs", job('{"a":1,"\\\\":2}'))
          const { text } = yield* sent("POST", "/jobs", job('{"a":1,"\\"":2}'))
          const found = yield* sent("GET", `/jobs/${JSON.parse(text).id}`)
          assert.include(found.text, '"\\"":2')
          yield* sent("POST", "/jobs", job('{"a":1,"\\\\u0000":2}'))
          const before = yield* sent("GET", "/jobs")
          for (const name of ["\\u0000", "\\ud800"]) {
            const refused = yield* sent("POST", "/jobs", job(`{"a":1,"${name}":2}`))
            assert.strictEqual(refused.status, 400, refused.text)
          }
          assert.deepStrictEqual(yield* sent("GET", "/jobs"), before)
        })
    )

    it.effect(
      "a member that is unknown, misspelt or written twice is refused by name, with the one that is meant",
      () =>
        Effect.gen(function* () {
          yield* sent("GET", "/user")
          const before = [yield* accounts, (yield* sent("GET", "/user")).text]
          for (const [method, path, body, ...said] of [
            [
              "POST",
              "/accounts",
              '{"account_name":"a","acount_purpose":"b"}',
              "acount_purpose",
              "mean account_purpose?"
            ],
            ["POST", "/accounts", '{"accountName":"a"}', "mean account_name?", '"account_name","message":"is missing'],
            ["POST", "/accounts", '{"account_name":"a","clerk_user":"eve"}', "clerk_user", "leave it out"],
            ["POST", "/accounts", '{"account_name":"a","__proto__":{"cash_balance":5}}', "__proto__", "leave it out"],
            ["POST", "/accounts", '{"account_name":"a","toString":5}', "toString", "leave it out"],
            ["POST", "/accounts", '{"account_name":"a","account_name":"b"}', "account_name", "comes twice"],
            ["POST", "/accounts", '{"account_name":"a","acc\\u006funt_name":"b"}', "account_name", "comes twice"],
            ["PUT", "/user", '{"display_nmae":"x"}', "display_nmae", "mean display_name?"],
            ["PUT", "/user", '{"region_targets":{"africa":100,"europ":5}}', "region_targets.europ", "mean europe?"],
            ["PUT", "/user", '{"region_targets":{"antarctica":5}}', "region_targets.antarctica", "one of north_america"]
          ] as const) {
            const { status, text } = yield* sent(method, path, body)
            assert.strictEqual(status, 400, body)
            for (const one of said) assert.include(text, one)
          }
          assert.deepStrictEqual([yield* accounts, (yield* sent("GET", "/user")).text], before)
        })
    )

    it.effect("what was read can be sent back with a change: what the service sets itself stays as it is", () =>
      Effect.gen(function* () {
        yield* sent("GET", "/user")
        const body = (value: unknown) => JSON.stringify(value)
        const read = (answer: { readonly text: string }) => JSON.parse(answer.text)
        const account = read(yield* sent("POST", "/accounts", body({ account_name: "Mine", clerk_user_id: "eve" })))
        assert.notStrictEqual(account.clerk_user_id, "eve")
        const renamed = { ...account, account_name: "Ours", clerk_user_id: "eve", created_at: "1999-01-01" }
        const changed = yield* sent("PUT", `/accounts/${account.id}`, body(renamed))
        assert.strictEqual(changed.status, 200, changed.text)
        const { updated_at: _before, ...others } = account
        const { updated_at: _after, ...now } = read(changed)
        assert.deepStrictEqual(now, { ...others, account_name: "Ours" })
        const put = { account_id: account.id, symbol: "SPY", quantity: 5 }
        const position = read(yield* sent("POST", "/positions", body(put)))
        const [held] = read(yield* sent("GET", `/accounts/${account.id}/positions`)).items
        const sold = yield* sent("PUT", `/positions/${position.id}`, body({ ...held, symbol: "QQQ", quantity: 2 }))
        assert.deepInclude(read(sold), { symbol: "SPY", quantity: "2" })
        const { user } = read(yield* sent("GET", "/user"))
        const named = yield* sent("PUT", "/user", body({ ...user, clerk_user_id: "eve", display_name: "Ann" }))
        assert.deepInclude(read(named), { clerk_user_id: user.clerk_user_id, display_name: "Ann" })
        yield* sent("DELETE", `/accounts/${account.id}`)
      })
    )

    it.effect("a body that is no JSON object in UTF-8 is refused with what to send", () =>
      Effect.gen(function* () {
        yield* sent("GET", "/user")
        const before = yield* accounts
        const typed = (type: string) => ({ "content-type": type })
        for (const [status, said, body, headers] of [
          [400, "the body is empty", "", json],
          [400, "the body is empty", " \r\n", json],
          [400, "expected JSON", "hello", json],
          [400, "expected JSON", '{"account_name":"a"', json],
          [400, "expected JSON", "{'account_name':'a'}", json],
          [400, "expected JSON", '{"account_name":NaN}', json],
          [400, "expected JSON", "[".repeat(500_000), json],
          [400, "expected a JSON object", "[]", json],
          [400, "expected a JSON object", "null", json],
          [400, "expected a JSON object", '"a"', json],
          [400, "leave it out", `{"account_name":"a","x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, json],
          [400, "UTF-8", Buffer.from('\ufeff{"account_name":"a"}', "utf16le"), json],
          [400, "UTF-8", '{"account_name":"é"}', typed("application/json; charset=ISO-8859-1")],
          [400, "surrogate pair", '{"account_name":"\\ud800"}', json],
          [400, "NUL", '{"account_name":"\\u0000"}', json],
          [415, "content-type: application/json", "account_name=a", typed("application/x-www-form-urlencoded")],
          [415, "content-type: application/json", '{"account_name":"a"}', typed("text/plain")],
          [415, "content-type: application/json", '{"account_name":"a"}', typed("nonsense")],
          [415, "without a content-encoding", '{"account_name":"a"}', { ...json, "content-encoding": "gzip" }]
        ] as const) {
          const answer = yield* sent("POST", "/accounts", body, headers)
          assert.strictEqual(answer.status, status, answer.text)
          assert.include(answer.text, said)
        }
        assert.deepStrictEqual(yield* accounts, before)
        for (const headers of [{}, json, typed('Application/JSON; Charset="UTF-8"')]) {
          const taken = yield* sent("POST", "/accounts", '\ufeff{"account_name":"é"}', headers)
          assert.strictEqual(JSON.parse(taken.text).account_name, "é")
        }
      })
    )

    it.effect("a request to delete one account, badly written, does not delete them all", () =>
      Effect.gen(function* () {
        yield* sent("GET", "/user")
        const { id } = yield* created("/accounts", { account_name: "kept" })
        for (const [path, body] of [
          [`/accounts?id=${id}`, undefined],
          [`/accounts;id=${id}`, undefined],
          ["/accounts/", undefined],
          ["/accounts//", undefined],
          ["/accounts/?", undefined],
          ["/accounts/undefined", undefined],
          ["/accounts/%20", undefined],
          ["/accounts", JSON.stringify({ id })],
          ["/accounts", "id=1"]
        ] as const) {
          const { status, text } = yield* sent("DELETE", path, body)
          assert.strictEqual(status, 400, path)
          assert.include(text, "problems")
        }
        assert.include(
          (yield* accounts).map((one: { readonly id: string }) => one.id),
          id
        )
        assert.strictEqual((yield* sent("DELETE", "/accounts", "{}")).status, 200)
      })
    )

    it.effect("a request to delete all accounts says how many there were, with those that can't be read", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sent("GET", "/user")
        yield* sent("DELETE", "/accounts")
        for (const account_name of ["kept", "broken", "broken"]) yield* created("/accounts", { account_name })
        yield* sql`ALTER TABLE accounts DROP CONSTRAINT accounts_cash_balance_check`
        yield* sql`UPDATE accounts SET cash_balance = 'NaN' WHERE account_name = 'broken'`
        assert.deepStrictEqual(yield* sent("DELETE", "/accounts"), { status: 200, text: '{"deleted":3}' })
        yield* sql`
          ALTER TABLE accounts
            ADD CONSTRAINT accounts_cash_balance_check CHECK (cash_balance >= 0 AND cash_balance < 'NaN')`
      })
    )

    it.effect("a write on a condition that does not hold is refused, and any other is done", () =>
      Effect.gen(function* () {
        yield* sent("GET", "/user")
        const { id } = yield* created("/accounts", { account_name: "before" })
        const account = `/accounts/${id}`
        const position = JSON.stringify({ account_id: id, symbol: "SPY", quantity: 1 })
        const named = (name: string) => JSON.stringify({ account_name: name })
        for (const headers of [{ "if-match": '"33a64df5"' }, { "if-match": 'W/"a", "b"' }, { "if-none-match": "*" }]) {
          for (const [method, path, body] of [
            ["PUT", account, named("after")],
            ["DELETE", account, ""],
            ["DELETE", "/accounts", ""],
            ["POST", "/positions", position]
          ] as const) {
            const { status, text } = yield* sent(method, path, body, { ...json, ...headers })
            assert.strictEqual(status, 412, `${method} ${path} ${JSON.stringify(headers)}`)
            assert.include(text, "leave out the header If-")
          }
        }
        assert.deepInclude(
          yield* accounts,
          JSON.parse((yield* sent("GET", "/accounts", "", { "if-match": '"a"' })).text).items[0]
        )
        for (const headers of [{ "if-match": "*" }, { "if-none-match": '"a"' }]) {
          const { status, text } = yield* sent("PUT", account, named(JSON.stringify(headers)), { ...json, ...headers })
          assert.strictEqual(status, 200, text)
        }
        yield* sent("DELETE", account)
      })
    )

    it.effect("a parameter of the query that is unknown or comes twice is refused, as it would filter nothing", () =>
      Effect.gen(function* () {
        for (const [path, said] of [
          ["/jobs?stauts=failed", "did you mean status?"],
          ["/jobs?limit=1&limit=2", "more than once"],
          ["/jobs?__proto__=1", "use one of status, after, limit"],
          ["/instruments?serch=x", "did you mean search?"],
          ["/accounts?limit=1", "leave it out"],
          ["/user?clerk_user_id=eve", "leave it out"]
        ] as const) {
          const { status, text } = yield* sent("GET", path)
          assert.strictEqual(status, 400, path)
          assert.include(text, said)
        }
      })
    )

    it.effect("a limit is a number in digits, and nothing else that JavaScript reads as one", () =>
      Effect.gen(function* () {
        for (const path of ["/instruments", "/jobs"]) {
          for (const limit of ["0x10", "0b1", "1e1", " 5", "5 ", "+5", "5.0", "5;", "", "-1", "0", "201", "Infinity"]) {
            const { status, text } = yield* sent("GET", `${path}?limit=${encodeURIComponent(limit)}`)
            assert.strictEqual(status, 400, limit)
            assert.match(text, /"path":"limit","message":"expected a number from 1 to [12]00"/)
          }
          assert.strictEqual((yield* sent("GET", `${path}?limit=007`)).status, 200)
        }
      })
    )

    it.effect("what is expected is said in words, and not in types of the code", () =>
      Effect.gen(function* () {
        yield* sent("GET", "/user")
        for (const [field, expected] of [
          ["display_name", "expected text or null"],
          ["years_until_retirement", "expected a number or null"],
          ["target_retirement_income", "expected a number or text or null"]
        ] as const) {
          const { text } = yield* sent("PUT", "/user", JSON.stringify({ [field]: [] }))
          assert.include(text, `"path":"${field}","message":"${expected}"`)
        }
        const { text } = yield* sent("GET", "/jobs?status=done")
        assert.include(JSON.parse(text).problems[0].message, 'expected one of "pending", "running", "completed"')
      })
    )

    it.effect("no method and no path is an error of the server", () =>
      Effect.gen(function* () {
        for (const id of ["%00", "%2F", "%", "%zz", "%ff", "nonsense", "..", "%2e%2e", "a".repeat(300)]) {
          for (const [method, path] of [
            ["GET", `/accounts/${id}/positions`],
            ["HEAD", `/accounts/${id}/positions`],
            ["DELETE", `/positions/${id}`],
            ["GET", `/jobs/${id}`]
          ] as const) {
            const { status } = yield* sent(method, path)
            assert.include([400, 404], status, `${method} ${path}`)
          }
        }
        for (const method of ["POST", "PATCH", "QUERY"]) {
          assert.strictEqual((yield* sent(method, "/user")).status, 405, method)
        }
        for (const method of ["TRACE", "PURGE"]) {
          assert.include([400, 404, 405, 501], (yield* sent(method, "/user")).status, method)
        }
        for (const path of ["/user", "/accounts", "/jobs"]) {
          assert.deepStrictEqual(yield* sent("HEAD", path), { status: 200, text: "" })
        }
      })
    )
  }
)

layer(
  served.pipe(
    Layer.provideMerge(embedded),
    Layer.provide(Layer.succeed(HttpServerRequest.MaxBodySize, ByteSize.fromInputUnsafe("1 KiB")))
  ),
  { timeout: "60 seconds", excludeTestServices: true }
)("a service that takes small bodies only", (it) => {
  it.effect("answers 413 for a larger one", () =>
    Effect.gen(function* () {
      const { status } = yield* sent("POST", "/accounts", `{"account_name":"${"a".repeat(5000)}"}`)
      assert.strictEqual(status, 413)
    })
  )
})
