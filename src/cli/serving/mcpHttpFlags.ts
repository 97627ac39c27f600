/** The flags of `alex-db mcp --http`. */
import * as Flag from "effect/cli/Flag"
import { defaulted, hostName, int, lastPort } from "../root.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const texts = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.between(0, 100))

/** @internal */
export const httpFlags = {
  http: int("http", 0, lastPort).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription("Serve many users over Streamable HTTP on this port; 0 takes a free one"),
    Flag.optional
  ),
  host: defaulted(Flag.String("host"), "127.0.0.1", "With --http: the address to listen on"),
  jwks: text("jwks", "URL", "With --http: where the issuer of the tokens publishes its keys"),
  issuer: text("issuer", "URL", "With --http: the iss that a token must have"),
  audience: text(
    "audience",
    "TEXT",
    "With --http: the audience that a token's aud must include; the resource by default"
  ),
  claim: defaulted(Flag.String("claim"), "sub", "With --http: the claim of a token that is the user's id"),
  resource: text(
    "resource",
    "URL",
    "With --http: the URL that clients use for this server, if it is not its own address"
  ),
  allowHost: hostName("allow-host").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("With --http: a host name that requests may use, besides those of loopback"),
    Flag.between(0, 100)
  ),
  allowOrigin: texts("allow-origin", "ORIGIN", "With --http: an origin whose web pages may send requests"),
  sessionMinutes: defaulted(
    int("session-minutes", 1, 10_080),
    30,
    "With --http: how long a session lasts without a request"
  )
}
