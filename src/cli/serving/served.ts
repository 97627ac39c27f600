/** The server behind `alex-db serve`. */
import { ConfigProvider, Effect, Option } from "effect"
import type * as Command from "effect/cli/Command"
import { regionOf } from "../../data-api/Arn.ts"
import { DataApi } from "../../data-api/DataApi.ts"
import { listenForFaults } from "../../local/faults/FaultControl.ts"
import { Faults } from "../../local/faults/Faults.ts"
import { any, ClustersConfig, defaultTarget, fromConfig } from "../../local/http/Clusters.ts"
import { HttpServer } from "../../local/http/HttpServer.ts"
import { isLoopback, type ListenError } from "../../local/http/Listener.ts"
import type { flags } from "../commands/serve.ts"
import type { DatabaseFlags } from "../configuration.ts"
import { loadEnvironment } from "../environment.ts"
import { requestLine } from "../output/requestLine.ts"
import { printExports, printJsonLine, say } from "../output/text.ts"
import { faultPlan } from "./faultPlan.ts"
import { logWriter } from "./logWriter.ts"
import { openEngine } from "./openEngine.ts"
import { readJson } from "./readJson.ts"
import { refuse } from "./ServeError.ts"

/** The values of the flags of `alex-db serve`. */
export interface ServeOptions extends Command.Command.Config.Infer<typeof flags>, DatabaseFlags {
  readonly json: boolean
}

/** The clusters that the server knows, and the first of them, which it prints. */
const clustersOf = Effect.fnUntraced(function* ({ clusters, region, secretKey }: ServeOptions) {
  const key = Option.getOrUndefined(secretKey)
  if (Option.isNone(clusters)) {
    return { clusters: any(key), target: defaultTarget(region), region, database: undefined, caller: undefined }
  }
  const config = yield* readJson(clusters.value, ClustersConfig)
  const [first] = config.clusters
  return {
    clusters: fromConfig(config, key),
    target: { resourceArn: first.arn, secretArn: config.secrets[0]?.arn ?? "" },
    region: regionOf(first.arn) ?? region,
    database: first.databases?.[0],
    caller: config.callers?.[0]
  }
})

type Served = Effect.Success<ReturnType<typeof clustersOf>>

/** The variables that point an AWS SDK to the server. */
const variablesOf = (
  url: string,
  database: string,
  { caller, region, target, ...served }: Served,
  isVerified: boolean
) => ({
  AWS_ENDPOINT_URL_RDS_DATA: url,
  AURORA_CLUSTER_ARN: target.resourceArn,
  AURORA_SECRET_ARN: target.secretArn,
  AURORA_DATABASE: served.database ?? database,
  DEFAULT_AWS_REGION: region,
  // Of the two, boto3 reads only the second, and the SDK for JavaScript only the first.
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
  AWS_ACCESS_KEY_ID: caller?.accessKeyId ?? "local",
  // A key that verifies signatures is not printed: the caller has it already.
  ...(isVerified || caller?.secretAccessKey !== undefined ? {} : { AWS_SECRET_ACCESS_KEY: "local" })
})

/** stdout gets the variables and nothing else, ready for a shell's `eval` or, with `--json`, as one document. */
const announce = Effect.fnUntraced(function* (
  variables: Readonly<Record<string, string>>,
  faultControl: string | undefined,
  { host, json, port }: ServeOptions
) {
  if (!isLoopback(host))
    yield* say(`Warning: ${host} is not a loopback address. Anyone who can reach port ${port} can run SQL.`)
  if (json) return yield* printJsonLine({ ...variables, faultControl })
  yield* printExports(variables)
  if (faultControl !== undefined) yield* say(`Faults are set at ${faultControl}`)
})

const cantListen = (error: ListenError) => refuse(error.message, error)

/** Serves until it is interrupted; requests in progress are still answered, open transactions are rolled back. */
const serve = Effect.fnUntraced(function* (options: ServeOptions) {
  const { host, json, port, trace } = options
  const served = yield* clustersOf(options)
  const { api: engine, database } = yield* openEngine(options)
  const { api, faults } = Faults.wrap(engine, yield* faultPlan(options))
  const write = yield* logWriter
  const { url } = yield* HttpServer.make({
    host,
    port,
    clusters: served.clusters,
    allowedHosts: options.allowHost.map((name) => name.toLowerCase()),
    onRequest: (entry) => write(requestLine(entry, new Date(), { json, trace }))
  }).pipe(Effect.provideService(DataApi, api), Effect.catchTag("ListenError", cantListen))
  const control = Option.isSome(options.controlPort)
    ? yield* listenForFaults({ port: options.controlPort.value }).pipe(
        Effect.provideService(Faults, faults),
        Effect.catchTag("ListenError", cantListen)
      )
    : undefined
  yield* announce(variablesOf(url, database, served, Option.isSome(options.secretKey)), control?.url, options)
  return yield* Effect.never
}, Effect.scoped)

export const run = Effect.fnUntraced(function* (options: ServeOptions) {
  const environment = yield* loadEnvironment(options.dotenv)
  return yield* Effect.provideService(serve(options), ConfigProvider.ConfigProvider, environment)
})
