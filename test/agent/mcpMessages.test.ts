/** Lines that clients of the protocol write on stdin, of which the library must see none that it can't bear. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref, Result, Sink, Stdio, Stream } from "effect"
import * as GuardedStdio from "../../src/agent/mcp/guardedStdio.ts"
import * as McpServer from "../../src/agent/mcp/McpServer.ts"
import { normalized } from "../../src/agent/mcp/normalizedMessages.ts"
import * as OpenRequests from "../../src/agent/mcp/OpenRequests.ts"
import { answersOf, looseMessages, oddMessages } from "./oddMessages.ts"

/** What the library hears of chunks of bytes, line by line, and what the guard answers itself. */
const guarded = Effect.fnUntraced(function* (chunks: ReadonlyArray<Uint8Array>) {
  const written = yield* Ref.make<ReadonlyArray<string>>([])
  const keep = (chunk: string | Uint8Array) => Ref.update(written, (all) => all.concat(String(chunk)))
  const stdio = Stdio.make({
    args: Effect.succeed([]),
    stdin: Stream.fromIterable(chunks),
    stdout: () => Sink.forEach(keep),
    stderr: () => Sink.drain
  })
  const read = Effect.gen(function* () {
    const { stdin } = yield* Stdio.Stdio
    return yield* Stream.mkString(Stream.decodeText(stdin))
  })
  const text = yield* Effect.provide(read, Layer.provide(GuardedStdio.layer, Layer.succeed(Stdio.Stdio, stdio)))
  assert.match(text, /^(.+\n)*$/)
  const answers = (yield* Ref.get(written)).map((line) => JSON.parse(line))
  return { passedOn: text.split("\n").slice(0, -1), answers }
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const initialize =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"0"}}}'
const lineOf = (sent: unknown): string => (typeof sent === "string" ? sent : JSON.stringify(sent))

const ping = '{"jsonrpc":"2.0","id":2,"method":"ping"}'
const search = '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a","arguments":{"query":"Zoë – 日本"}}}'

describe("lines on stdin", () => {
  it.effect("are read however they end, begin and are cut into chunks", () =>
    Effect.gen(function* () {
      const whole = [initialize, search, ping]
      const texts = [
        `${whole.join("\n")}\n`,
        whole.join("\n"),
        whole.join("\r\n"),
        whole.join("\r"),
        `\uFEFF${whole.join("\n")}`,
        `\n\n  \n${whole.join("\n \t\r\n\n")}\n\n`
      ]
      for (const text of texts) {
        for (const size of [1, 7, 100_000]) {
          const all = bytes(text)
          const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, n) =>
            all.slice(n * size, (n + 1) * size)
          )
          assert.deepStrictEqual(yield* guarded(chunks), { passedOn: whole, answers: [] }, JSON.stringify(text))
        }
      }
    })
  )

  it.effect("that are no messages are answered as the protocol says, and those after them are read", () =>
    Effect.gen(function* () {
      const odd: ReadonlyArray<readonly [line: string | Uint8Array, answers: unknown]> = [
        ...oddMessages.map(([sent, answers]) => [lineOf(sent), answers] as const),
        // Windows-1252, and half of a character.
        [Buffer.from(search.replace(" – 日本", ""), "latin1"), [null, -32700]],
        [Uint8Array.from([...bytes('{"a":"'), 0xc3]), [null, -32700]],
        [Uint8Array.of(0xa0), [null, -32700]]
      ]
      for (const [line, expected] of odd) {
        const chunk = typeof line === "string" ? bytes(line) : line
        const { answers, passedOn } = yield* guarded([bytes(`${initialize}\n`), chunk, bytes(`\n${ping}\n`)])
        assert.deepStrictEqual(passedOn, [initialize, ping], String(line))
        assert.deepStrictEqual(answers.map(answersOf), [expected], String(line))
      }
    })
  )

  it.effect("hold nothing for the library that is left out, or is of no protocol", () =>
    Effect.gen(function* () {
      for (const message of looseMessages) {
        const { answers, passedOn } = yield* guarded([bytes(`${initialize}\n${JSON.stringify(message)}\n`)])
        assert.deepStrictEqual(answers, [], JSON.stringify(message))
        const heard = JSON.parse(passedOn[1] ?? assert.fail())
        assert.hasAllKeys({ params: 0, ...heard }, ["jsonrpc", "id", "method", "params"])
        assert.notInclude(JSON.stringify(heard), "null")
        assert.notInclude(JSON.stringify(heard), "cursor")
      }
    })
  )

  it.effect("longer than the library's buffer are answered, and those after them are read", () =>
    Effect.gen(function* () {
      const long = search.replace("日本", "x".repeat(17_000_000))
      const { answers, passedOn } = yield* guarded([bytes(`${initialize}\n${long}\n${ping}\n`)])
      assert.deepStrictEqual(passedOn, [initialize, ping])
      assert.deepStrictEqual(
        answers.map(({ error, id }) => [id, error.code]),
        [[3, -32600]]
      )
    })
  )

  it("have an id of their own while the request before has no answer, and may have it again afterwards", () => {
    const requests = OpenRequests.make()
    const hear = GuardedStdio.makeHearing(requests)
    const request = (id: unknown) => ({ jsonrpc: "2.0", id, method: "ping" })
    const sent = (message: unknown) => {
      const heard = hear(bytes(JSON.stringify(message)))
      return Result.isFailure(heard) ? heard.failure.line : undefined
    }
    assert.isUndefined(sent(JSON.parse(initialize)))
    requests.end('{"jsonrpc":"2.0","id":1,"result":{}}\n')
    for (const id of [1, "1", 1.5, -1, 0, 1e300, "", 'a"b\\c', "é😀\n", "x".repeat(100_000)]) {
      assert.isUndefined(sent(request(id)))
      const refused = JSON.parse(sent(request(id)) ?? assert.fail(`${id} was passed on`))
      assert.deepInclude(refused, { id: null })
      assert.strictEqual(refused.error.code, -32600)
    }
    for (const one of ["result", "error"]) {
      requests.end(`${JSON.stringify({ jsonrpc: "2.0", id: 'a"b\\c', [one]: {} })}\n`)
      assert.isUndefined(sent(request('a"b\\c')))
    }
    // A batch is answered as a whole, or refused without its ids.
    assert.isUndefined(sent([request(7), request(8)]))
    assert.isUndefined(sent(request(7)))
    assert.isDefined(sent([request(8), request(7)]))
    requests.end('{"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n')
    assert.isDefined(sent([request(2), request(2)]))
    assert.isDefined(sent([request(2), request(0)]))
    assert.isUndefined(sent(request(2)))
    // The library does not answer what is cancelled.
    const cancelled = (requestId: unknown) => ({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId }
    })
    assert.isUndefined(sent(cancelled(2)))
    assert.isUndefined(sent(request(2)))
    assert.isUndefined(sent({ jsonrpc: "2.0", method: "notifications/cancelled" }))
    assert.isUndefined(sent({ jsonrpc: "2.0", id: 2, result: {} }))
  })

  it.effect("reach the library behind one whose id is in use", () =>
    Effect.gen(function* () {
      const call = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "list_jobs", arguments: {} } }
      const sent = [JSON.parse(initialize), call, call, JSON.parse(ping)]
      const lines = sent.map((one) => `${JSON.stringify(one)}\n`).join("")
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const hear = Effect.fnUntraced(function* (chunk: string | Uint8Array) {
        if (!String(chunk).includes('"id":2,"result"')) return
        // Whoever waits for each answer may use one id for all requests.
        if (!(yield* Deferred.succeed(first, undefined))) yield* Deferred.succeed(second, undefined)
      })
      const later = Stream.map(Stream.fromEffect(Deferred.await(first)), () => bytes(`${ping}\n`))
      const stdio = Stdio.make({
        args: Effect.succeed([]),
        stdin: Stream.make(bytes(lines)).pipe(Stream.concat(later), Stream.concat(Stream.never)),
        stdout: () => Sink.forEach(hear),
        stderr: () => Sink.drain
      })
      const server = McpServer.layerStdio({
        handlers: Layer.effectContext(Effect.never),
        granted: new Set(),
        version: "0"
      })
      // The end of the library's output interrupts the fiber that serves.
      const serving = yield* Effect.forkChild(Layer.launch(Layer.provide(server, Layer.succeed(Stdio.Stdio, stdio))))
      yield* Deferred.await(second)
      yield* Fiber.interrupt(serving)
    })
  )

  it.effect("with arguments that would be read as other ones are answered with where and what to send", () =>
    Effect.gen(function* () {
      const sent = (args: string) =>
        `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":${args}}}`
      for (const [args, named] of [
        ['{"quantity":123456789012.12345678}', "quantity has more digits"],
        ['{"quantity":8.00000000000000000001}', "quantity has more digits"],
        ['{"summary":{"list":[0,9007199254740993]}}', "summary.list.1 has more digits"],
        ['{"quantity":5,"quantity":50}', "quantity comes twice"]
      ] as const) {
        const { answers, passedOn } = yield* guarded([bytes(`${initialize}\n${sent(args)}\n${ping}\n`)])
        assert.deepStrictEqual(passedOn, [initialize, ping], args)
        assert.deepStrictEqual(
          answers.map(({ error, id }) => [id, error.code]),
          [[7, -32602]]
        )
        assert.include(answers[0].error.message, named)
      }
      const exact = sent('{"quantity":"123456789012.12345678","list":[{"a":0.1},{"a":1.50}]}')
      assert.deepStrictEqual(yield* guarded([bytes(`${initialize}\n${exact}`)]), {
        passedOn: [initialize, exact],
        answers: []
      })
    })
  )

  it("with null, an empty list or JSON as text for arguments mean the object that the client has", () => {
    const call = (args: unknown) => ({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "a", arguments: args }
    })
    for (const [sent, meant] of [
      [null, {}],
      [[], {}],
      ["", {}],
      ['{"limit": 1}', { limit: 1 }]
    ] as const) {
      assert.deepStrictEqual(normalized(call(sent)), call(meant))
      assert.deepStrictEqual(normalized([call(sent), call({ a: 1 })]), [call(meant), call({ a: 1 })])
    }
    for (const same of [
      call({ a: null }),
      call("x"),
      call("[1]"),
      call('{"quantity": 9007199254740993}'),
      call([1]),
      call(undefined),
      [call({})],
      { method: "ping" },
      5,
      null
    ]) {
      assert.strictEqual(normalized(same), same)
    }
  })
})
