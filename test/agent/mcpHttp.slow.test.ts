/** Many users over HTTP: whose a request is says its token alone. */
import { createHmac } from "node:crypto"
import { createServer, request as httpRequest } from "node:http"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { UnsecuredJWT } from "jose"
import { vi } from "vitest"
import { type HttpOptions, serve } from "../../src/agent/mcp/http/McpHttp.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { listening } from "../listening.ts"
import { embedded } from "../repository/TestRepositories.ts"
import { attempts } from "./attempts.ts"
import { answersOf, looseMessages, oddMessages } from "./oddMessages.ts"
import { person, stateOf } from "./People.ts"
import { audience, Issuer, issuer } from "./TokenIssuer.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

type Json = ReturnType<typeof JSON.parse>

const opened = (options: Partial<HttpOptions> = {}) =>
  Effect.gen(function* () {
    const { jwks } = yield* Issuer
    const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
    const url = yield* serve({
      database: Layer.succeedContext(context),
      granted: new Set(grants),
      version: "0",
      host: "127.0.0.1",
      port: 0,
      identity: { jwks, issuer, claim: "sub", audience },
      limits: { budget: "5 minutes" },
      ...options
    })
    return url
  })

interface Asked {
  readonly authorization?: string | undefined
  readonly session?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

/** A message to the server, as a client of the version 2025-06-18 sends it. */
const post = (url: URL, message: unknown, asked: Asked = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, {
      method: asked.method ?? "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2025-06-18",
        ...(asked.authorization === undefined ? {} : { authorization: asked.authorization }),
        ...(asked.session === undefined ? {} : { "mcp-session-id": asked.session }),
        ...asked.headers
      },
      ...(message === undefined ? {} : { body: typeof message === "string" ? message : JSON.stringify(message) })
    })
    const text = await response.text()
    const json = text.startsWith("event:") || text.startsWith("data:") ? text.replace(/^[\s\S]*?data: /, "") : text
    const body: Json = json.startsWith("{") ? JSON.parse(json) : text
    return { status: response.status, headers: response.headers, body, text }
  })

const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "0" } }
}

/** A client of one user. */
const connect = Effect.fnUntraced(function* (url: URL, token: string) {
  const authorization = `Bearer ${token}`
  const begun = yield* post(url, initialize, { authorization })
  assert.strictEqual(begun.status, 200, begun.text)
  const session = begun.headers.get("mcp-session-id") ?? assert.fail("no session")
  yield* post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, { authorization, session })
  let id = 0
  const call = (name: string, args: unknown = {}, asked: Asked = {}) =>
    post(
      url,
      { jsonrpc: "2.0", id: ++id, method: "tools/call", params: { name, arguments: args } },
      { authorization, session, ...asked }
    )
  return { call, session, authorization }
})

layer(Layer.provideMerge(Issuer.layer, embedded), { excludeTestServices: true })("alex-db mcp over HTTP", (it) => {
  it.effect("a user's token opens that user's data, by the protocols with sessions and without", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const alice = yield* person("alice")
      const url = yield* opened()
      const { call } = yield* connect(url, yield* Effect.promise(() => token(alice.user)))
      const answered = yield* call("list_accounts")
      assert.strictEqual(answered.body.result.structuredContent.accounts[0].account_name, alice.mark)
      const stateless = yield* post(
        url,
        {
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: {
            name: "read_job",
            arguments: { job_id: alice.job },
            _meta: {
              "io.modelcontextprotocol/protocolVersion": "2026-07-28",
              "io.modelcontextprotocol/clientInfo": { name: "test", version: "0" },
              "io.modelcontextprotocol/clientCapabilities": {}
            }
          }
        },
        {
          authorization: `Bearer ${yield* Effect.promise(() => token(alice.user))}`,
          headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "read_job" }
        }
      )
      assert.include(stateless.text, alice.mark)
      const nobody = yield* connect(url, yield* Effect.promise(() => token("user_nobody")))
      assert.include((yield* nobody.call("list_accounts")).text, "UserNotFound")
    }).pipe(Effect.scoped)
  )

  it.effect(
    "a request without a token that the issuer signed for this server is refused, and told where to get one",
    () =>
      Effect.gen(function* () {
        const { claims, foreign, kid, now, publicPem, sign } = yield* Issuer
        const alice = yield* person("alice")
        const url = yield* opened()
        const good = claims(alice.user)
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
        const hs256 = `${part({ alg: "HS256", typ: "JWT", kid })}.${part(good)}`
        const { aud: _a, ...noAudience } = good
        const { iss: _i, ...noIssuer } = good
        const { exp: _e, ...forever } = good
        const { sub: _s, ...nobody } = good
        const signed = yield* Effect.promise(() => sign(good))
        const tokens: Readonly<Record<string, string>> = {
          none: "",
          "not a token": "Bearer alice",
          "another scheme": `Basic ${signed}`,
          "two tokens": `Bearer ${signed} ${signed}`,
          "signed by another": `Bearer ${yield* Effect.promise(() => sign(good, foreign))}`,
          "signed by another under another name": `Bearer ${yield* Effect.promise(() => sign(good, foreign, { kid: "x" }))}`,
          expired: `Bearer ${yield* Effect.promise(() => sign({ ...good, exp: now - 60 }))}`,
          "without an end": `Bearer ${yield* Effect.promise(() => sign(forever))}`,
          "not valid yet": `Bearer ${yield* Effect.promise(() => sign({ ...good, nbf: now + 600 }))}`,
          "for another server": `Bearer ${yield* Effect.promise(() => sign({ ...good, aud: "other" }))}`,
          "for no server": `Bearer ${yield* Effect.promise(() => sign(noAudience))}`,
          "of another issuer": `Bearer ${yield* Effect.promise(() => sign({ ...good, iss: "https://evil.example" }))}`,
          "of no issuer": `Bearer ${yield* Effect.promise(() => sign(noIssuer))}`,
          unsigned: `Bearer ${new UnsecuredJWT(good).encode()}`,
          "alg none with a signature": `Bearer ${part({ alg: "none" })}.${signed.split(".").slice(1).join(".")}`,
          "signature cut off": `Bearer ${signed.split(".").slice(0, 2).join(".")}.`,
          "another's claims under the signature": `Bearer ${signed.split(".")[0]}.${part({ ...good, sub: "user_bob" })}.${signed.split(".")[2]}`,
          "signed with the public key": `Bearer ${hs256}.${createHmac("sha256", publicPem).update(hs256).digest("base64url")}`,
          "for nobody": `Bearer ${yield* Effect.promise(() => sign(nobody))}`,
          "for a list of users": `Bearer ${yield* Effect.promise(() => sign({ ...good, sub: [alice.user] }))}`,
          "for an empty name": `Bearer ${yield* Effect.promise(() => sign({ ...good, sub: "" }))}`,
          "with keys of its own": `Bearer ${yield* Effect.promise(() => sign(good, foreign, { jku: "http://127.0.0.1:1/", kid: undefined }))}`,
          "too long": `Bearer ${"a".repeat(20_000)}`
        }
        for (const [what, authorization] of Object.entries(tokens)) {
          for (const message of [
            initialize,
            { ...initialize, method: "tools/call", params: { name: "list_accounts" } }
          ]) {
            const refused = yield* post(url, message, what === "none" ? {} : { authorization })
            // Node itself refuses headers of that length.
            if (what === "too long" && refused.status === 431) continue
            assert.strictEqual(refused.status, 401, what)
            const challenge = refused.headers.get("www-authenticate") ?? ""
            assert.include(
              challenge,
              `resource_metadata="${url.origin}/.well-known/oauth-protected-resource/mcp"`,
              what
            )
            assert.notInclude(refused.text, alice.mark, what)
          }
        }
        process.stdout.write(`${Object.keys(tokens).length} kinds of tokens were refused\n`)
      }).pipe(Effect.scoped)
  )

  it.effect("says which issuer protects it, and answers nothing under other names, origins, paths and methods", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const alice = yield* person("alice")
      const url = yield* opened({ allowedOrigins: ["https://app.example"] })
      const authorization = `Bearer ${yield* Effect.promise(() => token(alice.user))}`
      for (const path of ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]) {
        const { body } = yield* Effect.promise(async () => ({ body: await (await fetch(new URL(path, url))).json() }))
        assert.deepInclude(body, { resource: url.href, authorization_servers: [issuer] })
      }
      const status = (message: unknown, asked: Asked, to = url) =>
        Effect.map(post(to, message, asked), (one) => one.status)
      const from = (origin: string) => status(initialize, { authorization, headers: { origin } })
      assert.strictEqual(yield* from("https://app.example"), 200)
      // A page behind the proxy that also serves this address, with and without TLS.
      assert.strictEqual(yield* from(url.origin), 200)
      assert.strictEqual(yield* from(`https://${url.host}`), 200)
      const elsewhere = `http://127.0.0.1:${Number(url.port) ^ 1}`
      const others = ["https://evil.example", "null", "", "http://127.0.0.1", "https://app.example.evil.example"]
      for (const origin of [
        ...others,
        elsewhere,
        `http://localhost:${url.port}`,
        `http://evil.example@${url.host}.example`
      ]) {
        assert.strictEqual(yield* from(origin), 403, origin)
      }
      for (const host of ["evil.example", "127.0.0.1.evil.example", "10.0.0.7", ""]) {
        assert.strictEqual(yield* withHost(url, host, authorization), host === "" ? 400 : 403, host)
      }
      assert.strictEqual(yield* status(initialize, { authorization }, new URL("/", url)), 404)
      assert.strictEqual(yield* status(undefined, { authorization, method: "GET" }), 405)
      assert.strictEqual(yield* status(undefined, { authorization, method: "PUT" }), 405)
      assert.strictEqual((yield* post(url, "{not json", { authorization })).body.error.code, -32700)
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
      const nested = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_accounts","arguments":${deep}}}`
      assert.deepInclude((yield* post(url, nested, { authorization })).body, {
        id: 7,
        error: { code: -32602, message: "Invalid params: nested too deep. Send flatter arguments" }
      })
      assert.strictEqual(yield* status(" ".repeat(5_000_000), { authorization }), 413)
    }).pipe(Effect.scoped)
  )

  it.effect("behind a proxy is found under the path that clients know, and its metadata where that path leads", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const alice = yield* person("alice")
      const authorization = `Bearer ${yield* Effect.promise(() => token(alice.user))}`
      const known = "/.well-known/oauth-protected-resource"
      for (const [given, metadata] of [
        ["https://alex.example/tools/v1/mcp", `${known}/tools/v1/mcp`],
        ["https://alex.example/tools/", `${known}/tools`],
        ["https://alex.example", known]
      ] as const) {
        const resource = new URL(given)
        const port = yield* freePort
        yield* opened({ resource, port })
        const at = (path: string) => new URL(path, `http://127.0.0.1:${port}`)
        const { headers } = yield* post(at("/mcp"), initialize)
        assert.include(headers.get("www-authenticate"), `resource_metadata="https://alex.example${metadata}"`)
        for (const path of [metadata, known, `${known}/mcp`]) {
          const { body } = yield* post(at(path), undefined, { method: "GET" })
          assert.strictEqual(body.resource, resource.href, path)
        }
        for (const path of ["/mcp", resource.pathname]) {
          assert.strictEqual((yield* post(at(path), initialize, { authorization })).status, 200, path)
        }
        for (const path of ["/tools", "/mcp/", `${resource.pathname}x`]) {
          assert.strictEqual((yield* post(at(path), initialize, { authorization })).status, 404, path)
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect(
    "lets web pages of an allowed origin ask beforehand, send requests and read the answers, and no others",
    () =>
      Effect.gen(function* () {
        const { token } = yield* Issuer
        const alice = yield* person("alice")
        const origin = "https://app.example"
        const url = yield* opened({ allowedOrigins: [origin] })
        const authorization = `Bearer ${yield* Effect.promise(() => token(alice.user))}`
        const asks = (headers: Readonly<Record<string, string>>, to = url) =>
          post(to, undefined, {
            method: "OPTIONS",
            headers: {
              "access-control-request-method": "POST",
              "access-control-request-headers": "authorization,content-type,mcp-protocol-version,mcp-session-id",
              ...headers
            }
          })
        const metadata = new URL("/.well-known/oauth-protected-resource/mcp", url)
        for (const to of [url, metadata]) {
          // A browser sends no token with this question.
          const { headers, status } = yield* asks({ origin }, to)
          assert.strictEqual(status, 204)
          assert.strictEqual(headers.get("access-control-allow-origin"), origin)
          assert.include(headers.get("access-control-allow-methods"), "DELETE")
          assert.include(headers.get("access-control-allow-headers"), "mcp-session-id")
          const refused = yield* asks({ origin: "https://evil.example" }, to)
          assert.strictEqual(refused.status, 403)
          assert.isNull(refused.headers.get("access-control-allow-origin"))
        }
        assert.strictEqual((yield* asks({})).status, 401)
        const page = { headers: { origin } }
        const begun = yield* post(url, initialize, { authorization, ...page })
        const session = begun.headers.get("mcp-session-id") ?? assert.fail("no session")
        const list = { jsonrpc: "2.0", id: 1, method: "tools/list" }
        const answers = [
          begun,
          yield* post(url, list, { authorization, session, ...page }),
          yield* post(url, list, { authorization, session: "unknown", ...page }),
          yield* post(url, list, page),
          yield* post(metadata, undefined, { method: "GET", ...page }),
          yield* post(url, undefined, { authorization, session, method: "DELETE", ...page })
        ]
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [200, 200, 404, 401, 200, 204]
        )
        for (const { headers } of answers) {
          assert.strictEqual(headers.get("access-control-allow-origin"), origin)
          assert.match(headers.get("access-control-expose-headers") ?? "", /Mcp-Session-Id.*WWW-Authenticate/)
          assert.include(headers.get("vary"), "Origin")
        }
        const without = yield* post(url, initialize, { authorization })
        assert.isNull(without.headers.get("access-control-allow-origin"))
      }).pipe(Effect.scoped)
  )

  it.effect("hears what clients send in other forms, and says of what it refuses what to send", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const alice = yield* person("alice")
      const url = yield* opened()
      const { authorization, call, session } = yield* connect(url, yield* Effect.promise(() => token(alice.user)))
      for (const args of [null, [], "", '{"limit": 1}']) {
        assert.include((yield* call("list_accounts", args)).text, alice.mark, JSON.stringify(args))
      }
      const ping = { jsonrpc: "2.0", id: 9, method: "ping" }
      const asked = (headers: Readonly<Record<string, string>>, message: unknown = ping) =>
        post(url, message, { authorization, session, headers })
      assert.strictEqual((yield* asked({ accept: "*/*" })).status, 200)
      const refused: ReadonlyArray<
        readonly [headers: Readonly<Record<string, string>>, message: unknown, status: number, said: string]
      > = [
        [{ accept: "text/html" }, ping, 406, "Accept both"],
        [{ accept: "application/json" }, ping, 406, "Accept both"],
        [{ "content-type": "text/plain" }, ping, 415, "application/json"],
        [{ "content-encoding": "gzip" }, ping, 415, "without a content-encoding"],
        [{}, [ping], 400, "one message a request"]
      ]
      for (const [headers, message, status, said] of refused) {
        const answer = yield* asked(headers, message)
        assert.strictEqual(answer.status, status, said)
        assert.include(answer.body.error, said)
      }
      // Windows-1252: stored, it would have another character for each of its own.
      const report = { job_id: alice.job, report: { content: "caf\u00e9" } }
      const latin1 = Buffer.from(
        JSON.stringify({ ...ping, method: "tools/call", params: { name: "record_report", arguments: report } }),
        "latin1"
      )
      const answer = yield* Effect.promise(async () => {
        const headers = {
          authorization,
          "mcp-session-id": session,
          "mcp-protocol-version": "2025-06-18",
          accept: "*/*",
          "content-type": "application/json"
        }
        return (await fetch(url, { method: "POST", headers, body: latin1 })).json()
      })
      assert.deepInclude(answer.error, { code: -32700 })
      assert.include((yield* call("read_job", { job_id: alice.job })).text, `Report ${alice.mark}`)
    }).pipe(Effect.scoped)
  )

  it.effect("a session has the version that it began with, whichever one with sessions a later request names", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const alice = yield* person("alice")
      const url = yield* opened()
      const { call } = yield* connect(url, yield* Effect.promise(() => token(alice.user)))
      for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
        const { body } = yield* call("list_accounts", {}, { headers: { "mcp-protocol-version": version } })
        assert.strictEqual(body.result.structuredContent.accounts[0].account_name, alice.mark, version)
      }
      for (const version of ["2023-01-01", "2026-07-28", "latest"]) {
        const answer = yield* call("list_accounts", {}, { headers: { "mcp-protocol-version": version } })
        assert.strictEqual(answer.status, 400, version)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("answers what is no message as over stdio, in every version of the protocol, and fails no loose one", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const alice = yield* person("alice")
      const url = yield* opened()
      const authorization = `Bearer ${yield* Effect.promise(() => token(alice.user))}`
      for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
        const params = { ...initialize.params, protocolVersion: version }
        const begun = yield* post(url, { ...initialize, params }, { authorization })
        assert.strictEqual(begun.body.result.protocolVersion, version)
        const session = begun.headers.get("mcp-session-id") ?? assert.fail("no session")
        const asked = { authorization, session, headers: { "mcp-protocol-version": version } }
        for (const [sent, expected] of oddMessages) {
          const { status, text } = yield* post(url, sent, asked)
          assert.deepStrictEqual(answersOf(JSON.parse(text)), expected, JSON.stringify(sent))
          // A client whose error has no id looks at the status alone.
          assert.strictEqual(status, text.includes("-32602") ? 200 : 400, JSON.stringify(sent))
        }
        for (const message of looseMessages) {
          const { body, status, text } = yield* post(url, message, asked)
          assert.strictEqual(status, 200, JSON.stringify(message))
          assert.isDefined(body.result, `${JSON.stringify(message)}: ${text}`)
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("a session is its user's alone, and ends when it is not used or is ended", () =>
    Effect.gen(function* () {
      const { token } = yield* Issuer
      const [alice, bob] = [yield* person("alice"), yield* person("bob")]
      const url = yield* opened()
      const bobs = yield* connect(url, yield* Effect.promise(() => token(bob.user)))
      const alices = yield* connect(url, yield* Effect.promise(() => token(alice.user)))
      const stolen = yield* alices.call("list_accounts", {}, { session: bobs.session })
      assert.strictEqual(stolen.status, 404)
      assert.include((yield* bobs.call("list_accounts")).text, bob.mark)
      const ended = yield* post(url, undefined, { ...bobs, method: "DELETE" })
      assert.strictEqual(ended.status, 204)
      assert.strictEqual((yield* bobs.call("list_accounts")).status, 404)

      const short = yield* opened({ idle: 0 })
      const begun = yield* post(short, initialize, { authorization: alices.authorization })
      const session = begun.headers.get("mcp-session-id") ?? assert.fail()
      const late = yield* post(short, { jsonrpc: "2.0", id: 1, method: "tools/list" }, { ...alices, session })
      assert.strictEqual(late.status, 404)
    }).pipe(Effect.scoped)
  )

  it.effect("no attempt on another user's data succeeds", () =>
    Effect.gen(function* () {
      const { sign, claims, foreign, token } = yield* Issuer
      const [alice, bob] = [yield* person("alice"), yield* person("bob")]
      const before = yield* stateOf(bob)
      const url = yield* opened()
      const { authorization, call, session } = yield* connect(url, yield* Effect.promise(() => token(alice.user)))
      const tried = attempts(bob)
      for (const { args, tool, what } of tried) {
        const { text } = yield* call(tool, args)
        assert.notInclude(text, bob.mark, what)
      }
      const forged = `Bearer ${yield* Effect.promise(() => sign(claims(bob.user), foreign))}`
      const overHttp: ReadonlyArray<readonly [string, Asked, URL?]> = [
        ["a header with the user", { headers: { "x-user": bob.user } }],
        ["a header of a proxy", { headers: { "x-forwarded-user": bob.user, "x-alex-user": bob.user } }],
        ["a cookie", { headers: { cookie: `user=${bob.user}` } }],
        ["a forged token", { authorization: forged }],
        ["two tokens", { authorization: `${authorization}, ${forged}` }],
        ["a query", {}, new URL(`?user=${bob.user}&access_token=x`, url)],
        ["a path", {}, new URL(`/mcp/${bob.user}`, url)]
      ]
      for (const [what, asked, to] of overHttp) {
        const message = {
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name: "list_accounts", arguments: {} }
        }
        assert.notInclude((yield* post(to ?? url, message, { authorization, session, ...asked })).text, bob.mark, what)
      }
      for (const method of ["resources/read", "prompts/get", "completion/complete"]) {
        const message = { jsonrpc: "2.0", id: 1, method, params: { uri: `users://${bob.user}`, name: bob.user } }
        assert.notInclude((yield* post(url, message, { authorization, session })).text, bob.mark, method)
      }
      assert.strictEqual(yield* stateOf(bob), before)
      process.stdout.write(`${tried.length + overHttp.length + 3} attempts over HTTP failed\n`)
    }).pipe(Effect.scoped)
  )

  it.effect(
    "64 users at once each get their own, call after call",
    () =>
      Effect.gen(function* () {
        const { token } = yield* Issuer
        const people = yield* Effect.forEach(
          Array.from({ length: 64 }, (_, index) => index),
          (index) => person(`many${index}`)
        )
        const url = yield* opened()
        const rounds = process.env["ALEX_LONG"] === "1" ? 160 : 4
        let calls = 0
        yield* Effect.forEach(
          people,
          (one) =>
            Effect.gen(function* () {
              const { call } = yield* connect(url, yield* Effect.promise(() => token(one.user)))
              for (let round = 0; round < rounds; round++) {
                const [tool, args] = (
                  [
                    ["list_accounts", {}],
                    ["read_job", { job_id: one.job }],
                    ["list_jobs", {}],
                    ["read_portfolio", {}]
                  ] as const
                )[round % 4] ?? ["list_accounts", {}]
                const { status, text } = yield* call(tool, args)
                calls++
                assert.strictEqual(status, 200, text)
                const marks = new Set(text.match(/mark-of-\w+\./g))
                assert.isTrue(marks.size === 0 ? tool === "list_jobs" : marks.size === 1 && marks.has(one.mark), text)
                assert.include(text, tool === "list_jobs" ? one.job : one.mark)
              }
            }),
          { concurrency: 64 }
        )
        process.stdout.write(`${calls} calls of ${people.length} users, none of another's\n`)
      }).pipe(Effect.scoped),
    600_000
  )
})

/** A port on which nobody listens. */
const freePort = Effect.scoped(listening(() => createServer()))

/** `fetch` sets `Host` itself. */
const withHost = (url: URL, host: string, authorization: string) =>
  Effect.callback<number | undefined>((resume) => {
    const body = JSON.stringify(initialize)
    const sent = httpRequest(
      url,
      {
        method: "POST",
        setHost: false,
        headers: {
          ...(host === "" ? {} : { host }),
          authorization,
          "content-type": "application/json",
          accept: "application/json, text/event-stream"
        }
      },
      (response) => {
        response.resume()
        resume(Effect.succeed(response.statusCode))
      }
    )
    sent.end(body)
  })
