/**
 * The Data API of AWS, configured by the AWS SDK for JavaScript.
 *
 * The SDK finds credentials, region and endpoint in variables, profiles, containers and instance metadata. This module
 * signs and sends the requests itself: the SDK walks every value of a request and a response by its schema, which costs
 * more than all the rest, and its retries repeat plain INSERTs and commits.
 *
 * The first call loads the SDK, so that a bundle without it starts.
 */
import type * as Sdk from "@aws-sdk/client-rds-data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { DataApi } from "../DataApi.ts"
import { InvalidRequest, type Reason, Unauthenticated } from "../DataApiError.ts"
import * as Endpoint from "./Endpoint.ts"
import * as NodeTransport from "./http/NodeTransport.ts"
import * as SignedHttp from "./SignedHttp.ts"
import { type Credentials, Signer } from "./Signer.ts"

/** Which cluster, and how to reach it. */
export interface Config extends SignedHttp.Cluster {
  /** The region of the cluster; by default the one of the environment or the profile. */
  readonly region?: string | undefined
  /** The URL that calls go to instead of AWS's. The SDK also reads `AWS_ENDPOINT_URL_RDS_DATA`. */
  readonly endpoint?: string | undefined
  /** Settings of the SDK's client: `credentials`, `profile`, `useDualstackEndpoint`, `useFipsEndpoint`. */
  readonly client?:
    | Pick<Sdk.RDSDataClientConfig, "credentials" | "profile" | "useDualstackEndpoint" | "useFipsEndpoint">
    | undefined
}

/** The reason for an error of the SDK. The SDK's messages name settings and files, never a secret. */
const reasonOf = (error: unknown): Reason => {
  if (!(error instanceof Error)) return new InvalidRequest({ message: "The AWS SDK failed." })
  const profile = process.env["AWS_PROFILE"]
  const why = profile ? `${error.message} (AWS_PROFILE is ${profile})` : error.message
  return /Credentials|Token/.test(error.name)
    ? new Unauthenticated({ message: `No AWS credentials: ${why}`, code: error.name })
    : new InvalidRequest({ message: `The AWS SDK is not set up: ${why}` })
}

const ask = <A>(question: () => Promise<A>): Effect.Effect<A, Reason> =>
  Effect.tryPromise({ try: question, catch: reasonOf })

/** What the SDK would put into a request's URL. */
interface Destination {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
}

/** The reason for an SDK that can't be loaded: it is missing, or bundled in a form that does not run. */
const notLoaded = (cause: unknown): Reason => {
  const [why = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
  return new InvalidRequest({
    message:
      `The AWS SDK can't be loaded (${why}). It is needed for credentials from a profile, SSO or instance metadata. ` +
      "Install @aws-sdk/client-rds-data where the program runs (Lambda has it), and keep it out of the bundle " +
      "(esbuild: --external:@aws-sdk/client-rds-data); or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and no profile."
  })
}

const load = Effect.tryPromise({ try: () => import("@aws-sdk/client-rds-data"), catch: notLoaded })

/** The SDK fetches new credentials this many milliseconds before the old ones expire. */
const FRESH_FOR = 300_000
/** How long credentials are cached at most, in milliseconds: a custom provider may rotate them earlier. */
const KEPT_FOR = 10_000

type SdkCredentials = Awaited<ReturnType<Sdk.RDSDataClient["config"]["credentials"]>>

/**
 * Caches the SDK's credentials until the SDK would fetch new ones. The SDK caches them too, but returns a promise,
 * which would cost a tenth of each call.
 */
const kept = (current: Effect.Effect<SdkCredentials, Reason>): (() => Effect.Effect<Credentials, Reason>) => {
  let known: { readonly credentials: Credentials; readonly until: number } | undefined
  return () => {
    if (known !== undefined && Date.now() < known.until) return Effect.succeed(known.credentials)
    return Effect.map(current, ({ accessKeyId, expiration, secretAccessKey, sessionToken }) => {
      // The SDK leaves the line break in which a variable from a file often ends.
      const credentials = {
        accessKeyId: accessKeyId.trim(),
        secretAccessKey: Redacted.make(secretAccessKey.trim()),
        sessionToken: sessionToken === undefined ? undefined : Redacted.make(sessionToken.trim())
      }
      const freshUntil = expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - FRESH_FOR
      known = { credentials, until: Math.min(freshUntil, Date.now() + KEPT_FOR) }
      return credentials
    })
  }
}

/** A client that sends nothing, and passes on where its requests would go. */
const silentClient = (
  { RDSDataClient }: typeof Sdk,
  { client, region }: Config,
  endpoint: URL | undefined,
  addressed: (destination: Destination) => void
) =>
  new RDSDataClient({
    ...client,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    maxAttempts: 1,
    requestHandler: {
      // The SDK reads an empty body as a response without members.
      handle: (request: Destination) => {
        addressed(request)
        return Promise.resolve({ response: { statusCode: 200, headers: {}, body: "" } })
      },
      updateHttpClientConfig: () => {},
      httpHandlerConfigs: () => ({})
    }
  })

const make = Effect.fnUntraced(function* (config: Config) {
  const endpoint = config.endpoint === undefined ? undefined : Endpoint.parse(config.endpoint)
  let destination: Destination | undefined
  let opened: { readonly sdk: typeof Sdk; readonly client: Sdk.RDSDataClient } | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => opened?.client.destroy()))

  const connect = (sdk: typeof Sdk) =>
    silentClient(sdk, config, endpoint, (asked) => {
      destination = asked
    })
  const open = Effect.suspend(() =>
    opened === undefined
      ? Effect.map(load, (sdk) => {
          opened ??= { sdk, client: connect(sdk) }
          return opened
        })
      : Effect.succeed(opened)
  )

  /** The service's URL by the SDK's rules, which the SDK applies only while it builds a request. */
  const findService = Effect.gen(function* () {
    if (config.endpoint !== undefined && endpoint === undefined) return yield* SignedHttp.notAnEndpoint()
    const arns = { resourceArn: config.clusterArn, secretArn: Redacted.value(config.secretArn) }
    const { client, sdk } = yield* open
    yield* ask(() => client.send(new sdk.BeginTransactionCommand(arns)))
    const region = yield* ask(() => client.config.region())
    if (destination === undefined) return yield* new InvalidRequest({ message: "The AWS SDK named no endpoint." })
    const { hostname, path, port, protocol } = destination
    const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`)
    url.pathname = path.slice(0, -"/BeginTransaction".length)
    return SignedHttp.serviceAt(url, new Signer(region))
  })
  let found: SignedHttp.Service | undefined
  const service = () =>
    found === undefined
      ? Effect.tap(findService, (first) =>
          Effect.sync(() => {
            found = first
          })
        )
      : Effect.succeed(found)

  const credentials = kept(Effect.flatMap(open, ({ client }) => ask(() => client.config.credentials())))
  return yield* SignedHttp.make(config, NodeTransport.make, service, credentials)
})

/**
 * The Data API of AWS for one cluster.
 *
 * It does not retry: wrap it in `RetryPolicy`. An interrupted call aborts its request. Connections are closed with the
 * layer.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import { AwsDataApi, DataApiSql, RetryPolicy } from "alex-database/data-api"
 *
 * const aurora = DataApiSql.layer().pipe(
 *   Layer.provide(RetryPolicy.layer()),
 *   Layer.provide(
 *     AwsDataApi.layer({
 *       clusterArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
 *       secretArn: Redacted.make("arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf"),
 *       database: "alex"
 *     })
 *   )
 * )
 * ```
 */
export const layer = (config: Config): Layer.Layer<DataApi> => Layer.effect(DataApi, make(config))
