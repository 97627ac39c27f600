/** Identifies the user of a request: the one whom a signed token names. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ClerkUserId } from "../../../domain/index.ts"

/** Whose tokens are accepted, and which claim names the user. */
export interface IdentityOptions {
  /** Where the issuer publishes its keys: `https://issuer.example/.well-known/jwks.json`. */
  readonly jwks: URL
  /** The `iss` that a token must have. */
  readonly issuer: string
  /** The audience that `aud` must include. */
  readonly audience: string
  /** The claim that is the user's id. */
  readonly claim: string
}

/** Why a request has no user. */
export class NotIdentified extends Data.TaggedError("NotIdentified")<{
  /** `missing` asks for a token, `invalid` refuses one, `unavailable` is the issuer's fault. */
  readonly reason: "missing" | "invalid" | "unavailable"
  /** For the log; it never holds the token. */
  readonly message: string
}> {}

/** Asymmetric signatures only, which only the issuer can make: with HMAC, anybody could sign with the published key. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]

const longestToken = 16_384

const decodeUser = Schema.decodeUnknownOption(ClerkUserId)

/** The codes of jose that mean a problem with the keys or with fetching them, not with the token. */
const ofKeys = ["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"]

const isUnavailable = (error: unknown): boolean => {
  const code = String(Reflect.get(Object(error), "code"))
  return !code.startsWith("ERR_J") || ofKeys.includes(code)
}

const failure = (error: unknown): NotIdentified =>
  isUnavailable(error)
    ? new NotIdentified({ reason: "unavailable", message: "The issuer's keys can't be fetched. Check --jwks" })
    : new NotIdentified({
        reason: "invalid",
        message: `A token was refused: ${String(Reflect.get(Object(error), "code"))}`
      })

/**
 * Makes the function that finds the user of an `Authorization` header. The keys are fetched when needed, and cached.
 */
export const make = Effect.fnUntraced(function* ({ audience, claim, issuer, jwks }: IdentityOptions) {
  // Loaded here alone: nothing else needs it.
  const { createRemoteJWKSet, jwtVerify } = yield* Effect.promise(() => import("jose"))
  const keys = createRemoteJWKSet(jwks, { timeoutDuration: 5000 })
  return Effect.fn("Identity.userOf")(function* (authorization: string | undefined) {
    const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization ?? "") ?? []
    if (token === undefined) return yield* new NotIdentified({ reason: "missing", message: "A request has no token" })
    if (token.length > longestToken)
      return yield* new NotIdentified({ reason: "invalid", message: "A token is too long" })
    const { payload } = yield* Effect.tryPromise({
      try: () => jwtVerify(token, keys, { algorithms, audience, issuer, requiredClaims: ["exp", claim] }),
      catch: failure
    })
    const user = decodeUser(payload[claim])
    if (Option.isNone(user)) {
      return yield* new NotIdentified({ reason: "invalid", message: `The claim ${claim} of a token names no user` })
    }
    return { user: user.value, expires: (payload.exp ?? 0) * 1000 }
  })
})
