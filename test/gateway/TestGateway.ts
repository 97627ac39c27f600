/** A gateway in front of a fresh database, for real clients. */
import { spawn } from "node:child_process"
import { Context, Effect, Layer, Redacted } from "effect"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { Gateway } from "../../src/gateway/index.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as TestDatabase from "../TestDatabase.ts"

/** The two ways to one database. */
export class TestGateway extends Context.Service<
  TestGateway,
  {
    /** Through the gateway. */
    readonly url: string
    readonly port: number
    /** Straight to the server. */
    readonly directUrl: string
    readonly statements: Array<Gateway.StatementEntry>
    /** The operations of the Data API that were called. */
    readonly calls: Array<keyof DataApi["Service"]>
    /** What was sent outside of a transaction while one was open: a database with one connection answers no such thing. */
    readonly strays: Array<string>
  }
>()("test/gateway/TestGateway") {}

const password = "0123456789abcdef"

type Seen = Pick<TestGateway["Service"], "calls" | "strays">

/** Notes each call. */
const counted = (api: DataApi["Service"], { calls, strays }: Seen): DataApi["Service"] => {
  const open = new Set<string>()
  const noted =
    <A, B>(name: keyof DataApi["Service"], call: (request: A) => B) =>
    (request: A): B => {
      calls.push(name)
      return call(request)
    }
  return {
    executeStatement: noted("executeStatement", (request) => {
      if (request.transactionId === undefined && open.size > 0) strays.push(request.sql)
      return api.executeStatement(request)
    }),
    batchExecuteStatement: noted("batchExecuteStatement", api.batchExecuteStatement),
    beginTransaction: noted("beginTransaction", (request) =>
      Effect.tap(api.beginTransaction(request), ({ transactionId }) => Effect.sync(() => open.add(transactionId)))
    ),
    commitTransaction: noted("commitTransaction", (request) => {
      open.delete(request.transactionId)
      return api.commitTransaction(request)
    }),
    rollbackTransaction: noted("rollbackTransaction", (request) => {
      open.delete(request.transactionId)
      return api.rollbackTransaction(request)
    })
  }
}

/** In front of the `DataApi` of the context. */
export const make = Effect.fnUntraced(function* (directUrl: string, options: Partial<Gateway.Options>) {
  const seen: Seen = { calls: [], strays: [] }
  const api = yield* DataApi
  const statements: Array<Gateway.StatementEntry> = []
  const { port } = yield* Gateway.make({
    port: 0,
    password: Redacted.make(password),
    onStatement: (entry) => statements.push(entry),
    ...options
  }).pipe(Effect.provideService(DataApi, counted(api, seen)))
  const url = new URL(directUrl)
  url.hostname = "127.0.0.1"
  url.port = String(port)
  url.password = password
  return TestGateway.of({ url: url.href, port, directUrl, statements, ...seen })
})

/** In front of a fresh database of the server at `url`. */
export const layer = (url: string, options: Partial<Gateway.Options> = {}) =>
  Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(url), (fresh) =>
      Layer.effect(TestGateway, make(Redacted.value(fresh), options)).pipe(
        Layer.provide(LocalDataApi.layerPostgres({ url: fresh }))
      )
    )
  )

/** In front of an embedded database in memory, beside a fresh database of the server at `url` of the same name. */
export const layerEmbedded = (url: string, options: Partial<Gateway.Options> = {}) =>
  Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(url), (fresh) => {
      const database = new URL(Redacted.value(fresh)).pathname.slice(1)
      return Layer.effect(TestGateway, make(Redacted.value(fresh), { ownLocks: true, ...options })).pipe(
        Layer.provide(LocalDataApi.layer({ dataDir: "memory", database }))
      )
    })
  )

/** What a program came to. */
export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program with an input. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  input = "",
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<Ran> =>
  Effect.callback<Ran>((resume) => {
    const child = spawn(command, args, { env: { ...process.env, PGTZ: "UTC", LC_ALL: "C.UTF-8", ...environment } })
    const chunks: Record<"stdout" | "stderr", Array<Buffer>> = { stdout: [], stderr: [] }
    child.stdout.on("data", (chunk: Buffer) => chunks.stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => chunks.stderr.push(chunk))
    child.on("error", (error) => resume(Effect.succeed({ code: -1, stdout: "", stderr: error.message })))
    child.on("close", (code) =>
      resume(
        Effect.succeed({
          code,
          stdout: Buffer.concat(chunks.stdout).toString(),
          stderr: Buffer.concat(chunks.stderr).toString()
        })
      )
    )
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The service gives no DETAIL of an error, and COPY knows the line that was refused but not the column. */
export const withoutDetail = (text: string): string =>
  text.replaceAll(/^DETAIL: .*\n/gm, "").replaceAll(/^(CONTEXT: {2}COPY \w+, line \d+), column \w+: .*$/gm, "$1")
