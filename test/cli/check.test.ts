/** `alex-db check` against a local Data API server with something wrong: what it prints, word for word. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { beforeEach, describe, vi } from "vitest"
import { run } from "../../src/cli/run.ts"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { AccessDenied, DataApiError, DatabaseError } from "../../src/data-api/DataApiError.ts"
import type { FaultPlan } from "../../src/local/faults/FaultPlan.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import { any, type Clusters, type ClustersConfig, fromConfig } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"

const cluster = "arn:aws:rds:us-east-1:123456789012:cluster:alex"
const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-a1b2c3"

const variables = {
  AURORA_CLUSTER_ARN: cluster,
  AURORA_SECRET_ARN: secret,
  AURORA_DATABASE: "alex",
  DEFAULT_AWS_REGION: "us-east-1"
}

const healthy: ClustersConfig = {
  clusters: [{ arn: cluster, databases: ["alex"], users: { alex: Redacted.make("right") } }],
  secrets: [{ arn: secret, username: "alex", password: Redacted.make("right") }]
}

const withCluster = (change: Partial<ClustersConfig["clusters"][number]>) =>
  fromConfig({ ...healthy, clusters: [{ ...healthy.clusters[0], ...change }] })

const withSecret = (change: Partial<ClustersConfig["secrets"][number]>) =>
  fromConfig({ ...healthy, secrets: [{ arn: secret, ...change }] })

const caller = { accessKeyId: "local", arn: "arn:aws:iam::123456789012:user/ann" }

interface Case {
  readonly what: string
  readonly clusters?: Clusters
  readonly faults?: FaultPlan
  readonly variables?: Readonly<Record<string, string>>
  /** What the database behind the service says, where a call gets that far. */
  readonly database?: DatabaseError | AccessDenied
  /** Nobody listens at the endpoint. */
  readonly deaf?: boolean
  readonly problem: string
  readonly fix: string
}

const cases: ReadonlyArray<Case> = [
  {
    what: "a wrong password in the secret, or one that was rotated a moment ago",
    clusters: withSecret({ username: "alex", password: Redacted.make("old") }),
    problem: "The user or the password in the secret was refused",
    fix: "Put the user's present password into the secret at AURORA_SECRET_ARN; right after a rotation, try again"
  },
  {
    what: "a database that does not exist",
    variables: { AURORA_DATABASE: "alexx" },
    problem: 'The database "alexx" does not exist',
    fix: "Correct AURORA_DATABASE, or create the database"
  },
  {
    what: "a role that may not read the schema",
    database: DatabaseError.fromMessage("ERROR: permission denied for schema public; SQLState: 42501"),
    problem: "The database's role lacks a privilege: permission denied for schema public",
    fix: "Grant it, or use the secret of a role that owns the tables"
  },
  {
    what: "a database without a free connection",
    database: DatabaseError.fromMessage("ERROR: sorry, too many clients already; SQLState: 53300"),
    problem: "The database has no free connection",
    fix: "Wait, close idle clients, or raise the cluster's capacity"
  },
  {
    what: "a secret that does not exist",
    variables: { AURORA_SECRET_ARN: `${secret}x` },
    problem: "The secret could not be read: it does not exist, is in another region, or can't be decrypted",
    fix: "Compare AURORA_SECRET_ARN with the secret's own ARN, including its six last characters, and check its key"
  },
  {
    what: "a secret that can't be decrypted",
    clusters: withSecret({ readable: false }),
    problem: "The secret could not be read: it does not exist, is in another region, or can't be decrypted",
    fix: "Compare AURORA_SECRET_ARN with the secret's own ARN, including its six last characters, and check its key"
  },
  {
    what: "a secret without user and password",
    clusters: withSecret({}),
    problem: "The secret holds no user name and password",
    fix: 'Its text must be JSON with "username" and "password"'
  },
  {
    what: "a caller who may not read the secret",
    database: new AccessDenied({
      message: `User: ${caller.arn} is not authorized to perform: secretsmanager:GetSecretValue on resource: ${secret}`
    }),
    problem: "The caller may not read the database's secret",
    fix: "Allow secretsmanager:GetSecretValue on AURORA_SECRET_ARN, and kms:Decrypt on its key, to the caller's role"
  },
  {
    what: "a caller who may not use the Data API",
    clusters: fromConfig({ ...healthy, callers: [{ ...caller, denied: ["ExecuteStatement"] }] }),
    problem: "The caller may not use the Data API on this cluster",
    fix: "Allow rds-data:ExecuteStatement, BatchExecuteStatement, BeginTransaction, CommitTransaction and RollbackTransaction on AURORA_CLUSTER_ARN to the caller's role"
  },
  {
    what: "a caller whom AWS does not know",
    clusters: fromConfig({ ...healthy, callers: [{ ...caller, accessKeyId: "another" }] }),
    problem: "AWS refused the caller's credentials: The security token included in the request is invalid.",
    fix: "Renew them (aws sso login, aws configure), and check this machine's clock"
  },
  {
    what: "a Data API that is off",
    clusters: withCluster({ httpEndpointEnabled: false }),
    problem: "The Data API is off for this cluster, or there is no cluster with this ARN in this region",
    fix: "Compare AURORA_CLUSTER_ARN letter by letter (upper and lower case count) with the cluster's own; then turn the Data API on: aws rds enable-http-endpoint --resource-arn <arn>. A new cluster needs about a minute"
  },
  {
    what: "an ARN in the wrong case",
    variables: { AURORA_CLUSTER_ARN: cluster.replace("alex", "Alex") },
    problem: "The Data API is off for this cluster, or there is no cluster with this ARN in this region",
    fix: "Compare AURORA_CLUSTER_ARN letter by letter (upper and lower case count) with the cluster's own; then turn the Data API on: aws rds enable-http-endpoint --resource-arn <arn>. A new cluster needs about a minute"
  },
  {
    what: "a cluster of another region",
    clusters: any(),
    variables: { DEFAULT_AWS_REGION: "eu-west-1" },
    problem: "The cluster is in us-east-1, but calls go to eu-west-1",
    fix: "Set DEFAULT_AWS_REGION=us-east-1"
  },
  {
    what: "the ARN of an instance",
    clusters: any(),
    variables: { AURORA_CLUSTER_ARN: "arn:aws:rds:us-east-1:123456789012:db:alex-1" },
    problem: "AURORA_CLUSTER_ARN is the ARN of an instance, not of a cluster",
    fix: "Use the cluster's ARN, which has :cluster: where this one has :db:"
  },
  {
    what: "something that is no ARN",
    clusters: any(),
    variables: { AURORA_CLUSTER_ARN: "alex-cluster" },
    problem: "AURORA_CLUSTER_ARN is not the ARN of a cluster",
    fix: "It looks like arn:aws:rds:us-east-1:123456789012:cluster:name: copy it from the cluster's configuration"
  },
  {
    what: "a cluster without instances",
    clusters: withCluster({ instances: 0 }),
    problem: "The cluster has no database instance",
    fix: "Add a writer of class db.serverless to the cluster"
  },
  {
    what: "a cluster that is stopped",
    clusters: withCluster({ status: "stopped" }),
    problem: "The cluster's writer does not answer: it is restarting, failing over, stopped or being changed",
    fix: "Look at the cluster's status, start it if it is stopped, and try again in a minute"
  },
  {
    what: "a writer that restarts or fails over",
    faults: { rates: { "504-before": 1 } },
    problem: "The cluster's writer does not answer: it is restarting, failing over, stopped or being changed",
    fix: "Look at the cluster's status, start it if it is stopped, and try again in a minute"
  },
  {
    what: "a service that fails inside",
    faults: { rates: { "500-before": 1 } },
    problem: "The Data API failed: The service had an internal error.",
    fix: "Try again; if it lasts, look at the AWS Health Dashboard"
  },
  {
    what: "a connection that breaks",
    faults: { rates: { "dropped-before": 1 } },
    problem: "The Data API can't be reached: The connection to 127.0.0.1 was lost: ECONNRESET.",
    fix: "Check the network and proxy, DEFAULT_AWS_REGION and AWS_ENDPOINT_URL_RDS_DATA"
  },
  {
    what: "a cluster that does not resume",
    faults: { pause: { seconds: 3600 } },
    problem: "The cluster was paused and is still resuming",
    fix: "Try again: a resume takes about 15 seconds, or 30 and more after a day's pause. A minimum capacity above 0 avoids the pause"
  },
  {
    what: "a rate that is limited",
    faults: { rates: { throttled: 1 } },
    problem: "AWS limits the rate of calls",
    fix: "Try again in a moment"
  },
  {
    what: "an endpoint at which nobody listens",
    deaf: true,
    problem: "The Data API can't be reached: No connection to 127.0.0.1 was established: ECONNREFUSED.",
    fix: "Check the network and proxy, DEFAULT_AWS_REGION and AWS_ENDPOINT_URL_RDS_DATA"
  }
]

const printedOn = ({ clusters, database, deaf, faults, variables: differing }: Case) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-check-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const dotenv = join(folder, "empty.env")
    writeFileSync(dotenv, "")
    const engine = DataApi.of({
      ...(yield* DataApi),
      executeStatement: () =>
        Effect.fail(
          new DataApiError({ operation: "ExecuteStatement", reason: database ?? new AccessDenied({ message: "" }) })
        )
    })
    const { api } = Faults.wrap(engine, faults)
    const { url } = yield* HttpServer.make({ port: 0, clusters: clusters ?? fromConfig(healthy) }).pipe(
      Effect.provideService(DataApi, api)
    )
    const environment = {
      ...variables,
      ...differing,
      AWS_ENDPOINT_URL_RDS_DATA: deaf === true ? "http://127.0.0.1:1" : url
    }
    const check = yield* run(["check", "--dotenv", dotenv]).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment)),
      Effect.flip,
      Effect.forkChild
    )
    // Waits take no time, answers do.
    while (check.pollUnsafe() === undefined) {
      yield* TestClock.adjust("500 millis")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))
    }
    const { code } = yield* Fiber.join(check)
    const out = (yield* TestConsole.logLines).join("\n").split("\n")
    return { code, out, err: (yield* TestConsole.errorLines).join("\n") }
  }).pipe(Effect.provide(Layer.mock(DataApi, {})))

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local")
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local")
  return () => vi.unstubAllEnvs()
})

describe("check prints what is wrong and how to fix it:", () => {
  for (const one of cases) {
    it.effect(one.what, () =>
      Effect.gen(function* () {
        const { code, out } = yield* printedOn(one)
        assert.deepStrictEqual([code, ...out.slice(1)], [3, `Problem: ${one.problem}`, `Fix: ${one.fix}`])
        assert.match(out[0] ?? "", /^The database can't be (reached|used) \(data-api, /)
      })
    )
  }

  it.effect("credentials that are not set", () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined)
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true")
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    vi.stubEnv("AWS_CONFIG_FILE", "/nowhere")
    return Effect.gen(function* () {
      const { code, out } = yield* printedOn({ what: "", problem: "", fix: "" })
      assert.strictEqual(code, 3)
      assert.match(out[1] ?? "", /^Problem: There are no AWS credentials: /)
      assert.match(out[2] ?? "", /^Fix: Set AWS_PROFILE/)
    })
  })

  it.effect("a variable that is missing", () =>
    Effect.gen(function* () {
      const { code, err } = yield* printedOn({ what: "", variables: { AURORA_SECRET_ARN: "" }, problem: "", fix: "" })
      assert.strictEqual(code, 1)
      assert.strictEqual(
        err.split("\n").at(-1),
        "alex-db: AURORA_SECRET_ARN is not set: the ARN of the secret with the database's user and password. Set it in the environment or in .env; .env.example names every variable."
      )
    })
  )
})

it.effect("check counts the seconds while a paused cluster resumes", () =>
  Effect.gen(function* () {
    const { err } = yield* printedOn({ what: "", faults: { pause: { seconds: 30 } }, problem: "", fix: "" })
    assert.match(err, /check waiting; a paused cluster takes 15 s and more \(2\d s\)/)
  })
)
