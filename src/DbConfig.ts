/** Reads from the environment which backend to use, and how to reach the database. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { regionOf } from "./data-api/Arn.ts"
import * as PostgresUrl from "./data-api/postgres/PostgresUrl.ts"
import { hint } from "./MisspeltVariables.ts"

/** The three backends: Aurora over the RDS Data API, any PostgreSQL, or an embedded one in a local folder. */
export const Backend = Schema.Literals(["data-api", "postgres", "embedded"])
export type Backend = typeof Backend.Type

/** When the embedded database acknowledges a commit: `full`, once it is on the disk; `fast`, before that. */
export const Durability = Schema.Literals(["full", "fast"])
export type Durability = typeof Durability.Type

/**
 * How to reach the database; `why` says what decided the backend. `server` is `DATABASE_URL`, parsed once for
 * connecting, for logs and for confirmations.
 */
export type DbConfig =
  | {
      readonly _tag: "data-api"
      readonly why: string
      readonly clusterArn: string
      readonly secretArn: Redacted.Redacted
      readonly database: string
      readonly region: string
      /**
       * The address in `AWS_ENDPOINT_URL_RDS_DATA`, or in `AWS_ENDPOINT_URL` for all services, if set: calls go there
       * instead of to AWS, for example to a local server.
       */
      readonly endpoint: string | undefined
    }
  | { readonly _tag: "postgres"; readonly why: string; readonly server: PostgresUrl.PostgresTarget }
  | {
      readonly _tag: "embedded"
      readonly why: string
      readonly directory: string
      readonly database: string
      readonly durability: Durability
    }

/** A variable is missing, or its value is not valid. */
export class ConfigurationError extends Schema.TaggedError<ConfigurationError>()("ConfigurationError", {
  variable: Schema.String,
  message: Schema.String
}) {}

/**
 * The value of a variable as it is written; undefined if it is not set, or blank. It is read as `Config` reads it, whose
 * codecs would add 4 kB to a function that reads nothing but text.
 */
const written = Effect.fnUntraced(function* (variable: string) {
  const provider = yield* ConfigProvider.ConfigProvider
  const node = yield* Effect.mapError(
    provider.load([variable]),
    (error) => new ConfigurationError({ variable, message: `${variable}: ${error.message}` })
  )
  return node?.value?.trim() === "" ? undefined : node?.value
})

/**
 * The value without white space around it: a secret of Kubernetes or a file often ends in a line break. Quotes around it
 * are what `docker run --env-file` leaves: no value here begins and ends with one.
 */
const text = Effect.fnUntraced(function* (variable: string) {
  const value = (yield* written(variable))?.trim()
  if (value === undefined || !/^(["'`]).*\1$/s.test(value)) return value
  const message = `${variable} has quotes around it, which belong to the shell or to .env: remove the quotes`
  return yield* new ConfigurationError({ variable, message })
})

const required = Effect.fnUntraced(function* (variable: string, meaning: string) {
  const value = yield* text(variable)
  if (value !== undefined) return value
  return yield* new ConfigurationError({
    variable,
    message: `${variable} is not set: ${meaning}${yield* hint([variable])}`
  })
})

const secret = Effect.fnUntraced(function* (variable: string, meaning: string) {
  return Redacted.make(yield* required(variable, meaning))
})

/** A backend, what decided it, and the variables that would have decided otherwise and are not set. */
interface Choice {
  readonly backend: Backend
  readonly why: string
  readonly absent: ReadonlyArray<string>
}

const choose = Effect.fnUntraced(function* (asked: Backend | undefined): Effect.fn.Return<Choice, ConfigurationError> {
  if (asked !== undefined) return { backend: asked, why: `${asked} was asked for`, absent: [] }
  const named = yield* text("ALEX_DB_BACKEND")
  if (named !== undefined) {
    if (Schema.is(Backend)(named)) return { backend: named, why: `ALEX_DB_BACKEND is ${named}`, absent: [] }
    return yield* new ConfigurationError({
      variable: "ALEX_DB_BACKEND",
      message: `ALEX_DB_BACKEND must be data-api, postgres or embedded, not "${named}"`
    })
  }
  if ((yield* text("AURORA_CLUSTER_ARN")) !== undefined) {
    return { backend: "data-api", why: "AURORA_CLUSTER_ARN is set", absent: ["ALEX_DB_BACKEND"] }
  }
  if ((yield* text("DATABASE_URL")) !== undefined) {
    return { backend: "postgres", why: "DATABASE_URL is set", absent: ["ALEX_DB_BACKEND", "AURORA_CLUSTER_ARN"] }
  }
  const why = "neither AURORA_CLUSTER_ARN nor DATABASE_URL is set"
  return { backend: "embedded", why, absent: ["ALEX_DB_BACKEND", "AURORA_CLUSTER_ARN", "DATABASE_URL"] }
})

const databaseName = Effect.map(text("AURORA_DATABASE"), (name) => name ?? "alex")

/**
 * The region in `DEFAULT_AWS_REGION`; `undefined` if it is not set.
 *
 * @errors ConfigurationError
 */
export const region = Effect.gen(function* () {
  const variable = "DEFAULT_AWS_REGION"
  const named = yield* text(variable)
  if (named === undefined || /^[A-Za-z0-9-]+$/.test(named)) return named
  const message = `${variable} is not a region: it has the form us-east-1, or is left out for the region of the cluster`
  return yield* new ConfigurationError({ variable, message })
})

/** Calls are signed: a user or password in the address has no use, and could end up in a log. */
const endpointOf = Effect.gen(function* () {
  if ((yield* text("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) === "true") return undefined
  const ofService = yield* text("AWS_ENDPOINT_URL_RDS_DATA")
  const variable = ofService === undefined ? "AWS_ENDPOINT_URL" : "AWS_ENDPOINT_URL_RDS_DATA"
  const endpoint = ofService ?? (yield* text(variable))
  if (endpoint === undefined) return undefined
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const message = `${variable} is not a URL: it has the form http://127.0.0.1:8080`
    return yield* new ConfigurationError({ variable, message })
  }
  if (url.username === "" && url.password === "") return endpoint
  const message = `${variable} holds a user or a password, which the Data API has no use for: remove what is before the "@"`
  return yield* new ConfigurationError({ variable, message })
})

/**
 * Reads what the Data API needs, whichever backend the environment would choose.
 *
 * @errors ConfigurationError
 */
export const loadDataApi = Effect.fn("DbConfig.loadDataApi")(function* (why = "data-api was asked for") {
  const clusterArn = yield* required("AURORA_CLUSTER_ARN", "the ARN of the Aurora cluster")
  return {
    _tag: "data-api" as const,
    why,
    clusterArn,
    secretArn: yield* secret("AURORA_SECRET_ARN", "the ARN of the secret with the database's user and password"),
    database: yield* databaseName,
    // Calls to any other region than the cluster's can't succeed.
    region: (yield* region) ?? regionOf(clusterArn) ?? "us-east-1",
    endpoint: yield* endpointOf
  }
})

/** `userInfo` fails for a user id that has no name, as in some containers. */
const userOfSystem = Effect.gen(function* () {
  const named = (yield* text("USER")) ?? (yield* text("USERNAME"))
  if (named !== undefined) return named
  return yield* Effect.orElseSucceed(
    Effect.try(() => process.getBuiltinModule("node:os").userInfo().username),
    () => undefined
  )
})

/**
 * Reads `DATABASE_URL` without parsing it, for `alex-db serve`, which connects to that server itself.
 *
 * @errors ConfigurationError
 */
export const databaseUrl = secret("DATABASE_URL", "where PostgreSQL is, for example postgres://user@localhost/alex")

/**
 * Reads `DATABASE_URL`, whichever backend the environment would choose. A URL without a user connects as the user of
 * the operating system (`USER`, `USERNAME`). `PGHOST` and similar variables are not read.
 *
 * @errors ConfigurationError
 */
export const loadPostgres = Effect.fn("DbConfig.loadPostgres")(function* (why = "postgres was asked for") {
  const variable = "DATABASE_URL"
  const url = yield* databaseUrl
  const server = PostgresUrl.parse(url, { user: yield* userOfSystem })
  if (Result.isSuccess(server)) return { _tag: "postgres" as const, why, server: server.success }
  return yield* new ConfigurationError({ variable, message: `${variable} can't be used: ${server.failure}` })
})

const durability = Effect.gen(function* () {
  const variable = "ALEX_DB_DURABILITY"
  const named = (yield* text(variable)) ?? "full"
  if (Schema.is(Durability)(named)) return named
  return yield* new ConfigurationError({ variable, message: `${variable} must be full or fast, not "${named}"` })
})

/**
 * Reads where the embedded database is, whichever backend the environment would choose.
 *
 * @errors ConfigurationError
 */
export const loadEmbedded = Effect.fn("DbConfig.loadEmbedded")(function* (why = "embedded was asked for") {
  // A folder's name may begin or end with a space.
  const directory = (yield* written("ALEX_DB_DIR")) ?? ".alex-db"
  return { _tag: "embedded" as const, why, directory, database: yield* databaseName, durability: yield* durability }
})

/** The variables that a backend does without: nothing else would tell that one of them is misspelt. */
const optional: Readonly<Record<Backend, ReadonlyArray<string>>> = {
  "data-api": ["AURORA_DATABASE", "DEFAULT_AWS_REGION", "AWS_ENDPOINT_URL_RDS_DATA"],
  postgres: [],
  embedded: ["ALEX_DB_DIR", "AURORA_DATABASE", "ALEX_DB_DURABILITY"]
}

/**
 * Reads the configuration from the current `ConfigProvider`, by default the process environment.
 *
 * `ALEX_DB_BACKEND` decides the backend; without it `AURORA_CLUSTER_ARN` means `data-api`, `DATABASE_URL` means
 * `postgres`, and neither means `embedded`. An empty value counts as absent. Where a variable is not set and a name near
 * it is, such as `DATABSE_URL`, `why` or the error's message says so.
 *
 * @param asked A backend that overrides the environment.
 *
 * @errors ConfigurationError
 *
 * @example
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { DbConfig } from "alex-database"
 *
 * const provider = ConfigProvider.fromUnknown({ DATABASE_URL: "postgres://localhost/alex" })
 * const config = DbConfig.load().pipe(Effect.provideService(ConfigProvider.ConfigProvider, provider))
 * // { _tag: "postgres", why: "DATABASE_URL is set", server: { host: "localhost", port: 5432, database: "alex", ... } }
 * ```
 */
export const load = Effect.fn("DbConfig.load")(function* (
  asked?: Backend
): Effect.fn.Return<DbConfig, ConfigurationError> {
  const { absent, backend, why } = yield* choose(asked)
  const said = `${why}${yield* hint([...absent, ...optional[backend]])}`
  if (backend === "data-api") return yield* loadDataApi(said)
  if (backend === "postgres") return yield* loadPostgres(said)
  return yield* loadEmbedded(said)
})
