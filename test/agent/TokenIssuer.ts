/** An issuer of the tokens by which users reach the server over HTTP. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Context, Effect, Layer } from "effect"
import { calculateJwkThumbprint, exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose"

export const issuer = "https://issuer.example"
export const audience = "alex"

/** An issuer of tokens: its keys are on loopback. */
const makeIssuer = async () => {
  const own = await generateKeyPair("RS256", { extractable: true })
  const foreign = await generateKeyPair("RS256")
  const jwk = await exportJWK(own.publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json" })
    response.end(JSON.stringify({ keys: [{ ...jwk, kid, use: "sig", alg: "RS256" }] }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const now = Math.floor(Date.now() / 1000)
  const claims = (user: string) => ({ sub: user, iss: issuer, aud: audience, iat: now, exp: now + 3600 })
  const sign = (payload: Readonly<Record<string, unknown>>, key = own.privateKey, header: object = {}) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: "RS256", kid, ...header }).sign(key)
  return {
    jwks: new URL(`http://127.0.0.1:${port}/jwks.json`),
    token: (user: string) => sign(claims(user)),
    claims,
    sign,
    now,
    kid,
    foreign: foreign.privateKey,
    publicPem: await exportSPKI(own.publicKey),
    close: () => server.close()
  }
}

export class Issuer extends Context.Service<Issuer, Awaited<ReturnType<typeof makeIssuer>>>()("test/Issuer") {
  static readonly layer = Layer.effect(
    Issuer,
    Effect.acquireRelease(Effect.promise(makeIssuer), (one) => Effect.sync(one.close))
  )
}
