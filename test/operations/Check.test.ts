import { NodeServices } from "@effect/platform-node"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { describe } from "vitest"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { DataApiError, reasonOf, type WireFailure } from "../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../src/data-api/DataApiSql.ts"
import { Advice, Check, Migrate } from "../../src/operations/index.ts"
import { embedded, remote } from "./TestOperations.ts"

const cluster: Advice.Cluster = {
  clusterArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
  region: "us-east-1",
  database: "alex"
}

/** A Data API whose every call fails like this. */
const failing = (failure: WireFailure) => {
  const fail = (operation: DataApiError["operation"]) => () =>
    Effect.fail(new DataApiError({ operation, reason: reasonOf(failure) }))
  return Layer.succeed(DataApi, {
    executeStatement: fail("ExecuteStatement"),
    batchExecuteStatement: fail("BatchExecuteStatement"),
    beginTransaction: fail("BeginTransaction"),
    commitTransaction: fail("CommitTransaction"),
    rollbackTransaction: fail("RollbackTransaction")
  })
}

const on = (api: Layer.Layer<DataApi>) =>
  Layer.mergeAll(DataApiSql.layer().pipe(Layer.provide(api)), remote, NodeServices.layer)

const cases: ReadonlyArray<{
  readonly what: string
  readonly failure: WireFailure
  readonly code: string
  readonly mend: RegExp
  readonly cluster?: Partial<Advice.Cluster>
}> = [
  {
    what: "a wrong password in the secret",
    failure: {
      code: "DatabaseErrorException",
      status: 400,
      message: 'ERROR: password authentication failed for user "u"; SQLState: 28P01'
    },
    code: "password",
    mend: /secret/
  },
  {
    what: "a database that does not exist",
    failure: {
      code: "DatabaseErrorException",
      status: 400,
      message: 'ERROR: database "alex" does not exist; SQLState: 3D000'
    },
    code: "database-name",
    mend: /AURORA_DATABASE/
  },
  {
    what: "a role without privileges",
    failure: {
      code: "DatabaseErrorException",
      status: 400,
      message: "ERROR: permission denied for schema public; SQLState: 42501"
    },
    code: "privilege",
    mend: /Grant/
  },
  {
    what: "a secret that can't be read",
    failure: { code: "SecretsErrorException", status: 400, message: "" },
    code: "secret",
    mend: /AURORA_SECRET_ARN/
  },
  {
    what: "a secret without user and password",
    failure: { code: "InvalidSecretException", status: 400, message: "" },
    code: "secret-content",
    mend: /"username" and "password"/
  },
  {
    what: "a caller who may not use the Data API",
    failure: {
      code: "AccessDeniedException",
      status: 403,
      message: "User: x is not authorized to perform: rds-data:ExecuteStatement on resource: y"
    },
    code: "permission",
    mend: /rds-data:ExecuteStatement/
  },
  {
    what: "a caller who may not read the secret",
    failure: {
      code: "AccessDeniedException",
      status: 403,
      message: "User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: y"
    },
    code: "secret-permission",
    mend: /secretsmanager:GetSecretValue/
  },
  {
    what: "a Data API that is off, or a cluster that is not there",
    failure: {
      code: "HttpEndpointNotEnabledException",
      status: 400,
      message: "HttpEndpoint is not enabled for resource x"
    },
    code: "data-api-off",
    mend: /enable-http-endpoint/
  },
  {
    what: "a cluster in another region",
    failure: {
      code: "HttpEndpointNotEnabledException",
      status: 400,
      message: "HttpEndpoint is not enabled for resource x"
    },
    cluster: { region: "eu-west-1" },
    code: "region",
    mend: /DEFAULT_AWS_REGION=us-east-1/
  },
  {
    what: "an ARN of an instance",
    failure: {
      code: "HttpEndpointNotEnabledException",
      status: 400,
      message: "HttpEndpoint is not enabled for resource x"
    },
    cluster: { clusterArn: "arn:aws:rds:us-east-1:123456789012:db:alex-1" },
    code: "cluster-arn",
    mend: /:cluster:/
  },
  {
    what: "something that is no ARN",
    failure: {
      code: "HttpEndpointNotEnabledException",
      status: 400,
      message: "HttpEndpoint is not enabled for resource x"
    },
    cluster: { clusterArn: "alex-cluster" },
    code: "cluster-arn",
    mend: /arn:aws:rds:/
  },
  {
    what: "a cluster without instances",
    failure: { code: "DatabaseNotFoundException", status: 404, message: "" },
    code: "no-instance",
    mend: /db\.serverless/
  },
  {
    what: "a writer that restarts or fails over",
    failure: { code: "DatabaseUnavailableException", status: 504, message: "" },
    code: "unavailable",
    mend: /status/
  },
  {
    what: "credentials that have expired",
    failure: { code: "ExpiredTokenException", status: 403, message: "The security token is expired" },
    code: "credentials",
    mend: /aws sso login/
  },
  {
    what: "a request that the service refuses",
    failure: { code: "ValidationException", status: 400, message: "1 validation error detected" },
    code: "request",
    mend: /AURORA_CLUSTER_ARN/
  },
  {
    what: "a rate that is limited",
    failure: { code: "ThrottlingException", status: 400, message: "Rate exceeded" },
    code: "throttled",
    mend: /again/
  },
  {
    what: "a service that fails inside",
    failure: { code: "InternalServerErrorException", status: 500, message: "" },
    code: "service",
    mend: /Health/
  }
]

describe("check tells apart, and says how to mend,", () => {
  for (const { cluster: differing, code, failure, mend, what } of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Check.found())
        const target = { backend: "data-api", location: cluster.clusterArn }
        const report = Check.notFound(error, target, { ...cluster, ...differing })
        assert.isFalse(report.ok)
        assert.strictEqual(report.problem?.code, code)
        assert.match(report.problem?.mend ?? "", mend)
      }).pipe(Effect.provide(on(failing(failure))))
    )
  }

  it("a PostgreSQL that does not listen, and a host that nobody knows", () => {
    const error = (code: string) =>
      new SqlError.SqlError({
        reason: new SqlError.ConnectionError({ cause: Object.assign(new Error("connect"), { code }), message: "m" })
      })
    assert.strictEqual(Advice.adviceOn(error("ECONNREFUSED")).code, "network")
    assert.match(Advice.adviceOn(error("ECONNREFUSED")).mend, /Start PostgreSQL/)
    assert.match(Advice.adviceOn(error("ENOTFOUND")).problem, /name/)
  })

  it("a failure that it does not know, in the driver's own words", () => {
    assert.deepInclude(Advice.adviceOn(new Error("strange")), { code: "unknown", problem: "strange" })
  })
})

it.effect("check waits while a paused cluster resumes", () =>
  Effect.gen(function* () {
    const calls = yield* Ref.make(0)
    const paused = reasonOf({ code: "DatabaseResumingException", status: 400, message: "" })
    const answered = reasonOf({ code: "ThrottlingException", status: 400, message: "" })
    const api = Layer.mock(DataApi, {
      executeStatement: () =>
        Effect.flatMap(
          Ref.updateAndGet(calls, (n) => n + 1),
          (n) => Effect.fail(new DataApiError({ operation: "ExecuteStatement", reason: n <= 3 ? paused : answered }))
        )
    })
    const fiber = yield* Effect.forkChild(Effect.flip(Check.found()).pipe(Effect.provide(on(api))))
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(fiber)
    assert.strictEqual(yield* Ref.get(calls), 4)
  })
)

layer(embedded, { timeout: "60 seconds" })("check on a database that answers", (it) => {
  it.effect("says that it has not been migrated, then that it is behind, then that all is well", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Check.found()).problem?.code, "not-migrated")
      yield* Migrate.migrate({ to: 1 })
      assert.strictEqual((yield* Check.found()).problem?.code, "behind")
      yield* Migrate.migrate()
      const report = yield* Check.found()
      assert.isTrue(report.ok)
      assert.strictEqual(report.reachable?.database, "alex")
      assert.isAbove(report.reachable?.sizeBytes ?? 0, 1_000_000)
    })
  )
})
