/** `alex-db check --discover`: which clusters and secrets there are, and the variables that name them. */
import { ConfigProvider, Effect, type Option, Schema } from "effect"
import * as DbConfig from "../../../DbConfig.ts"
import { regionOf } from "../../../data-api/Arn.ts"
import { discover, type FoundCluster, packages } from "../../../data-api/aws/Discovery.ts"
import { Check } from "../../../operations/index.ts"
import { loadEnvironment } from "../../environment.ts"
import type { Style } from "../../output/text.ts"

const Cluster = Schema.Struct({
  name: Schema.String,
  arn: Schema.String,
  status: Schema.String,
  dataApi: Schema.Boolean,
  database: Schema.NullOr(Schema.String),
  secretArn: Schema.NullOr(Schema.String)
})

/** What was found. `variables` name the cluster that suits best, and its secret. */
export const DiscoverReport = Schema.Struct({
  ok: Schema.Boolean,
  region: Schema.NullOr(Schema.String),
  clusters: Schema.Array(Cluster),
  secrets: Schema.Array(Schema.Struct({ name: Schema.String, arn: Schema.String })),
  variables: Schema.NullOr(Schema.Record(Schema.String, Schema.String)),
  problem: Schema.NullOr(Check.CheckProblem)
})
export type DiscoverReport = typeof DiscoverReport.Type

const nothing = { clusters: [], secrets: [], variables: null }

/** The better a cluster suits, the higher. */
const rankOf = ({ dataApi, name, secretArn }: FoundCluster): number =>
  (dataApi ? 4 : 0) + (secretArn === null ? 0 : 2) + (/alex/i.test(name) ? 1 : 0)

const problemOf = (best: FoundCluster | undefined, region: string): Check.CheckProblem | null => {
  if (best === undefined) {
    return {
      code: "no-cluster",
      problem: `There is no cluster of Aurora PostgreSQL in ${region}`,
      fix: "Set DEFAULT_AWS_REGION to the region of your cluster, or create a cluster as docs/aurora.md describes"
    }
  }
  if (!best.dataApi) {
    return {
      code: "data-api-off",
      problem: `The Data API is off for ${best.name}`,
      fix: `Turn it on: aws rds enable-http-endpoint --resource-arn ${best.arn}`
    }
  }
  if (best.secretArn !== null) return null
  return {
    code: "secret",
    problem: `No secret was found for ${best.name}`,
    fix: "Let RDS manage the master user's password, or create a secret with username and password: docs/aurora.md says how"
  }
}

const onFailure = (error: { readonly _tag: string; readonly reason?: string; readonly message: string }) => {
  if (error._tag === "SdkMissing") {
    return { code: "sdk", problem: error.message, fix: `Install both: npm install ${packages.join(" ")}` }
  }
  const reason = error.reason ?? ""
  const problem = `The request to AWS failed: ${reason}: ${error.message}`
  if (/AccessDenied|NotAuthorized|UnauthorizedOperation/.test(reason)) {
    const fix = "Allow the caller's role rds:DescribeDBClusters and secretsmanager:ListSecrets"
    return { code: "permission", problem, fix }
  }
  if (/Region/.test(error.message)) return { code: "region", problem, fix: "Set DEFAULT_AWS_REGION" }
  return {
    code: /Credential|Token|Signature/.test(`${reason} ${error.message}`) ? "credentials" : "network",
    problem,
    fix: "Renew the credentials (aws sso login, aws configure), and check the network and DEFAULT_AWS_REGION"
  }
}

/** Searches AWS; a failure is reported as a problem. */
export const look = Effect.fnUntraced(function* (
  dotenv: Option.Option<string>,
  load?: (name: string) => Promise<unknown>
) {
  const environment = yield* loadEnvironment(dotenv)
  const region = yield* Effect.provideService(DbConfig.region, ConfigProvider.ConfigProvider, environment)
  return yield* discover({ region, load }).pipe(
    Effect.map(({ clusters, secrets }): DiscoverReport => {
      const best = clusters.toSorted((a, b) => rankOf(b) - rankOf(a))[0]
      const problem = problemOf(best, region ?? "the AWS SDK's region")
      const variables =
        best === undefined
          ? null
          : {
              AURORA_CLUSTER_ARN: best.arn,
              ...(best.secretArn === null ? {} : { AURORA_SECRET_ARN: best.secretArn }),
              AURORA_DATABASE: best.database ?? "alex",
              DEFAULT_AWS_REGION: regionOf(best.arn) ?? region ?? "us-east-1"
            }
      return { ok: problem === null, region: region ?? null, clusters, secrets, variables, problem }
    }),
    Effect.catch((error) =>
      Effect.succeed<DiscoverReport>({ ok: false, region: region ?? null, ...nothing, problem: onFailure(error) })
    )
  )
})

export const discoverText = (report: DiscoverReport, { bad, bold, dim, good, warn }: Style): string =>
  [
    ...report.clusters.map(
      ({ arn, dataApi, name, status }) =>
        `${dataApi ? good("cluster") : warn("cluster")} ${bold(name)} (${status}), the Data API is ${dataApi ? "on" : "off"}\n  ${dim(arn)}`
    ),
    ...report.secrets.map(({ arn, name }) => `secret ${bold(name)}\n  ${dim(arn)}`),
    ...(report.variables === null
      ? []
      : ["For .env:", ...Object.entries(report.variables).map(([name, value]) => `  ${name}=${value}`)]),
    ...(report.problem === null
      ? []
      : [`${bad("Problem:")} ${report.problem.problem}`, `${bold("Fix:")} ${report.problem.fix}`])
  ].join("\n")
