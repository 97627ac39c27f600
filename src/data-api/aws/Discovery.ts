/**
 * Finds Aurora clusters and their secrets with the AWS SDK's clients for RDS and Secrets Manager. These clients are not
 * dependencies of this package: they are loaded on use, from where the user installed them.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** The packages that a discovery needs. */
export const packages = ["@aws-sdk/client-rds", "@aws-sdk/client-secrets-manager"] as const

/** A package that a discovery needs is not installed. */
export class SdkMissing extends Schema.TaggedError<SdkMissing>()("SdkMissing", { missing: Schema.String }) {
  override get message() {
    return `${this.missing} is not installed`
  }
}

/** AWS refused a request or did not respond. `reason` is the name of AWS's error. */
export class DiscoveryFailed extends Schema.TaggedError<DiscoveryFailed>()("DiscoveryFailed", {
  service: Schema.String,
  reason: Schema.String,
  message: Schema.String
}) {}

/**
 * A cluster of Aurora PostgreSQL. `secretArn` is the secret that RDS manages for it, or that is tagged or named after
 * it.
 */
export interface FoundCluster {
  readonly name: string
  readonly arn: string
  readonly status: string
  /** Whether the Data API is on. */
  readonly dataApi: boolean
  readonly database: string | null
  readonly secretArn: string | null
}

/** A secret: its value is never read. */
export interface FoundSecret {
  readonly name: string
  readonly arn: string
}

/** Where to look, and how the packages are loaded. */
export interface DiscoverOptions {
  /** By default the region that the AWS SDK finds in the environment and its configuration. */
  readonly region?: string | undefined
  readonly load?: ((name: string) => Promise<unknown>) | undefined
}

const importing = (name: string): Promise<unknown> => import(name)

const isMissing = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "code") && (cause.code === "ERR_MODULE_NOT_FOUND" || cause.code === "MODULE_NOT_FOUND")

const failed = (service: string) => (cause: unknown) =>
  new DiscoveryFailed({
    service,
    reason: cause instanceof Error ? cause.name : "unknown",
    message: cause instanceof Error ? cause.message : String(cause)
  })

/** Creates a package's client, and returns a function that sends a command by its name. */
const clientOf = Effect.fnUntraced(function* (name: string, clientName: string, options: DiscoverOptions) {
  const load = options.load ?? importing
  const module = yield* Effect.tryPromise({
    try: () => load(name),
    catch: (cause) => (isMissing(cause) ? new SdkMissing({ missing: name }) : failed(name)(cause))
  })
  const member = (of: unknown, key: string) =>
    Predicate.hasProperty(of, key) && Predicate.isFunction(of[key])
      ? Effect.succeed(of[key])
      : Effect.fail(new DiscoveryFailed({ service: name, reason: "version", message: `${name} has no ${key}` }))
  const region = options.region === undefined ? {} : { region: options.region }
  const client: unknown = Reflect.construct(yield* member(module, clientName), [region])
  const send = yield* member(client, "send")
  return Effect.fnUntraced(function* (commandName: string, input: object) {
    const command: unknown = Reflect.construct(yield* member(module, commandName), [input])
    return yield* Effect.tryPromise({
      try: async (): Promise<unknown> => Reflect.apply(send, client, [command]),
      catch: failed(name)
    })
  })
})

const absent = Schema.optional(Schema.NullOr(Schema.String))

const Clusters = Schema.Struct({
  Marker: absent,
  DBClusters: Schema.optional(
    Schema.Array(
      Schema.Struct({
        DBClusterIdentifier: Schema.String,
        DBClusterArn: Schema.String,
        Engine: Schema.String,
        Status: absent,
        HttpEndpointEnabled: Schema.optional(Schema.Boolean),
        DatabaseName: absent,
        MasterUserSecret: Schema.optional(Schema.Struct({ SecretArn: absent }))
      })
    )
  )
})

const Secrets = Schema.Struct({
  NextToken: absent,
  SecretList: Schema.optional(
    Schema.Array(
      Schema.Struct({
        ARN: Schema.String,
        Name: Schema.String,
        Tags: Schema.optional(Schema.Array(Schema.Struct({ Key: absent, Value: absent })))
      })
    )
  )
})

const unreadable = (service: string) => (error: Schema.SchemaError) =>
  new DiscoveryFailed({ service, reason: "UnexpectedResponse", message: error.message })

const clustersOf = Effect.fnUntraced(function* (options: DiscoverOptions) {
  const [name] = packages
  const send = yield* clientOf(name, "RDSClient", options)
  const clusters: Array<NonNullable<(typeof Clusters.Type)["DBClusters"]>[number]> = []
  for (let Marker: string | undefined; ; ) {
    const page = yield* Effect.flatMap(
      send("DescribeDBClustersCommand", Marker === undefined ? {} : { Marker }),
      (raw) => Effect.mapError(Schema.decodeUnknownEffect(Clusters)(raw), unreadable(name))
    )
    clusters.push(...(page.DBClusters ?? []))
    Marker = page.Marker ?? undefined
    if (Marker === undefined) return clusters.filter(({ Engine }) => Engine === "aurora-postgresql")
  }
})

const secretsOf = Effect.fnUntraced(function* (options: DiscoverOptions) {
  const [, name] = packages
  const send = yield* clientOf(name, "SecretsManagerClient", options)
  const secrets: Array<NonNullable<(typeof Secrets.Type)["SecretList"]>[number]> = []
  for (let NextToken: string | undefined; ; ) {
    const page = yield* Effect.flatMap(
      send("ListSecretsCommand", NextToken === undefined ? {} : { NextToken }),
      (raw) => Effect.mapError(Schema.decodeUnknownEffect(Secrets)(raw), unreadable(name))
    )
    secrets.push(...(page.SecretList ?? []))
    NextToken = page.NextToken ?? undefined
    if (NextToken === undefined) return secrets
  }
})

/** The tag that RDS and the console's query editor put on the secret of a cluster. */
const clusterTag = "aws:rds:primaryDBClusterArn"

/**
 * Lists a region's Aurora PostgreSQL clusters with the secret of each, and the secrets whose names suggest a database.
 * It reads no secret's value. Each page of results is one request.
 *
 * @errors SdkMissing, DiscoveryFailed
 */
export const discover = Effect.fn("Discovery.discover")(function* (options: DiscoverOptions = {}) {
  const [found, secrets] = yield* Effect.all([clustersOf(options), secretsOf(options)])
  const secretFor = (arn: string, name: string) =>
    secrets.find(({ Tags }) => Tags?.some(({ Key, Value }) => Key === clusterTag && Value === arn)) ??
    secrets.find(({ Name }) => Name.includes(name)) ??
    secrets.find(({ Name }) => /aurora/i.test(Name))
  const clusters = found.map((cluster): FoundCluster => {
    const { DBClusterArn: arn, DBClusterIdentifier: name } = cluster
    return {
      name,
      arn,
      status: cluster.Status ?? "unknown",
      dataApi: cluster.HttpEndpointEnabled === true,
      database: cluster.DatabaseName ?? null,
      secretArn: cluster.MasterUserSecret?.SecretArn ?? secretFor(arn, name)?.ARN ?? null
    }
  })
  const isNamed = (arn: string) => clusters.some(({ secretArn }) => secretArn === arn)
  return {
    clusters,
    secrets: secrets
      .filter(({ ARN, Name }) => isNamed(ARN) || /aurora|rds|database|db|alex/i.test(Name))
      .map(({ ARN, Name }): FoundSecret => ({ name: Name, arn: ARN }))
  }
})
