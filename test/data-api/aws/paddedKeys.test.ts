/** Keys with the line break in which a secret of Kubernetes or a file often ends, on a server that verifies signatures. */
import { afterEach, assert, it, vi } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import * as AwsDataApi from "../../../src/data-api/aws/AwsDataApi.ts"
import * as FetchDataApi from "../../../src/data-api/aws/FetchDataApi.ts"
import * as HttpDataApi from "../../../src/data-api/aws/HttpDataApi.ts"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { any } from "../../../src/local/http/Clusters.ts"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { clusterArn, credentials, secretArn } from "../backends.ts"

const variables = {
  AWS_ACCESS_KEY_ID: ` ${credentials.accessKeyId}\n`,
  AWS_SECRET_ACCESS_KEY: `${credentials.secretAccessKey}\r\n`,
  AWS_SESSION_TOKEN: "token\n"
}

afterEach(() => {
  vi.unstubAllEnvs()
})

const ways = {
  "the AWS SDK": AwsDataApi.layer,
  Node: HttpDataApi.layer,
  fetch: FetchDataApi.layer
}

for (const [way, layer] of Object.entries(ways)) {
  it.live(`keys of the environment are used without the white space around them, by ${way}`, () =>
    Effect.gen(function* () {
      for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
      const secretKey = Redacted.make(credentials.secretAccessKey)
      const { url } = yield* HttpServer.make({ port: 0, clusters: any(secretKey) })
      const client = layer({ clusterArn, secretArn: Redacted.make(secretArn), region: "us-east-1", endpoint: url })
      const answer = yield* Effect.flatMap(DataApi, (api) => api.executeStatement({ sql: "select 1" })).pipe(
        Effect.provide([client, ConfigProvider.layer(ConfigProvider.fromUnknown(variables))])
      )
      assert.deepStrictEqual(answer.records, [[{ longValue: 1 }]])
    }).pipe(Effect.scoped, Effect.provide(TestDatabase.layer()))
  )
}

it("a variable of white space alone holds no key", () => {
  const env = { HOME: "/nowhere", AWS_ACCESS_KEY_ID: " \n", AWS_SECRET_ACCESS_KEY: "secret" }
  assert.isFalse(HttpDataApi.suffices({ region: "us-east-1" }, env))
})
