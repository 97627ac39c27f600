/**
 * The credentials of a container's role, without the AWS SDK: from the endpoint that ECS and EKS Pod Identity name in
 * the environment.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import { Unauthenticated } from "../DataApiError.ts"
import type { Credentials } from "./Signer.ts"

/** The timeout of one request and the wait between attempts, in milliseconds, and the attempts: all as in the SDK. */
const PATIENCE = 1000
const ATTEMPTS = 4

/** Credentials are renewed this many milliseconds before they expire. */
const EARLY = 5 * 60_000

/** How long credentials last, in milliseconds, whose end can't be read; the endpoints' own last for an hour and longer. */
const UNKNOWN = 60 * 60_000

type Environment = Readonly<Record<string, string | undefined>>

/** The endpoint's address; empty if the environment names none. */
const addressOf = (env: Environment): string => {
  const relative = env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
  return relative ? `http://169.254.170.2${relative}` : (env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? "")
}

/** Whether the environment names an endpoint. */
export const isNamed = (env: Environment): boolean => addressOf(env) !== ""

/** Only ECS, EKS and this machine may be contacted without TLS. */
const mayBeAsked = ({ hostname, protocol }: URL): boolean =>
  protocol === "https:" ||
  (protocol === "http:" &&
    (["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "[::1]", "localhost"].includes(hostname) ||
      /^127\.\d+\.\d+\.\d+$/.test(hostname)))

const refuse = (message: string) => new Unauthenticated({ message, code: "CredentialsProviderError" })

/**
 * The token that the endpoint requires, from a file or a variable. The file is read each time: its token is rotated.
 */
const authorization = (env: Environment): Effect.Effect<string | undefined, Unauthenticated> => {
  const file = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
  if (!file) return Effect.succeed(env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] || undefined)
  return Effect.try({
    try: () => process.getBuiltinModule("node:fs").readFileSync(file, "utf8").trim(),
    catch: () => refuse("No AWS credentials: the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names can't be read.")
  })
}

interface Kept {
  readonly credentials: Credentials
  /** When they expire, in milliseconds since 1970. */
  readonly end: number
}

const keptOf = (answer: unknown, now: number): Kept | undefined => {
  if (typeof answer !== "object" || answer === null) return undefined
  const { AccessKeyId, Expiration, SecretAccessKey, Token }: Readonly<Record<string, unknown>> = { ...answer }
  if (typeof AccessKeyId !== "string" || typeof SecretAccessKey !== "string") return undefined
  const end = typeof Expiration === "string" ? Date.parse(Expiration) : Number.NaN
  return {
    credentials: {
      accessKeyId: AccessKeyId,
      secretAccessKey: Redacted.make(SecretAccessKey),
      sessionToken: typeof Token === "string" && Token !== "" ? Redacted.make(Token) : undefined
    },
    end: Number.isNaN(end) ? now + UNKNOWN : end
  }
}

const ask = Effect.fnUntraced(function* (url: URL, env: Environment) {
  const token = yield* authorization(env)
  const { answer, status } = yield* Effect.tryPromise({
    try: async (interrupted) => {
      const signal = AbortSignal.any([interrupted, AbortSignal.timeout(PATIENCE)])
      const headers = token === undefined ? {} : { authorization: token }
      // No redirects: the token must not go to another host.
      const response = await fetch(url, { headers, redirect: "error", signal })
      return { status: response.status, answer: response.status === 200 ? await response.json() : undefined }
    },
    catch: () => refuse(`No AWS credentials: the container's endpoint at ${url.origin} does not answer.`)
  })
  const kept = keptOf(answer, yield* Clock.currentTimeMillis)
  if (kept !== undefined) return kept
  return yield* refuse(
    `No AWS credentials: the container's endpoint at ${url.origin} ${status === 200 ? "gave none" : `answered ${status}`}.`
  )
})

const patiently = (url: URL, env: Environment, attempt = 1): Effect.Effect<Kept, Unauthenticated> =>
  Effect.catch(ask(url, env), (error) =>
    attempt === ATTEMPTS ? Effect.fail(error) : Effect.andThen(Effect.sleep(PATIENCE), patiently(url, env, attempt + 1))
  )

/**
 * Makes an effect that returns the credentials of the container's role. They are cached, and renewed five minutes
 * before they expire. Concurrent calls share one request.
 *
 * @param env The environment that names the endpoint and the token.
 * @errors Unauthenticated
 */
export const make = (env: Environment = process.env): Effect.Effect<Effect.Effect<Credentials, Unauthenticated>> =>
  Effect.sync(() => {
    let kept: Kept | undefined
    const turn = Semaphore.makeUnsafe(1)
    const renew = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      // Another call may have renewed them while this one waited.
      if (kept !== undefined && now < kept.end - EARLY) return kept.credentials
      const url = URL.parse(addressOf(env))
      if (url === null || !mayBeAsked(url)) {
        return yield* refuse(
          "No AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of ECS, EKS or this machine."
        )
      }
      const last = kept
      // The last credentials are valid until they expire, so a failed renewal does no harm.
      kept = yield* last !== undefined && now < last.end
        ? Effect.orElseSucceed(ask(url, env), () => last)
        : patiently(url, env)
      return kept.credentials
    })
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      kept !== undefined && now < kept.end - EARLY ? Effect.succeed(kept.credentials) : turn.withPermit(renew)
    )
  })
