/**
 * The Data API of AWS by `fetch` and Web Crypto: for Cloudflare Workers, Vercel's edge and other runtimes without Node.
 *
 * Credentials are passed, or read from the configuration; this module searches no files or metadata endpoints.
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
  /** The URL that calls go to; by default the service's own in the region. */
  readonly endpoint?: string | undefined
  /**
   * Runs before each request, so it should cache. By default `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
   * `AWS_SESSION_TOKEN` from the `ConfigProvider`; a page in a browser has no default.
   */
  readonly credentials?: Effect.Effect<Credentials, Unauthenticated> | undefined
  /** Timeout of a request and its response, in milliseconds. The service responds within 45 s. Default 50,000. */
  readonly requestTimeout?: number | undefined
}

const refuse = (message: string) => Effect.fail(new Unauthenticated({ message, code: "CredentialsProviderError" }))

const inBrowser = (): boolean => "document" in globalThis

/**
 * The credentials in the configuration: the environment, or a Worker's bindings that were provided as a
 * `ConfigProvider`.
 *
 * @errors Unauthenticated
 */
export const configuredCredentials: Effect.Effect<Credentials, Unauthenticated> = /* @__PURE__ */ Effect.suspend(() =>
  inBrowser()
    ? refuse(
        "A page in a browser has no AWS credentials, and must never hold permanent ones: pass temporary ones as " +
          "`credentials` (for example from Amazon Cognito), or let a server call the database."
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

/** A value without white space around it: a secret that comes from a file often ends in a line break. */
const trimmed = (name: string) =>
  Effect.map(Configuration.option(Configuration.Redacted(name)), (value) =>
    Option.filter(
      Option.map(value, (text) => Redacted.value(text).trim()),
      (text) => text !== ""
    )
  )

const read = /* @__PURE__ */ Effect.gen(function* () {
  const accessKeyId = yield* trimmed("AWS_ACCESS_KEY_ID")
  const secretAccessKey = yield* trimmed("AWS_SECRET_ACCESS_KEY")
  const sessionToken = yield* trimmed("AWS_SESSION_TOKEN")
  return Option.map(
    Option.all([accessKeyId, secretAccessKey]),
    ([accessKeyId, secretAccessKey]): Credentials => ({
      accessKeyId,
      secretAccessKey: Redacted.make(secretAccessKey),
      sessionToken: Option.getOrUndefined(Option.map(sessionToken, (token) => Redacted.make(token)))
    })
  )
})

const make = Effect.fnUntraced(function* (config: Config) {
  const region = config.region ?? regionOf(config.clusterArn) ?? "us-east-1"
  const url = Endpoint.parse(config.endpoint ?? Endpoint.ofRegion(region))
  const service =
    url === undefined
      ? Effect.fail(SignedHttp.notAnEndpoint())
      : Effect.succeed(SignedHttp.serviceAt(url, new WebSigner(region)))
  const credentials = config.credentials ?? (yield* Effect.cached(configuredCredentials))
  const transport = () => new FetchTransport({ requestTimeout: config.requestTimeout })
  return yield* SignedHttp.make(
    config,
    transport,
    () => service,
    () => credentials
  )
})

/**
 * The Data API of AWS for one cluster, by `fetch` and Web Crypto.
 *
 * It does not retry: wrap it in `RetryPolicy`. An interrupted call aborts its request. If `fetch` does not say whether
 * a failed request was sent, the request may have run.
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
