import { assert, it } from "@effect/vitest"
import { SignatureV4 } from "@smithy/signature-v4"
import { Redacted, Result } from "effect"
import { readCredential, type SignedRequest, verifySignature } from "../../../src/local/http/SignatureCheck.ts"
import { Sha256 } from "../../data-api/aws/Sha256.ts"

const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
const now = Date.UTC(2026, 1, 28, 23, 59, 30)

/** A request as the signer of the AWS SDK signs it. */
const signed = async (one: {
  readonly path?: string
  readonly query?: Record<string, string>
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly checksum?: boolean
}): Promise<SignedRequest> => {
  const { body = '{"sql":"select 1"}', checksum = false, headers = {}, path = "/Execute", query = {} } = one
  const signer = new SignatureV4({
    service: "rds-data",
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey },
    sha256: Sha256,
    applyChecksum: checksum
  })
  const given = { host: "127.0.0.1:8080", "content-type": "application/json", ...headers }
  const request = {
    method: "POST",
    protocol: "http:",
    hostname: "127.0.0.1",
    port: 8080,
    path,
    query,
    headers: given,
    body
  }
  const { headers: sent } = await signer.sign(request, { signingDate: new Date(now) })
  const search = Object.entries(query).map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
  const target = search.length === 0 ? path : `${path}?${search.join("&")}`
  return { method: "POST", target, headers: sent, body: Buffer.from(body) }
}

const verdict = (request: SignedRequest, at = now, secret = secretAccessKey): string => {
  const credential = readCredential(request.headers, undefined)
  if (Result.isFailure(credential)) return credential.failure.message
  const checked = verifySignature(request, credential.success, Redacted.make(secret), at)
  return Result.isFailure(checked) ? checked.failure.message : "accepted"
}

it("what the AWS SDK's own signer signs is accepted", async () => {
  for (const one of [
    {},
    { body: "" },
    { body: "é 😀 \u2028" },
    { checksum: true },
    { headers: { "x-amz-security-token": "IQoJb3JpZ2lu//token==", "x-spaces": "  a   b  " } },
    { query: { b: "2", a: "1 +/é", "a-b": "(*)'!" } },
    { path: "/below/a (b)*'!/Execute" }
  ]) {
    assert.strictEqual(verdict(await signed(one)), "accepted", JSON.stringify(one))
  }
})

it("a request that is not the one that was signed is refused, whichever part of it differs", async () => {
  // The second one claims the sum of its body in a header as well, which proves nothing.
  for (const request of [await signed({}), await signed({ checksum: true })]) {
    const others: ReadonlyArray<SignedRequest> = [
      { ...request, body: Buffer.from('{"sql":"select 2"}') },
      { ...request, body: Buffer.from("") },
      { ...request, target: "/BatchExecute" },
      { ...request, target: "/Execute?a=1" },
      { ...request, method: "PUT" },
      { ...request, headers: { ...request.headers, host: "127.0.0.1:8081" } },
      { ...request, headers: { ...request.headers, "content-type": "text/plain" } },
      { ...request, headers: { ...request.headers, "x-amz-date": "20260228T235931Z" } }
    ]
    for (const other of others) assert.include(verdict(other), "does not match the signature you provided")
    const { authorization = "" } = request.headers
    for (const wrong of [
      authorization.slice(0, -1),
      `${authorization}0`,
      authorization.replace(/.$/, (c) => (c === "0" ? "1" : "0"))
    ]) {
      const other = { ...request, headers: { ...request.headers, authorization: wrong } }
      assert.include(verdict(other), "does not match the signature you provided")
    }
    assert.include(verdict(request, now, `${secretAccessKey}x`), "does not match the signature you provided")
  }
})

it("a signed header that has the name of what all objects have is one that was not sent", async () => {
  const request = await signed({})
  const { authorization = "" } = request.headers
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
    const claimed = authorization.replace("SignedHeaders=", `SignedHeaders=${name};`)
    const other = { ...request, headers: { ...request.headers, authorization: claimed } }
    assert.include(verdict(other), "does not match the signature you provided", name)
  }
})

it("a signature holds for five minutes either way", async () => {
  const request = await signed({})
  const minutes = 60_000
  assert.strictEqual(verdict(request, now + 5 * minutes), "accepted")
  assert.strictEqual(verdict(request, now - 5 * minutes), "accepted")
  assert.include(verdict(request, now + 5 * minutes + 1), "Signature expired: 20260228T235930Z")
  assert.include(verdict(request, now - 5 * minutes - 1), "Signature not yet current: 20260228T235930Z")
})

it("a credential names its key, its date, its region, the service and the end", () => {
  const read = (authorization: string | undefined, date: string | undefined, ...regions: ReadonlyArray<string>) =>
    Result.match(
      readCredential(
        {
          ...(authorization === undefined ? {} : { authorization }),
          ...(date === undefined ? {} : { "x-amz-date": date })
        },
        regions.length === 0 ? undefined : new Set(regions)
      ),
      {
        onSuccess: ({ accessKeyId, region, scope, signedHeaders }) =>
          [accessKeyId, region, scope, ...signedHeaders].join(" "),
        onFailure: ({ code, message }) => `${code}: ${message}`
      }
    )
  const time = "20260228T235930Z"
  const of = (credential: string, headers = "host;x-amz-date") =>
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${headers}, Signature=ab`
  const good = "AKID/20260228/us-east-1/rds-data/aws4_request"
  const whole = "AKID us-east-1 20260228/us-east-1/rds-data/aws4_request host x-amz-date"
  assert.strictEqual(read(of(good), time), whole)
  assert.strictEqual(read(of(good).replaceAll(", ", ","), time, "eu-west-1", "us-east-1"), whole)
  // A key may hold slashes.
  assert.match(read(of(`A/${good}`), time), /^AKID /)
  const refusals: ReadonlyArray<readonly [said: string, refusal: RegExp]> = [
    [read(undefined, time), /^MissingAuthenticationToken/],
    [read(" ", time), /^MissingAuthenticationToken/],
    [read("Bearer x", time), /^IncompleteSignature.*requires the algorithm/],
    [read("AWS4-HMAC-SHA256 Credential=a", time), /'Signature' parameter. .*'SignedHeaders' parameter/],
    [read(of(good), undefined), /'X-Amz-Date' header/],
    [read(of(good), "2026-02-28"), /'X-Amz-Date' header/],
    [read(of("AKID/20260228/us-east-1/rds-data"), time), /at least 5 slash-delimited/],
    [read(of(`/${good.slice(5)}`), time), /at least 5 slash-delimited/],
    [read(of(good.replace("aws4_request", "aws3")), time), /^InvalidSignature.*valid terminator/],
    [read(of(good.replace("rds-data", "rds")), time), /correct service: 'rds-data'/],
    [read(of(good), time, "eu-west-1"), /valid region/],
    [read(of(good.replace("0228", "0227")), time), /does not match YYYYMMDD/],
    [read(of(good, "x-amz-date"), time), /must be a 'SignedHeader'/]
  ]
  for (const [said, refusal] of refusals) assert.match(said, refusal)
})
