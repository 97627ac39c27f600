/**
 * The Data API of AWS without the AWS SDK: signing and HTTP by Node alone, for programs that start cold and for which
 * the SDK's start-up time and size matter.
 *
 * It takes credentials as they are given, or from the environment: keys, as a Lambda function has them, or a container's
 * endpoint. What finds them in profiles, SSO or instance metadata is the SDK's.
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
  /** Where calls go instead of to `https://rds-data.<region>.amazonaws.com`. */
  readonly endpoint?: string | undefined
  /**
   * Asked before each request, so it should remember. When absent `AWS_ACCESS_KEY_ID` and its companions, or else what
   * the endpoint of an ECS or EKS container gives.
   */
  readonly credentials?: Effect.Effect<Credentials, Unauthenticated> | undefined
}

/**
 * The credentials in the environment, as AWS Lambda provides them.
 *
 * @errors Unauthenticated
 */
export const environmentCredentials: Effect.Effect<Credentials, Unauthenticated> = Effect.suspend(() => {
  // As the SDK reads them; the schemas behind Config would take a tenth of a cold start.
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    return Effect.fail(
      new Unauthenticated({
        message: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set.",
        code: "CredentialsProviderError"
      })
    )
  }
  return Effect.succeed({
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: Redacted.make(AWS_SECRET_ACCESS_KEY),
    sessionToken: AWS_SESSION_TOKEN ? Redacted.make(AWS_SESSION_TOKEN) : undefined
  })
})

/**
 * An effect that gives the credentials of a container's role: those of ECS (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`) or
 * of EKS Pod Identity (`AWS_CONTAINER_CREDENTIALS_FULL_URI` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`). They are kept,
 * and others asked for five minutes before they expire.
 */
export const containerCredentials: Effect.Effect<Effect.Effect<Credentials, Unauthenticated>> =
  /* @__PURE__ */
  Effect.suspend(() => ContainerCredentials.make())

const hasKeys = (env: NodeJS.ProcessEnv): boolean => Boolean(env["AWS_ACCESS_KEY_ID"] && env["AWS_SECRET_ACCESS_KEY"])

/** A container's role, where the SDK would find no web identity before it. */
const hasContainer = (env: NodeJS.ProcessEnv): boolean =>
  ContainerCredentials.isNamed(env) && !env["AWS_WEB_IDENTITY_TOKEN_FILE"]

const foundCredentials = Effect.suspend(() =>
  !hasKeys(process.env) && ContainerCredentials.isNamed(process.env)
    ? containerCredentials
    : Effect.cached(environmentCredentials)
)

/** Further settings that the AWS SDK reads. */
const furtherSettings = [
  "AWS_PROFILE",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_ENDPOINT_URL",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT"
]

/** The regions whose hosts are under amazonaws.com, as the SDK's table of partitions has them. */
const commercialRegion = /^(?:us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/

/**
 * Whether this layer would do what the one with the AWS SDK does: keys in the environment, as in a Lambda function, or a
 * container's endpoint, and neither a profile, nor a configuration file, nor a setting or a region that leads to another
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
  const url = Endpoint.parse(config.endpoint ?? `https://rds-data.${region}.amazonaws.com`)
  const service =
    url === undefined ? Effect.fail(SignedHttp.notAnEndpoint()) : Effect.succeed({ url, signer: new Signer(region) })
  const credentials = config.credentials ?? (yield* foundCredentials)
  return yield* SignedHttp.make(config, NodeTransport.make, service, credentials)
})

/**
 * The Data API of AWS for one cluster, without the AWS SDK.
 *
 * Nothing is retried here; put `RetryPolicy` on it. An interrupted call aborts its request. Connections are closed
 * with the layer.
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
