/**
 * The Data API of AWS by `fetch` and Web Crypto: for Cloudflare Workers, Vercel's edge, and whatever else has no Node.
 *
 * Credentials are given, or read from the configuration; nothing here looks for files or endpoints.
 */
import * as Configuration from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { regionOf } from "../Arn.ts"
import { DataApi } from "../DataApi.ts"
import { Unauthenticated } from "../DataApiError.ts"
import * as Endpoint from "./Endpoint.ts"
import { FetchTransport } from "./http/FetchTransport.ts"
import type { Credentials } from "./SignatureText.ts"
import * as SignedHttp from "./SignedHttp.ts"
import { WebSigner } from "./WebSigner.ts"

export type { Credentials } from "./SignatureText.ts"

/** Which cluster, and how to reach it. */
export interface Config extends Omit<SignedHttp.Cluster, "transport"> {
  /** The region of the cluster; that of its ARN when absent. */
  readonly region?: string | undefined
  /** Where calls go instead of to `https://rds-data.<region>.amazonaws.com`. */
  readonly endpoint?: string | undefined
  /**
   * Asked before each request, so it should remember. When absent `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
   * `AWS_SESSION_TOKEN` of the `ConfigProvider`, which a page in a browser never has.
   */
  readonly credentials?: Effect.Effect<Credentials, Unauthenticated> | undefined
  /** Milliseconds for a request and its answer. The service itself answers within 45 s. Default 50,000. */
  readonly requestTimeout?: number | undefined
}

const refuse = (message: string) => Effect.fail(new Unauthenticated({ message, code: "CredentialsProviderError" }))

const inBrowser = (): boolean => "document" in globalThis

/**
 * The credentials that the configuration holds: of the environment, or of the bindings of a Worker that were given as a
 * `ConfigProvider`.
 *
 * @errors Unauthenticated
 */
export const configuredCredentials: Effect.Effect<Credentials, Unauthenticated> = /* @__PURE__ */ Effect.suspend(() =>
  inBrowser()
    ? refuse(
        "A page in a browser has no AWS credentials, and must be given none that last: pass temporary ones as `credentials` " +
          "(Amazon Cognito has them), or let a server call the database."
      )
    : Effect.flatMap(
        Effect.orElseSucceed(read, () => Option.none<Credentials>()),
        Option.match({
          onNone: () =>
            refuse(
              "No AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not configured. Pass `credentials`, or " +
                "provide a ConfigProvider that has them, such as ConfigProvider.fromUnknown(env) in a Worker."
            ),
          onSome: Effect.succeed
        })
      )
)

const secret = (name: string) => Configuration.option(Configuration.Redacted(name))

const read = /* @__PURE__ */ Effect.gen(function* () {
  const accessKeyId = yield* Configuration.option(Configuration.String("AWS_ACCESS_KEY_ID"))
  const secretAccessKey = yield* secret("AWS_SECRET_ACCESS_KEY")
  const sessionToken = yield* secret("AWS_SESSION_TOKEN")
  return Option.map(
    Option.all([accessKeyId, secretAccessKey]),
    ([accessKeyId, secretAccessKey]): Credentials => ({
      accessKeyId,
      secretAccessKey,
      sessionToken: Option.getOrUndefined(Option.filter(sessionToken, (token) => Redacted.value(token) !== ""))
    })
  )
})

const make = Effect.fnUntraced(function* (config: Config) {
  const region = config.region ?? regionOf(config.clusterArn) ?? "us-east-1"
  const url = Endpoint.parse(config.endpoint ?? `https://rds-data.${region}.amazonaws.com`)
  const service =
    url === undefined ? Effect.fail(SignedHttp.notAnEndpoint()) : Effect.succeed({ url, signer: new WebSigner(region) })
  const credentials = config.credentials ?? (yield* Effect.cached(configuredCredentials))
  const transport = () => new FetchTransport({ requestTimeout: config.requestTimeout })
  return yield* SignedHttp.make(config, transport, service, credentials)
})

/**
 * The Data API of AWS for one cluster, by `fetch` and Web Crypto.
 *
 * Nothing is retried here; put `RetryPolicy` on it. An interrupted call aborts its request. Where `fetch` does not say
 * whether a request that failed was sent, it counts as one that may have run.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import { DataApiSql, HttpDataApi, RetryPolicy } from "alex-database/data-api/fetch"
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
