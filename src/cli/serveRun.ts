/** What `alex-db serve` does. */
import { readFile } from "node:fs/promises"
import { Console, Data, Duration, Effect, Option, Redacted, Schema } from "effect"
import { DataApi } from "../data-api/DataApi.ts"
import { any, ClustersConfig, defaultTarget, fromConfig } from "../local/Clusters.ts"
import * as Engine from "../local/Engine.ts"
import { defaultDatabase } from "../local/embedded/Snapshot.ts"
import { listenForFaults } from "../local/FaultControl.ts"
import { FaultPlan, Faults } from "../local/Faults.ts"
import { HttpServer } from "../local/HttpServer.ts"
import { isLoopback } from "../local/Listener.ts"
import * as LocalDataApi from "../local/LocalDataApi.ts"
import { loadEnvironment } from "./environment.ts"
import { requestLine } from "./requestLine.ts"

export interface ServeOptions {
  readonly port: number
  readonly host: string
  readonly allowHost: ReadonlyArray<string>
  readonly engine: Option.Option<"pglite" | "postgres">
  readonly databaseUrl: Option.Option<Redacted.Redacted>
  readonly maxConnections: number
  readonly dataDir: Option.Option<string>
  readonly memory: boolean
  readonly region: string
  readonly clusters: Option.Option<string>
  readonly secretKey: Option.Option<Redacted.Redacted>
  readonly trace: boolean
  readonly transactionIdle: number
  readonly controlPort: Option.Option<number>
  readonly faults: Option.Option<string>
  readonly pause: Option.Option<number>
  readonly throttle: Option.Option<number>
  readonly latency: Option.Option<number>
  readonly latencyP99: Option.Option<number>
  readonly seed: Option.Option<number>
  readonly dotenv: Option.Option<string>
  readonly json: boolean
}

/** What was asked for can't be served; the message says what to change. */
class ServeError extends Data.TaggedError("ServeError")<{ readonly message: string; readonly cause?: unknown }> {}

const refuse = (message: string, cause?: unknown) => Effect.fail(new ServeError({ message, cause }))

const variable = (name: string): string | undefined => process.env[name] || undefined

/** Reads a JSON file of a known shape; a mistake names the file, the place in it and what was expected. */
const readJson = Effect.fnUntraced(function* <A>(path: string, schema: Schema.Codec<A, unknown>) {
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) =>
      new ServeError({ message: `The file can't be read: ${cause instanceof Error ? cause.message : path}`, cause })
  })
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema))
  return yield* decode(text, { errors: "all", onExcessProperty: "error" }).pipe(
    Effect.catch((error) => refuse(`The file ${path} is not as expected: ${error.message}`, error))
  )
})

const planOf = Effect.fnUntraced(function* (options: ServeOptions) {
  const file = Option.isSome(options.faults) ? yield* readJson(options.faults.value, FaultPlan) : {}
  const { latency, latencyP99, pause, seed, throttle } = options
  const plan = {
    ...file,
    ...(Option.isSome(seed) ? { seed: seed.value } : {}),
    ...(Option.isSome(pause) ? { pause: { seconds: pause.value } } : {}),
    ...(Option.isSome(latency)
      ? { latency: { medianMs: latency.value, p99Ms: Option.getOrElse(latencyP99, () => latency.value) } }
      : {}),
    ...(Option.isSome(throttle) ? { rates: { ...file.rates, throttled: throttle.value } } : {})
  }
  return yield* Schema.decodeEffect(FaultPlan)(plan).pipe(
    Effect.catch((error) => refuse(`The faults are not as expected: ${error.message}`, error))
  )
})

/** The engine, and the name of its database. */
const openEngine = Effect.fnUntraced(function* (options: ServeOptions) {
  const limits = { transactionIdle: Duration.seconds(options.transactionIdle) }
  const engine = Option.getOrElse(options.engine, () => (Option.isSome(options.databaseUrl) ? "postgres" : "pglite"))
  if (engine === "postgres") {
    if (options.memory || Option.isSome(options.dataDir))
      return yield* refuse("--memory and --data-dir are the embedded engine's; leave them out with --engine postgres.")
    const url = Option.getOrUndefined(options.databaseUrl) ?? variable("DATABASE_URL")
    if (url === undefined) return yield* refuse("--engine postgres needs --database-url, or DATABASE_URL.")
    const { database, source } = yield* LocalDataApi.postgresSessions({
      url: typeof url === "string" ? Redacted.make(url) : url,
      maxConnections: options.maxConnections,
      limits
    })
    return { api: yield* Engine.make(source, { database, limits }), database }
  }
  if (Option.isSome(options.databaseUrl)) return yield* refuse("--database-url is for --engine postgres.")
  if (options.memory && Option.isSome(options.dataDir)) return yield* refuse("Give --memory or --data-dir, not both.")
  const dataDir = options.memory
    ? "memory"
    : Option.getOrElse(options.dataDir, () => variable("ALEX_DB_DIR") ?? ".alex-db")
  const source = yield* LocalDataApi.sessions({ dataDir, limits })
  return { api: yield* Engine.make(source, { database: defaultDatabase, limits }), database: defaultDatabase }
})

const clustersOf = Effect.fnUntraced(function* ({ clusters, region, secretKey }: ServeOptions) {
  const key = Option.getOrUndefined(secretKey)
  if (Option.isNone(clusters)) return { clusters: any(key), target: defaultTarget(region), region }
  const config = yield* readJson(clusters.value, ClustersConfig)
  const [first] = config.clusters
  const target = { resourceArn: first.arn, secretArn: config.secrets[0]?.arn ?? "" }
  return { clusters: fromConfig(config, key), target, region: first.arn.split(":")[3] ?? region, config }
})

/** Writes lines to stderr, those of one turn of the event loop at once: a write costs more than a small statement. */
const logWriter = Effect.map(
  Effect.acquireRelease(
    Effect.sync((): Array<string> => []),
    (lines) => Effect.sync(() => flush(lines))
  ),
  (lines) =>
    (line: string): void => {
      if (lines.push(line) === 1) setImmediate(flush, lines)
    }
)

const flush = (lines: Array<string>): void => {
  if (lines.length > 0) process.stderr.write(`${lines.splice(0).join("\n")}\n`)
}

/**
 * Serves until a signal ends it, and then ends well: requests under way are answered, open transactions rolled back.
 *
 * stdout gets the variables and nothing else, ready for a shell's `eval` or, with `--json`, as one document.
 */
export const run = Effect.fnUntraced(
  function* (options: ServeOptions) {
    const { host, json, port, trace } = options
    yield* loadEnvironment(options.dotenv)
    const { clusters, config, region, target } = yield* clustersOf(options)
    const { api: engine, database } = yield* openEngine(options)
    const { api, faults } = Faults.wrap(engine, yield* planOf(options))
    const write = yield* logWriter
    const { url } = yield* HttpServer.make({
      host,
      port,
      clusters,
      allowedHosts: options.allowHost.map((name) => name.toLowerCase()),
      onRequest: (entry) => write(requestLine(entry, new Date(), { json, trace }))
    }).pipe(Effect.provideService(DataApi, api))
    const control = Option.isSome(options.controlPort)
      ? yield* Effect.provideService(listenForFaults({ port: options.controlPort.value }), Faults, faults)
      : undefined
    if (!isLoopback(host))
      yield* Console.error(`Warning: ${host} is not a loopback address. Whoever can reach port ${port} can run SQL.`)
    const caller = config?.callers?.[0]
    const variables = {
      AWS_ENDPOINT_URL_RDS_DATA: url,
      AURORA_CLUSTER_ARN: target.resourceArn,
      AURORA_SECRET_ARN: target.secretArn,
      AURORA_DATABASE: config?.clusters[0].databases?.[0] ?? database,
      DEFAULT_AWS_REGION: region,
      // Of the two, boto3 reads only the second, and the SDK for JavaScript only the first.
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: caller?.accessKeyId ?? "local",
      // A key that signatures are verified with is the caller's to know.
      ...(Option.isNone(options.secretKey) && caller?.secretAccessKey === undefined
        ? { AWS_SECRET_ACCESS_KEY: "local" }
        : {})
    }
    if (json) yield* Console.log(JSON.stringify({ ...variables, faultControl: control?.url }))
    else
      yield* Console.log(
        Object.entries(variables)
          .map(([name, value]) => `export ${name}=${value}`)
          .join("\n")
      )
    if (control !== undefined && !json) yield* Console.error(`Faults are set at ${control.url}`)
    return yield* Effect.never
  },
  Effect.scoped,
  // To be stopped by a signal is how a server ends well; the runtime would call it a failure (130).
  Effect.onInterrupt(() => Effect.sync(() => process.exit(0)))
)
