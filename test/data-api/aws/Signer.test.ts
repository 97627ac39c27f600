import { assert, it } from "@effect/vitest"
import { SignatureV4 } from "@smithy/signature-v4"
import { Redacted } from "effect"
import { Signer } from "../../../src/data-api/aws/Signer.ts"
import { WebSigner } from "../../../src/data-api/aws/WebSigner.ts"
import { Sha256 } from "./Sha256.ts"

interface Case {
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly sessionToken?: string
  readonly region?: string
  readonly host?: string
  readonly path?: string
  readonly body?: string
  readonly now?: number
}

const usual = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
  host: "rds-data.us-east-1.amazonaws.com",
  path: "/Execute",
  body: '{"sql":"select 1"}',
  now: Date.UTC(2015, 7, 30, 12, 36, 0)
}

const cases: ReadonlyArray<Case> = [
  {},
  { accessKeyId: "AKIDOTHER" },
  { secretAccessKey: "another/secret+key" },
  { sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//token==" },
  { sessionToken: "" },
  { secretAccessKey: "" },
  { secretAccessKey: "é😀/+= \0".repeat(200) },
  { region: "eu-central-1", host: "rds-data.eu-central-1.amazonaws.com" },
  { host: "127.0.0.1:8080" },
  { path: "/below/it/BatchExecute" },
  { body: "" },
  { body: '{"sql":"select \'é 😀 \u2028\'"}' },
  { now: Date.UTC(2026, 0, 1, 0, 0, 0) },
  { now: Date.UTC(2025, 11, 31, 23, 59, 59, 999) }
]

it("signs as the AWS SDK's own signer does", async () => {
  for (const one of cases) {
    const { accessKeyId, body, host, now, path, region, secretAccessKey } = { ...usual, ...one }
    const token = one.sessionToken
    const credentials = { accessKeyId, secretAccessKey, ...(token === undefined ? {} : { sessionToken: token }) }
    const theirs = new SignatureV4({ service: "rds-data", region, credentials, sha256: Sha256, applyChecksum: false })
    const [hostname = "", port] = host.split(":")
    const request = {
      method: "POST",
      protocol: "https:",
      hostname,
      ...(port === undefined ? {} : { port: Number(port) }),
      path,
      query: {},
      headers: { host, "content-type": "application/json" },
      body
    }
    const { headers } = await theirs.sign(request, { signingDate: new Date(now) })
    const given = {
      accessKeyId,
      secretAccessKey: Redacted.make(secretAccessKey),
      sessionToken: token === undefined ? undefined : Redacted.make(token)
    }
    const unsigned = { host, path, body, now }
    for (const ours of [new Signer(region).sign(given, unsigned), await new WebSigner(region).sign(given, unsigned)]) {
      const { "user-agent": _, ...signed } = ours
      assert.deepStrictEqual(signed, headers, JSON.stringify(one))
    }
  }
})

it("one signer signs right for each day and each caller, in any order", async () => {
  const kept = new Signer(usual.region)
  const web = new WebSigner(usual.region)
  const days = [usual.now, usual.now + 86_400_000, usual.now]
  const keys = ["AKIDEXAMPLE", "AKIDOTHER", "AKIDEXAMPLE"]
  for (const now of days) {
    for (const accessKeyId of keys) {
      const credentials = { accessKeyId, secretAccessKey: Redacted.make(usual.secretAccessKey) }
      const unsigned = { host: usual.host, path: usual.path, body: usual.body, now }
      const right = new Signer(usual.region).sign(credentials, unsigned)
      assert.deepStrictEqual(kept.sign(credentials, unsigned), right)
      assert.deepStrictEqual(await web.sign(credentials, unsigned), right)
    }
  }
})

it("one signer signs with the second of each request, in any order", async () => {
  const kept = new Signer(usual.region)
  const web = new WebSigner(usual.region)
  const credentials = { accessKeyId: usual.accessKeyId, secretAccessKey: Redacted.make(usual.secretAccessKey) }
  const steps = [0, 400, 600, 999, 1000, 1400, 1001, 999, 59_999, 60_000, 3_599_600, 3_600_000, 0]
  for (const step of steps) {
    const now = usual.now + step
    const unsigned = { host: usual.host, path: usual.path, body: usual.body, now }
    const right = new Signer(usual.region).sign(credentials, unsigned)
    assert.strictEqual(right["x-amz-date"], new Date(now).toISOString().replace(/[-:]|\.\d+/g, ""))
    assert.deepStrictEqual(kept.sign(credentials, unsigned), right)
    assert.deepStrictEqual(await web.sign(credentials, unsigned), right)
  }
})

it("a rotated secret of the same key id is signed with, not the one before", async () => {
  const kept = new Signer(usual.region)
  const web = new WebSigner(usual.region)
  const unsigned = { host: usual.host, path: usual.path, body: usual.body, now: usual.now }
  for (const secret of ["first", "second"]) {
    const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: Redacted.make(secret) }
    const right = new Signer(usual.region).sign(credentials, unsigned)
    assert.deepStrictEqual(kept.sign(credentials, unsigned), right)
    assert.deepStrictEqual(await web.sign(credentials, unsigned), right)
  }
})
