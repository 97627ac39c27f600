/** The ways that the driver's calls travel: to the engine in this process, and over HTTP to a server of it. */
import { Effect, Layer, Redacted } from "effect"
import * as AwsDataApi from "../../src/data-api/aws/AwsDataApi.ts"
import * as FetchDataApi from "../../src/data-api/aws/FetchDataApi.ts"
import * as HttpDataApi from "../../src/data-api/aws/HttpDataApi.ts"
import type { DataApi } from "../../src/data-api/DataApi.ts"
import { any } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import * as TestDatabase from "../TestDatabase.ts"

export const clusterArn = "arn:aws:rds:us-east-1:123456789012:cluster:alex"
export const secretArn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf"
/** The example pair of the AWS documentation. */
export const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

const cluster = { clusterArn, secretArn: Redacted.make(secretArn), database: "alex", region: "us-east-1" }

export const overAws = (endpoint: string): Layer.Layer<DataApi> =>
  AwsDataApi.layer({ ...cluster, endpoint, client: { credentials } })

export const overHttp = (endpoint: string): Layer.Layer<DataApi> =>
  HttpDataApi.layer({
    ...cluster,
    endpoint,
    credentials: Effect.succeed({ ...credentials, secretAccessKey: Redacted.make(credentials.secretAccessKey) })
  })

export const overFetch = (endpoint: string): Layer.Layer<DataApi> =>
  FetchDataApi.layer({
    ...cluster,
    endpoint,
    credentials: Effect.succeed({ ...credentials, secretAccessKey: Redacted.make(credentials.secretAccessKey) })
  })

/** The server verifies the signature of each request. */
const served = (client: (endpoint: string) => Layer.Layer<DataApi>) =>
  Layer.unwrap(
    Effect.map(HttpServer.make({ port: 0, clusters: any(Redacted.make(credentials.secretAccessKey)) }), ({ url }) =>
      client(url)
    )
  ).pipe(Layer.provide(TestDatabase.layer()))

const embedded: ReadonlyArray<readonly [string, Layer.Layer<DataApi>]> = [
  ["in process", Layer.orDie(TestDatabase.layer())],
  ["over HTTP, by the AWS SDK", Layer.orDie(served(overAws))],
  ["over HTTP, without the SDK", Layer.orDie(served(overHttp))]
]

/** A `DataApi` on a fresh database, each way; on PostgreSQL as well where there is one. */
export const backends =
  TestDatabase.postgresUrl === undefined
    ? embedded
    : [...embedded, ["on PostgreSQL", Layer.orDie(TestDatabase.layerPostgres(TestDatabase.postgresUrl))] as const]
