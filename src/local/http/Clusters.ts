/**
 * The clusters, secrets and callers that a local server knows.
 *
 * Without a configuration every valid cluster ARN is accepted with every secret. With a configuration all others are
 * refused, as the service refuses them.
 */
import { Redacted, Result, Schema } from "effect"
import * as Arn from "../../data-api/Arn.ts"
import {
  AccessDenied,
  DatabaseNotFound,
  HttpEndpointNotEnabled,
  InvalidResourceState,
  InvalidSecret,
  type Reason,
  SecretsError,
  Unauthenticated
} from "../../data-api/DataApiError.ts"
import { Operation } from "../../data-api/Operation.ts"
import type { Target } from "../../data-api/rest-json/RequestReader.ts"
import { reasonOf } from "../engine/Failures.ts"
import { Refusal } from "../engine/Session.ts"

/** PostgreSQL's failure for a connection that it refuses. */
const refused = (sqlState: string, message: string): Result.Result<never, Reason> =>
  Result.fail(reasonOf(new Refusal({ sqlState, message })))

const ClusterArn = Schema.String.pipe(
  Schema.check(
    Schema.makeFilter((text) =>
      Arn.isCluster(text)
        ? undefined
        : "expected a cluster's ARN like arn:aws:rds:us-east-1:000000000000:cluster:alex-local"
    )
  )
)

const Cluster = Schema.Struct({
  arn: ClusterArn,
  /** The databases of the cluster; by default any name is tried. */
  databases: Schema.optionalKey(Schema.Array(Schema.NonEmptyString)),
  /** Whether the Data API is enabled. Default true. */
  httpEndpointEnabled: Schema.optionalKey(Schema.Boolean),
  /** The number of instances. Default 1. */
  instances: Schema.optionalKey(Schema.Int.pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0)))),
  /** The state of the cluster, which accepts calls only if it is `available`, the default. */
  status: Schema.optionalKey(Schema.NonEmptyString),
  /** The users and their passwords; by default the user of any secret is accepted. */
  users: Schema.optionalKey(Schema.Record(Schema.String, Schema.RedactedFromValue(Schema.String)))
})

const Secret = Schema.Struct({
  arn: Schema.NonEmptyString,
  name: Schema.optionalKey(Schema.NonEmptyString),
  username: Schema.optionalKey(Schema.NonEmptyString),
  password: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
  /** False for a secret that can't be decrypted. Default true. */
  readable: Schema.optionalKey(Schema.Boolean)
})

const Caller = Schema.Struct({
  accessKeyId: Schema.NonEmptyString,
  /** If given, the caller's signatures are verified. */
  secretAccessKey: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
  /** The caller's ARN in IAM. */
  arn: Schema.NonEmptyString,
  /** The operations that IAM denies to the caller. */
  denied: Schema.optionalKey(Schema.Array(Operation))
})

/**
 * The file that `alex-db serve --clusters` reads.
 *
 * @example
 * ```json
 * {
 *   "clusters": [{
 *     "arn": "arn:aws:rds:eu-west-1:000000000000:cluster:orders",
 *     "databases": ["orders"],
 *     "users": { "orders": "right" }
 *   }],
 *   "secrets": [{
 *     "arn": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:orders-a1b2c3",
 *     "username": "orders",
 *     "password": "right"
 *   }]
 * }
 * ```
 */
export const ClustersConfig = Schema.Struct({
  clusters: Schema.NonEmptyArray(Cluster),
  secrets: Schema.Array(Secret),
  /** The allowed callers; by default anyone. */
  callers: Schema.optionalKey(Schema.Array(Caller))
})
export type ClustersConfig = typeof ClustersConfig.Type

/** The caller that signed a request. */
export interface KnownCaller {
  readonly arn: string
  readonly secretAccessKey: Redacted.Redacted | undefined
  readonly denied: ReadonlyArray<Operation>
}

/** A call that is not admitted yet. */
export interface Admission {
  readonly operation: Operation
  readonly target: Target
  /** The region of the credential scope. */
  readonly region: string
  readonly caller: KnownCaller
  readonly database: string | undefined
}

/** The clusters of a server. */
export interface Clusters {
  /** The regions of its clusters; any region if undefined. */
  readonly regions: ReadonlySet<string> | undefined
  readonly caller: (accessKeyId: string) => Result.Result<KnownCaller, Reason>
  /** Admits a call, and returns its database; undefined lets the engine choose. */
  readonly admit: (call: Admission) => Result.Result<string | undefined, Reason>
}

const notEnabled = (arn: string) =>
  Result.fail(new HttpEndpointNotEnabled({ message: `HttpEndpoint is not enabled for resource ${arn}` }))

/** The cluster's and the secret's ARN that `alex-db serve` prints; {@link any} accepts them. */
export const defaultTarget = (region: string): Target => ({
  resourceArn: `arn:aws:rds:${region}:000000000000:cluster:alex-local`,
  secretArn: `arn:aws:secretsmanager:${region}:000000000000:secret:alex-local-000000`
})

/**
 * Accepts any valid cluster ARN of the region that the request is signed for, and any secret.
 *
 * @param secretKey If given, every signature is verified with it, whatever the access key's id.
 */
export const any = (secretKey?: Redacted.Redacted): Clusters => {
  const caller: KnownCaller = { arn: "arn:aws:iam::000000000000:user/local", secretAccessKey: secretKey, denied: [] }
  return {
    regions: undefined,
    caller: () => Result.succeed(caller),
    admit: ({ database, region, target }) =>
      Arn.regionOfCluster(target.resourceArn) === region ? Result.succeed(database) : notEnabled(target.resourceArn)
  }
}

/** Admits a call as the service does: caller, cluster, secret, password and database, in this order. */
const admitIn = (config: ClustersConfig): Clusters["admit"] => {
  const clusters = new Map(config.clusters.map((cluster) => [cluster.arn, cluster]))
  const secrets = new Map(
    config.secrets.flatMap((secret) => [secret.arn, secret.name ?? secret.arn].map((key) => [key, secret] as const))
  )
  return ({ caller, database, operation, region, target }) => {
    const { resourceArn, secretArn } = target
    if (caller.denied.includes(operation)) {
      const action = `rds-data:${operation}`
      const message = `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resourceArn} because no identity-based policy allows the ${action} action`
      return Result.fail(new AccessDenied({ message }))
    }
    const cluster = clusters.get(resourceArn)
    if (cluster === undefined || cluster.httpEndpointEnabled === false || Arn.regionOf(resourceArn) !== region)
      return notEnabled(resourceArn)
    if (cluster.instances === 0)
      return Result.fail(new DatabaseNotFound({ message: `DB cluster ${resourceArn} has no DB instance.` }))
    if (cluster.status !== undefined && cluster.status !== "available")
      return Result.fail(new InvalidResourceState({ message: `DB cluster ${resourceArn} is ${cluster.status}.` }))
    const secret = secrets.get(secretArn)
    if (secret === undefined || secret.readable === false)
      return Result.fail(new SecretsError({ message: "Secrets Manager can't find or decrypt the specified secret." }))
    const { password, username } = secret
    if (username === undefined || password === undefined)
      return Result.fail(new InvalidSecret({ message: "The secret doesn't hold a username and a password." }))
    if (cluster.users !== undefined) {
      const right = Object.hasOwn(cluster.users, username) ? cluster.users[username] : undefined
      if (right === undefined || Redacted.value(right) !== Redacted.value(password))
        return refused("28P01", `password authentication failed for user "${username}"`)
    }
    // PostgreSQL's own default is the database with the user's name. A dbname in the secret is ignored.
    const wanted = database ?? username
    return cluster.databases === undefined || cluster.databases.includes(wanted)
      ? Result.succeed(wanted)
      : refused("3D000", `database "${wanted}" does not exist`)
  }
}

/** Accepts only the clusters, secrets and callers of a configuration. */
export const fromConfig = (config: ClustersConfig, secretKey?: Redacted.Redacted): Clusters => {
  const anyone = any(secretKey)
  const callers = new Map(
    (config.callers ?? []).map((caller) => [
      caller.accessKeyId,
      { arn: caller.arn, secretAccessKey: caller.secretAccessKey ?? secretKey, denied: caller.denied ?? [] }
    ])
  )
  return {
    regions: new Set(config.clusters.map((cluster) => Arn.regionOf(cluster.arn) ?? "")),
    caller: (accessKeyId) => {
      if (config.callers === undefined) return anyone.caller(accessKeyId)
      const known = callers.get(accessKeyId)
      return known === undefined
        ? Result.fail(
            new Unauthenticated({
              code: "UnrecognizedClientException",
              message: "The security token included in the request is invalid."
            })
          )
        : Result.succeed(known)
    },
    admit: admitIn(config)
  }
}
