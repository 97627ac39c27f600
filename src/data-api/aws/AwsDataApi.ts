/**
 * The Data API of AWS, with the AWS SDK for JavaScript to find what the environment says.
 *
 * The SDK finds credentials, region and endpoint, from variables, profiles, containers, instance metadata. Requests are
 * then signed and sent here: the SDK's own stack walks every value of a request and an answer by its schema, which
 * costs more than all the rest, and its retries repeat plain INSERTs and commits.
 *
 * It is loaded by the first call, so that a bundle that leaves it to the place where it runs starts without it.
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
  /** Where the environment and the profile do not say. */
  readonly region?: string | undefined
  /** Where calls go instead of to AWS. The SDK also reads `AWS_ENDPOINT_URL_RDS_DATA`. */
  readonly endpoint?: string | undefined
  /** Settings of the SDK's client: `credentials`, `profile`, `useDualstackEndpoint`, `useFipsEndpoint`. */
  readonly client?:
    | Pick<Sdk.RDSDataClientConfig, "credentials" | "profile" | "useDualstackEndpoint" | "useFipsEndpoint">
    | undefined
}

/** Why the SDK could not tell. Its messages name settings and files, never a secret. */
const reasonOf = (error: unknown): Reason => {
  if (!(error instanceof Error)) return new InvalidRequest({ message: "The AWS SDK failed." })
  return /Credentials|Token/.test(error.name)
    ? new Unauthenticated({ message: `No AWS credentials: ${error.message}`, code: error.name })
    : new InvalidRequest({ message: `The AWS SDK is not set up: ${error.message}` })
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

/** Why the SDK can't be loaded: it is missing, or a bundle has it in a form that does not run there. */
const notLoaded = (cause: unknown): Reason => {
  const [why = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
  return new InvalidRequest({
    message:
      `The AWS SDK can't be loaded (${why}). It is needed for what is not in the environment: a profile, SSO, instance ` +
      "metadata. Install @aws-sdk/client-rds-data where the program runs, as Lambda has it, and keep it out of a bundle " +
      "(esbuild: --external:@aws-sdk/client-rds-data); or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and no profile."
  })
}

const load = Effect.tryPromise({ try: () => import("@aws-sdk/client-rds-data"), catch: notLoaded })

/** Milliseconds before their end at which the SDK fetches other credentials. */
const FRESH_FOR = 300_000
/** Milliseconds after which it is asked all the same, since a provider of somebody's own may have others. */
const KEPT_FOR = 10_000

type SdkCredentials = Awaited<ReturnType<Sdk.RDSDataClient["config"]["credentials"]>>

/**
 * The SDK's credentials. It keeps them too, and is asked again when it would fetch others: a promise for each call would
 * cost a tenth of the call.
 */
const kept = (current: Effect.Effect<SdkCredentials, Reason>): Effect.Effect<Credentials, Reason> => {
  let known: { readonly credentials: Credentials; readonly until: number } | undefined
  return Effect.suspend(() => {
    if (known !== undefined && Date.now() < known.until) return Effect.succeed(known.credentials)
    return Effect.map(current, ({ accessKeyId, expiration, secretAccessKey, sessionToken }) => {
      const credentials = {
        accessKeyId,
        secretAccessKey: Redacted.make(secretAccessKey),
        sessionToken: sessionToken === undefined ? undefined : Redacted.make(sessionToken)
      }
      const freshUntil = expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - FRESH_FOR
      known = { credentials, until: Math.min(freshUntil, Date.now() + KEPT_FOR) }
      return credentials
    })
  })
}

const make = Effect.fnUntraced(function* (config: Config) {
  const endpoint = config.endpoint === undefined ? undefined : Endpoint.parse(config.endpoint)
  let destination: Destination | undefined
  let opened: { readonly sdk: typeof Sdk; readonly client: Sdk.RDSDataClient } | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => opened?.client.destroy()))

  const connect = ({ RDSDataClient }: typeof Sdk) =>
    new RDSDataClient({
      ...config.client,
      ...(config.region === undefined ? {} : { region: config.region }),
      ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
      maxAttempts: 1,
      requestHandler: {
        // Nothing is sent: an empty answer is a response without members.
        handle: (request: Destination) => {
          destination = request
          return Promise.resolve({ response: { statusCode: 200, headers: {}, body: "" } })
        },
        updateHttpClientConfig: () => {},
        httpHandlerConfigs: () => ({})
      }
    })
  const open = Effect.suspend(() =>
    opened === undefined
      ? Effect.map(load, (sdk) => {
          opened ??= { sdk, client: connect(sdk) }
          return opened
        })
      : Effect.succeed(opened)
  )

  /** The service's URL by all of the SDK's rules, which only a request in the making brings to bear. */
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
    return { url, signer: new Signer(region) }
  })
  let found: SignedHttp.Service | undefined
  const service = Effect.suspend(() =>
    found === undefined
      ? Effect.tap(findService, (first) =>
          Effect.sync(() => {
            found = first
          })
        )
      : Effect.succeed(found)
  )

  const credentials = kept(Effect.flatMap(open, ({ client }) => ask(() => client.config.credentials())))
  return yield* SignedHttp.make(config, NodeTransport.make, service, credentials)
})

/**
 * The Data API of AWS for one cluster.
 *
 * Nothing is retried here; put `RetryPolicy` on it. An interrupted call aborts its request. Connections are closed
 * with the layer.
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
