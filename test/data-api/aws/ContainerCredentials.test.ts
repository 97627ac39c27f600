import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fromHttp } from "@aws-sdk/credential-provider-http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as ContainerCredentials from "../../../src/data-api/aws/ContainerCredentials.ts"
import { suffices } from "../../../src/data-api/aws/HttpDataApi.ts"
import { listening } from "../../listening.ts"

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An endpoint of a container, which keeps what it was asked. */
const endpoint = Effect.fnUntraced(function* (answer: (asked: number) => Answer) {
  const requests: Array<IncomingMessage> = []
  const port = yield* listening(() =>
    createServer((request, response) => {
      requests.push(request)
      const { body, headers, status } = answer(requests.length)
      response.writeHead(status, headers)
      response.end(body)
    })
  )
  return { url: `http://127.0.0.1:${port}/v1/credentials`, requests }
})

const expiring = (Expiration: string, SecretAccessKey = "secret") => ({
  status: 200,
  body: JSON.stringify({ AccessKeyId: "key", SecretAccessKey, Token: "token", Expiration })
})

const future = "2099-01-01T00:00:00Z"

describe("the credentials of a container", () => {
  it.live("are what the AWS SDK reads from the same endpoint", () =>
    Effect.gen(function* () {
      const { url } = yield* endpoint(() => expiring(future))
      const found = yield* Effect.flatten(ContainerCredentials.make({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url }))
      const expected = yield* Effect.promise(fromHttp({ awsContainerCredentialsFullUri: url }))
      assert.deepStrictEqual(
        {
          accessKeyId: found.accessKeyId,
          secretAccessKey: Redacted.value(found.secretAccessKey),
          sessionToken: found.sessionToken === undefined ? undefined : Redacted.value(found.sessionToken)
        },
        {
          accessKeyId: expected.accessKeyId,
          secretAccessKey: expected.secretAccessKey,
          sessionToken: expected.sessionToken
        }
      )
    })
  )

  it.effect("are asked for again within the hour if the endpoint does not say, or not readably, when they expire", () =>
    Effect.gen(function* () {
      for (const Expiration of [undefined, null, "soon", 1_900_000_000]) {
        const body = JSON.stringify({ AccessKeyId: "key", SecretAccessKey: "secret", Token: "token", Expiration })
        const { requests, url } = yield* endpoint(() => ({ status: 200, body }))
        const credentials = yield* ContainerCredentials.make({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url })
        yield* credentials
        yield* TestClock.adjust("30 minutes")
        yield* credentials
        assert.strictEqual(requests.length, 1, `${Expiration}`)
        yield* TestClock.adjust("30 minutes")
        yield* credentials
        assert.strictEqual(requests.length, 2, `${Expiration}`)
      }
    })
  )

  it.live("are asked for with the token of the file, as it then is, before that of the variable", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-token-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const file = join(folder, "token")
      // Each answer is already at its end, so that the next call asks again.
      const { requests, url } = yield* endpoint(() => expiring(new Date(Date.now()).toISOString()))
      const credentials = yield* ContainerCredentials.make({
        AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: "of the variable",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file
      })
      for (const token of ["first", "second"]) {
        writeFileSync(file, `${token}\n`)
        yield* credentials
      }
      assert.deepStrictEqual(
        requests.map(({ headers }) => headers.authorization),
        ["first", "second"]
      )
      rmSync(file)
      assert.include((yield* Effect.flip(credentials)).message, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    })
  )

  it.live("are asked for once by calls at the same time, and kept", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* endpoint(() => expiring(future))
      const credentials = yield* ContainerCredentials.make({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url })
      yield* Effect.all(
        Array.from({ length: 20 }, () => credentials),
        { concurrency: "unbounded" }
      )
      yield* credentials
      assert.lengthOf(requests, 1)
    })
  )

  it.live("are renewed before they end; until they end the old ones do where the endpoint fails", () =>
    Effect.gen(function* () {
      const soon = new Date(Date.now() + 60_000).toISOString()
      const { requests, url } = yield* endpoint((asked) =>
        asked === 1 ? expiring(soon, "first") : asked === 2 ? { status: 500, body: "" } : expiring(future, "third")
      )
      const credentials = yield* ContainerCredentials.make({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url })
      const secrets: Array<string> = []
      for (const _ of [1, 2, 3, 4]) secrets.push(Redacted.value((yield* credentials).secretAccessKey))
      assert.deepStrictEqual(secrets, ["first", "first", "third", "third"])
      assert.lengthOf(requests, 3)
    })
  )

  it.effect("are asked for four times, a second apart, before the failure is told; it names no path and no token", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* endpoint(() => ({ status: 403, body: "no" }))
      const credentials = yield* ContainerCredentials.make({
        AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: "hush"
      })
      const failing = yield* Effect.forkChild(Effect.flip(credentials))
      // The answers arrive in real time, the waits are on the clock of the test.
      while (failing.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
        yield* TestClock.adjust("1 second")
      }
      const { message } = yield* Fiber.join(failing)
      assert.lengthOf(requests, 4)
      assert.match(message, /the container's endpoint at http:\/\/127\.0\.0\.1:\d+ answered 403/)
      assert.notInclude(message, "hush")
      assert.notInclude(message, "/v1")
    })
  )

  it.live("go nowhere else: a redirection is not followed", () =>
    Effect.gen(function* () {
      const other = yield* endpoint(() => expiring(future))
      const { url } = yield* endpoint(() => ({ status: 302, headers: { location: other.url }, body: "" }))
      const credentials = yield* ContainerCredentials.make({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url })
      yield* Effect.flip(credentials)
      assert.lengthOf(other.requests, 0)
    })
  )

  it.effect("are never asked for in clear text of another machine", () =>
    Effect.gen(function* () {
      for (const uri of ["http://example.com/", "http://169.254.169.254/", "ftp://127.0.0.1/", "nonsense"]) {
        const credentials = yield* ContainerCredentials.make({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri })
        assert.include((yield* Effect.flip(credentials)).message, "must be https", uri)
      }
    })
  )

  it("do without the AWS SDK, unless a web identity or a profile comes first", () => {
    const environment = {
      HOME: "/nowhere",
      AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/var/run/secrets/token"
    }
    const region = "us-east-1"
    assert.isTrue(suffices({ region }, environment))
    assert.isTrue(suffices({ region }, { HOME: "/nowhere", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials" }))
    assert.isFalse(suffices({ region }, { ...environment, AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/token" }))
    assert.isFalse(suffices({ region }, { ...environment, AWS_PROFILE: "prod" }))
  })
})
