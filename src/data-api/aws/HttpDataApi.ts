/**
 * The Data API of AWS without the AWS SDK: Node alone signs and sends, for programs that start often and for which the
 * SDK's start-up time and size matter.
 *
 * Credentials are passed, or come from the environment: keys, as in a Lambda function, or a container's endpoint. Only
 * the SDK finds them in profiles, SSO or instance metadata.
 */

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { regionOf } from "../Arn.ts"
import { DataApi } from "../DataApi.ts"
import { Unauthenticated } from "../DataApiError.ts"
import * as ContainerCredentials from "./ContainerCredentials.ts"
import * as Endpoint from "./Endpoint.ts"
import * as NodeTransport from "./http/NodeTransport.ts"
import * as SignedHttp from "./SignedHttp.ts"
import { type Credentials, Signer } from "./Signer.ts"

export type { Credentials } from "./Signer.ts"

/** Which cluster, and how to reach it. */
export interface Config extends SignedHttp.Cluster {
  /** The region of the cluster; that of its ARN when absent. */
  readonly region?: string | undefined
  /** The URL that calls go to; by default the service's own in the region. */
  readonly endpoint?: string | undefined
  /**
   * Runs before each request, so it should cache. By default `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
   * `AWS_SESSION_TOKEN` of the environment, or else the credentials of an ECS or EKS container.
   */
  readonly credentials?: Effect.Effect<Credentials, Unauthenticated> | undefined
}

/** Without white space around them: a secret of Kubernetes or a file often ends in a line break. */
const keysOf = (env: NodeJS.ProcessEnv) =>
  ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map((name) => env[name]?.trim())

/**
 * The credentials in the environment, as AWS Lambda provides them.
 *
 * @errors Unauthenticated
 */
export const environmentCredentials: Effect.Effect<Credentials, Unauthenticated> = Effect.suspend(() => {
  // Read directly, as the SDK does: the schemas behind Config would take a tenth of a cold start.
  const [accessKeyId, secretAccessKey, sessionToken] = keysOf(process.env)
  if (!accessKeyId || !secretAccessKey) {
    return Effect.fail(
      new Unauthenticated({
        message: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set.",
        code: "CredentialsProviderError"
      })
    )
  }
  return Effect.succeed({
    accessKeyId,
    secretAccessKey: Redacted.make(secretAccessKey),
    sessionToken: sessionToken ? Redacted.make(sessionToken) : undefined
  })
})

/**
 * Makes an effect that returns the credentials of a container's role: of ECS (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`)
 * or of EKS Pod Identity (`AWS_CONTAINER_CREDENTIALS_FULL_URI` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`). They are
 * cached, and renewed five minutes before they expire.
 */
export const containerCredentials: Effect.Effect<Effect.Effect<Credentials, Unauthenticated>> =
  /* @__PURE__ */
  Effect.suspend(() => ContainerCredentials.make())

const hasKeys = (env: NodeJS.ProcessEnv): boolean => keysOf(env).slice(0, 2).every(Boolean)

/** Whether there is a container's role, and no web identity, which the SDK prefers. */
const hasContainer = (env: NodeJS.ProcessEnv): boolean =>
  ContainerCredentials.isNamed(env) && !env["AWS_WEB_IDENTITY_TOKEN_FILE"]

const foundCredentials = Effect.suspend(() =>
  !hasKeys(process.env) && ContainerCredentials.isNamed(process.env)
    ? containerCredentials
    : Effect.cached(environmentCredentials)
)

/** Settings that only the AWS SDK reads. */
const furtherSettings = [
  "AWS_PROFILE",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_ENDPOINT_URL",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT"
]

/** The regions whose hosts are under amazonaws.com, from the SDK's table of partitions. */
const commercialRegion = /^(?:us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/

/**
 * Whether this layer can replace the one with the AWS SDK: the environment has keys, as in a Lambda function, or a
 * container's endpoint, and no profile, configuration file, setting or region leads to other credentials or another
 * host.
 */
export const suffices = (
  { endpoint, region }: Pick<Config, "endpoint" | "region">,
  env: NodeJS.ProcessEnv = process.env
): boolean => {
  if (!hasKeys(env) && !hasContainer(env)) return false
  if (furtherSettings.some((name) => env[name])) return false
  if (endpoint === undefined && !commercialRegion.test(region ?? "")) return false
  const { existsSync } = process.getBuiltinModule("node:fs")
  const { homedir } = process.getBuiltinModule("node:os")
  return !["config", "credentials"].some((file) => existsSync(`${env["HOME"] ?? homedir()}/.aws/${file}`))
}

const make = Effect.fnUntraced(function* (config: Config) {
  const region = config.region ?? regionOf(config.clusterArn) ?? "us-east-1"
  const url = Endpoint.parse(config.endpoint ?? Endpoint.ofRegion(region))
  const service =
    url === undefined
      ? Effect.fail(SignedHttp.notAnEndpoint())
      : Effect.succeed(SignedHttp.serviceAt(url, new Signer(region)))
  const credentials = config.credentials ?? (yield* foundCredentials)
  return yield* SignedHttp.make(
    config,
    NodeTransport.make,
    () => service,
    () => credentials
  )
})

/**
 * The Data API of AWS for one cluster, without the AWS SDK.
 *
 * It does not retry: wrap it in `RetryPolicy`. An interrupted call aborts its request. Connections are closed with the
 * layer.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import { DataApiSql, HttpDataApi, RetryPolicy } from "alex-database/data-api"
 *
 * const aurora = DataApiSql.layer().pipe(
 *   Layer.provide(RetryPolicy.layer()),
 *   Layer.provide(
 *     HttpDataApi.layer({
 *       clusterArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
 *       secretArn: Redacted.make("arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf")
 *     })
 *   )
 * )
 * ```
 */
export const layer = (config: Config): Layer.Layer<DataApi> => Layer.effect(DataApi, make(config))
