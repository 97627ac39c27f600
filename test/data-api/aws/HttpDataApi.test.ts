import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { RDSDataClient } from "@aws-sdk/client-rds-data"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Endpoint from "../../../src/data-api/aws/Endpoint.ts"
import { suffices } from "../../../src/data-api/aws/HttpDataApi.ts"

const region = "us-east-1"
const keys = { HOME: "/nowhere", AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token" }

describe("HttpDataApi does what AwsDataApi does", () => {
  it("where keys are in the environment and nothing else is", () => {
    assert.isTrue(suffices({ region }, keys))
    assert.isTrue(suffices({ endpoint: "http://127.0.0.1:8080", region: "anywhere" }, keys))
  })

  it("not without keys, nor with a setting that only the SDK uses", () => {
    assert.isFalse(suffices({ region }, { ...keys, AWS_ACCESS_KEY_ID: undefined }))
    assert.isFalse(suffices({ region }, { ...keys, AWS_SECRET_ACCESS_KEY: "" }))
    const settings = [
      "AWS_PROFILE",
      "AWS_CONFIG_FILE",
      "AWS_SHARED_CREDENTIALS_FILE",
      "AWS_CREDENTIAL_EXPIRATION",
      "AWS_ENDPOINT_URL",
      "AWS_USE_FIPS_ENDPOINT",
      "AWS_USE_DUALSTACK_ENDPOINT"
    ]
    for (const name of settings) assert.isFalse(suffices({ region }, { ...keys, [name]: "true" }), name)
  })

  it.effect("not where there is a configuration file", () =>
    Effect.gen(function* () {
      const home = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-home-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      assert.isTrue(suffices({ region }, { ...keys, HOME: home }))
      mkdirSync(join(home, ".aws"))
      for (const file of ["config", "credentials"]) {
        writeFileSync(join(home, ".aws", file), "")
        assert.isFalse(suffices({ region }, { ...keys, HOME: home }), file)
        rmSync(join(home, ".aws", file))
      }
    })
  )

  it("in the regions whose host the SDK names as it does", () => {
    const { endpointProvider } = new RDSDataClient({ region }).config
    const hostOf = (Region: string) => endpointProvider({ Region, UseDualStack: false, UseFIPS: false }).url.host
    const plain = [
      "us-east-1",
      "eu-central-2",
      "ap-southeast-7",
      "sa-east-1",
      "ca-west-1",
      "me-south-1",
      "mx-central-1"
    ]
    for (const name of [...plain, "af-south-1", "il-central-1"]) {
      assert.isTrue(suffices({ region: name }, keys), name)
      assert.strictEqual(hostOf(name), `rds-data.${name}.amazonaws.com`)
      assert.strictEqual(Endpoint.ofRegion(name), `https://${hostOf(name)}`)
    }
    const others = [
      "cn-north-1",
      "us-gov-west-1",
      "us-iso-east-1",
      "us-isob-east-1",
      "us-isof-south-1",
      "eu-isoe-west-1"
    ]
    for (const name of [...others, "eusc-de-east-1", "local"]) {
      assert.isFalse(suffices({ region: name }, keys), name)
      assert.strictEqual(Endpoint.ofRegion(name), `https://${hostOf(name)}`)
    }
    assert.isFalse(suffices({}, keys))
  })
})
