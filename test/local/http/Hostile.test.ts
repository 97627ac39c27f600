import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { authorization, call, sendBytes, target } from "./RawClient.ts"
import { scripted } from "./ScriptedDataApi.ts"

/** The long form is ten times as long: ALEX_LONG=1. */
const requests = process.env["ALEX_LONG"] === "1" ? 10_000 : 1_000

type Random = () => number

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
const seeded = (seed: number): Random => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const pick = <A>(random: Random, items: readonly [A, ...ReadonlyArray<A>]): A =>
  items[Math.floor(random() * items.length)] ?? items[0]

const paths = ["/Execute", "/BatchExecute", "/BeginTransaction", "/CommitTransaction", "/RollbackTransaction"] as const

const tricks = [
  "/",
  "*",
  "//Execute",
  "/./Execute",
  "/Execute/../BeginTransaction",
  "/%45xecute",
  "/Execute%00",
  "/Execute?a=%ff&a=2",
  "/execute",
  "/ExecuteSql",
  "http://evil.example/Execute",
  "/__proto__",
  "/constructor",
  `/${"x".repeat(5_000)}`
] as const

const valid = {
  ...target,
  database: "alex",
  sql: "select :a::text, :b",
  transactionId: null as unknown,
  includeResultMetadata: true,
  resultSetOptions: { longReturnType: "STRING", decimalReturnType: "STRING" },
  parameters: [
    { name: "a", value: { stringValue: "x" }, typeHint: null as unknown },
    { name: "b", value: { longValue: 1 } }
  ],
  parameterSets: [[{ name: "a", value: { isNull: true } }]]
}

/** Values in JSON's spelling that no member expects, or that stretch one that does. */
const odd = [
  "null",
  "true",
  "-0",
  "1e400",
  "-1e308",
  "0.1",
  "9223372036854775807",
  "9223372036854775808",
  "1".repeat(5_000),
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"../../etc/passwd"',
  `"${"é".repeat(70_000)}"`,
  "[]",
  "[null]",
  "[[[[]]]]",
  "{}",
  '{"__proto__":{"isNull":true}}',
  '{"isNull":false}',
  '{"arrayValue":{"arrayValues":[{"arrayValues":[null]}]}}',
  '{"stringValue":"x","longValue":1}',
  '{"blobValue":"====" }',
  '{"doubleValue":"NaN"}',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  `${'{"arrayValue":{"arrayValues":['.repeat(5_000)}${"]}}".repeat(5_000)}`
] as const

/** The valid body with the value of one member replaced, wherever in it. */
const withOddMember = (random: Random): string => {
  const text = JSON.stringify(valid)
  const members = [...text.matchAll(/"(\w+)":/g)]
  const at = members[Math.floor(random() * members.length)]
  if (at === undefined) return text
  const name = at[1] ?? ""
  let replaced = false
  const marked = JSON.stringify(valid, (key, value: unknown) => {
    if (key !== name || replaced) return value
    replaced = true
    return "\u0001odd"
  })
  return marked.replace('"\\u0001odd"', () => pick(random, odd))
}

const truncated = (random: Random): string => {
  const text = JSON.stringify(valid)
  return text.slice(0, Math.floor(random() * text.length))
}

const corrupted = (random: Random): Buffer => {
  const bytes = Buffer.from(JSON.stringify(valid))
  for (let flips = 1 + random() * 8; flips > 0; flips--) bytes[Math.floor(random() * bytes.length)] = random() * 256
  return bytes
}

const noise = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => random() * 256))

interface Parts {
  readonly method?: string
  readonly path?: string
  readonly headers?: ReadonlyArray<string>
  readonly body?: string | Buffer
  readonly length?: number | undefined
}

const rendered = ({
  body = JSON.stringify(valid),
  headers = [],
  length,
  method = "POST",
  path = "/Execute"
}: Parts) => {
  const bytes = Buffer.from(body)
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...(headers.some((header) => /^host:/i.test(header)) ? [] : ["host: 127.0.0.1"]),
    ...(headers.some((header) => /^authorization:/i.test(header)) ? [] : [`authorization: ${authorization()}`]),
    "x-amz-date: 20261122T101500Z",
    ...(headers.some((header) => /^content-type:/i.test(header)) ? [] : ["content-type: application/json"]),
    ...(headers.some((header) => /^transfer-encoding:/i.test(header)) && length === undefined
      ? []
      : [`content-length: ${length ?? bytes.length}`]),
    ...headers
  ]
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), bytes])
}

const kinds: readonly [(random: Random) => Buffer, ...ReadonlyArray<(random: Random) => Buffer>] = [
  (random) => rendered({ path: pick(random, paths), body: truncated(random) }),
  (random) => rendered({ path: pick(random, paths), body: corrupted(random) }),
  (random) => rendered({ path: pick(random, paths), body: withOddMember(random) }),
  (random) => rendered({ path: pick(random, paths), body: withOddMember(random) }),
  (random) => rendered({ path: pick(random, paths), body: pick(random, odd) }),
  (random) => rendered({ path: pick(random, tricks), method: pick(random, ["POST", "GET", "PUT", "PATCH"]) }),
  (random) =>
    rendered({
      headers: [
        `content-type: ${pick(random, ["text/plain", "multipart/form-data; boundary=x", "application/xml", "x"])}`
      ]
    }),
  (random) => rendered({ headers: [`x-filler: ${"x".repeat(random() * 40_000)}`] }),
  (random) => rendered({ headers: Array.from({ length: random() * 3_000 }, (_, index) => `x-${index}: 1`) }),
  (random) =>
    rendered({
      headers: [
        `authorization: ${pick(random, ["", "AWS4-HMAC-SHA256", `AWS4-HMAC-SHA256 ${"Credential=/,".repeat(500)}`, "Bearer x", authorization("a/b/c/d")])}`
      ]
    }),
  (random) =>
    rendered({
      headers: [`host: ${pick(random, ["", "evil.example", "127.0.0.1:x", "[::1", "a b", "x".repeat(300)])}`]
    }),
  (random) => rendered({ length: Math.floor(random() * 2_000) }),
  (random) =>
    rendered({ headers: ["transfer-encoding: chunked"], body: pick(random, ["0\r\n\r\n", "zz\r\n", "5\r\nab"]) }),
  () => rendered({ headers: ["transfer-encoding: chunked"], length: 5 }),
  (random) => rendered({ headers: [`expect: ${pick(random, ["100-continue", "200-maybe"])}`] }),
  () => rendered({ headers: ["connection: upgrade", "upgrade: websocket"] }),
  (random) => noise(random, 1 + random() * 500)
]

/** Each answer is an HTTP response; a failure has its code and a body that is JSON, or none. */
const checked = (received: string, sent: Buffer): void => {
  const shown = sent.subarray(0, 300).toString("latin1")
  if (received === "") return
  const [head = "", body = ""] = received.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "").split(/\r\n\r\n(.*)/s)
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]
  assert.isDefined(status, `${received.slice(0, 200)} for ${shown}`)
  if (status === "200") return
  assert.match(head, /x-amzn-errortype: \w+/i, shown)
  // Behind it may stand the answer to what followed on the same connection.
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
  const first = Buffer.from(body).subarray(0, length).toString()
  if (first !== "") assert.doesNotThrow(() => JSON.parse(first), undefined, shown)
}

const heapAfterCollection = (): number => {
  setFlagsFromString("--expose-gc")
  runInNewContext("gc")()
  return process.memoryUsage().heapUsed
}

/** The real engine, but for transactions: PGlite has one connection, which each that is begun would keep. */
const layerEngine = Layer.effect(
  DataApi,
  Effect.map(DataApi, (api) => ({ ...scripted(), executeStatement: api.executeStatement }))
).pipe(Layer.provide(TestDatabase.layer()))

layer(HttpServer.layer({ port: 0 }).pipe(Layer.provide(layerEngine)))((it) => {
  it.effect(
    `${requests} malformed and hostile requests get well-formed answers, and nothing is left behind`,
    () =>
      Effect.gen(function* () {
        const { url } = yield* HttpServer
        const random = seeded(20_261_122)
        const round = (count: number) =>
          Effect.forEach(
            Array.from({ length: count }, () => pick(random, kinds)(random)),
            (bytes) => Effect.map(sendBytes(url, bytes, 150), (received) => ({ bytes, received })),
            { concurrency: 16 }
          )
        yield* round(200)
        const before = heapAfterCollection()
        let answered = 0
        for (let done = 0; done < requests; done += 100)
          for (const { bytes, received } of yield* round(100)) {
            checked(received, bytes)
            if (received !== "") answered++
          }
        const healthy = yield* call(url, "/Execute", { sql: "select 1" })
        assert.strictEqual(healthy.body, '{"numberOfRecordsUpdated":0,"records":[[{"longValue":1}]]}')
        const grown = (heapAfterCollection() - before) / 2 ** 20
        assert.isBelow(grown, 16, "MiB of heap")
        // Only bytes that break off within a request may go without an answer.
        assert.isAbove(answered / requests, 0.8)
      }),
    120_000
  )
})
