/** `alex-db check --discover` with the AWS SDK's own clients, against services that answer as AWS does. */
import { createServer, type IncomingMessage } from "node:http"
import { createRequire } from "node:module"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option } from "effect"
import { afterAll, beforeAll, vi } from "vitest"
import { discoverText, look } from "../../../src/cli/commands/examining/discover.ts"
import { installed } from "../../package/installed.ts"

const home = await installed("clients/discovery")

const load = (name: string) => {
  const require = createRequire(join(home ?? "", "package.json"))
  return Promise.resolve().then((): unknown => require(name))
}

const account = "arn:aws:rds:eu-west-1:123456789012:cluster"
const secretArn = (name: string) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-a1b2c3`

const cluster = (name: string, more: string, engine = "aurora-postgresql") =>
  `<DBCluster><DBClusterIdentifier>${name}</DBClusterIdentifier><DBClusterArn>${account}:${name}</DBClusterArn>
  <Engine>${engine}</Engine><Status>available</Status>${more}</DBCluster>`

const on = "<HttpEndpointEnabled>true</HttpEndpointEnabled><DatabaseName>planner</DatabaseName>"
const managed = `<MasterUserSecret><SecretArn>${secretArn("rds!cluster-1")}</SecretArn></MasterUserSecret>`

const described = (clusters: ReadonlyArray<string>, marker?: string) =>
  `<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult>
  <DBClusters>${clusters.join("")}</DBClusters>${marker === undefined ? "" : `<Marker>${marker}</Marker>`}
  </DescribeDBClustersResult></DescribeDBClustersResponse>`

const refused = `<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type>
  <Code>AccessDenied</Code><Message>is not authorized to perform: rds:DescribeDBClusters</Message></Error></ErrorResponse>`

/** What the two services answer: pages of clusters by marker, and of secrets by token. */
interface Aws {
  readonly clusters: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, object>>
  readonly status?: number
}

const bodyOf = async (request: IncomingMessage) => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}

const answering = Effect.fnUntraced(function* (aws: Aws) {
  const asked: Array<string> = []
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const target = request.headers["x-amz-target"]
    if (target === undefined) {
      const form = new URLSearchParams(body)
      asked.push(String(form.get("Action")))
      response.writeHead(aws.status ?? 200, { "content-type": "text/xml" })
      return response.end(aws.clusters[form.get("Marker") ?? ""])
    }
    asked.push(String(target))
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" })
    return response.end(JSON.stringify(aws.secrets[JSON.parse(body).NextToken ?? ""]))
  })
  yield* Effect.callback<void>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.void))
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  vi.stubEnv("AWS_ENDPOINT_URL_RDS", url)
  vi.stubEnv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
  return asked
})

const looked = (environment: Readonly<Record<string, string>> = { DEFAULT_AWS_REGION: "eu-west-1" }) =>
  look(Option.none(), load).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment))
  )

beforeAll(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local")
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local")
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1")
})

afterAll(() => {
  vi.unstubAllEnvs()
})

const plain = (text: string) => text
const marks = { bold: plain, dim: plain, good: plain, bad: plain, warn: plain }

it.live("discovery without the SDK's clients says what to install", () =>
  Effect.gen(function* () {
    const missing = () => Promise.reject(Object.assign(new Error("no"), { code: "ERR_MODULE_NOT_FOUND" }))
    const { ok, problem } = yield* look(Option.none(), missing).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({}))
    )
    assert.isFalse(ok)
    assert.deepStrictEqual(problem, {
      code: "sdk",
      problem: "@aws-sdk/client-rds is not installed",
      fix: "Install both: npm install @aws-sdk/client-rds @aws-sdk/client-secrets-manager"
    })
  })
)

describe.skipIf(home === undefined)("discovery with the SDK's clients", () => {
  it.live("finds the clusters and secrets of every page, and names the best as variables", () =>
    Effect.gen(function* () {
      const asked = yield* answering({
        clusters: {
          "": described([cluster("other", ""), cluster("shop", on, "aurora-mysql")], "next"),
          next: described([cluster("alex-aurora-cluster", on + managed)])
        },
        secrets: {
          "": { SecretList: [{ ARN: secretArn("mail"), Name: "mail" }], NextToken: "more" },
          more: { SecretList: [{ ARN: secretArn("rds!cluster-1"), Name: "rds!cluster-1" }] }
        }
      })
      const report = yield* looked()
      assert.isTrue(report.ok, JSON.stringify(report))
      assert.deepStrictEqual(
        report.clusters.map(({ dataApi, name }) => [name, dataApi]),
        [
          ["other", false],
          ["alex-aurora-cluster", true]
        ]
      )
      assert.deepStrictEqual(report.variables, {
        AURORA_CLUSTER_ARN: `${account}:alex-aurora-cluster`,
        AURORA_SECRET_ARN: secretArn("rds!cluster-1"),
        AURORA_DATABASE: "planner",
        DEFAULT_AWS_REGION: "eu-west-1"
      })
      assert.deepStrictEqual(
        report.secrets.map(({ name }) => name),
        ["rds!cluster-1"]
      )
      assert.deepStrictEqual(asked.sort(), [
        "DescribeDBClusters",
        "DescribeDBClusters",
        "secretsmanager.ListSecrets",
        "secretsmanager.ListSecrets"
      ])
      assert.match(discoverText(report, marks), /AURORA_CLUSTER_ARN=arn:aws:rds:eu-west-1/)
    })
  )

  it.live("finds a secret by the tag of its cluster, or by a name, and says what is off", () =>
    Effect.gen(function* () {
      yield* answering({
        clusters: { "": described([cluster("planner", on)]) },
        secrets: {
          "": {
            SecretList: [
              { ARN: secretArn("aurora-credentials"), Name: "aurora-credentials" },
              {
                ARN: secretArn("tagged"),
                Name: "tagged",
                Tags: [{ Key: "aws:rds:primaryDBClusterArn", Value: `${account}:planner` }]
              }
            ]
          }
        }
      })
      assert.strictEqual((yield* looked()).variables?.["AURORA_SECRET_ARN"], secretArn("tagged"))
      yield* answering({
        clusters: { "": described([cluster("planner", "")]) },
        secrets: { "": { SecretList: [{ ARN: secretArn("aurora-x"), Name: "aurora-x" }] } }
      })
      const off = yield* looked()
      assert.strictEqual(off.problem?.code, "data-api-off")
      assert.strictEqual(off.variables?.["AURORA_SECRET_ARN"], secretArn("aurora-x"))
      yield* answering({ clusters: { "": described([cluster("planner", on)]) }, secrets: { "": { SecretList: [] } } })
      assert.strictEqual((yield* looked()).problem?.code, "secret")
      yield* answering({ clusters: { "": described([]) }, secrets: { "": { SecretList: [] } } })
      assert.strictEqual((yield* looked()).problem?.code, "no-cluster")
    })
  )

  it.live("tells a missing permission, missing credentials and a silent network apart", () =>
    Effect.gen(function* () {
      yield* answering({ clusters: { "": refused }, secrets: {}, status: 403 })
      const denied = (yield* looked()).problem
      assert.strictEqual(denied?.code, "permission")
      assert.match(denied?.fix ?? "", /rds:DescribeDBClusters/)
      vi.stubEnv("AWS_ENDPOINT_URL_RDS", "http://127.0.0.1:1")
      assert.strictEqual((yield* looked()).problem?.code, "network")
    })
  )
})
