/** The server behind `alex-db mcp --http`. */
import { Effect, type Layer, Option } from "effect"
import * as McpHttp from "../../agent/mcp/http/McpHttp.ts"
import type { Grant } from "../../agent/tools/Grants.ts"
import type { Services } from "../../DbLayer.ts"
import { isLoopback, listenError } from "../../local/http/Listener.ts"
import type { McpFlags } from "../commands/mcp.ts"
import { Refused, WrongUsage } from "../Outcome.ts"
import { version } from "../version.ts"
import { trailTo } from "./trail.ts"

/** The values of the flags, and what was made from them. */
export interface HttpRun extends McpFlags {
  readonly port: number
  readonly granted: ReadonlySet<Grant>
  readonly database: Layer.Layer<Services, unknown>
}

const urlOf = Effect.fnUntraced(function* (flag: string, given: Option.Option<string>) {
  const url = Option.isSome(given) ? URL.parse(given.value) : null
  const wrong = (problem: string) =>
    new WrongUsage({ problem, fix: `Give ${flag} a URL of https, or of http on this machine` })
  if (url === null) {
    return yield* wrong(Option.isSome(given) ? `${flag} is not a URL` : `${flag} is missing, which --http needs`)
  }
  const isSafe =
    url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1")))
  return isSafe ? url : yield* wrong(`${flag} is not encrypted, so it could be changed on its way`)
})

const issuerOf = (issuer: Option.Option<string>) =>
  Option.isSome(issuer)
    ? Effect.succeed(issuer.value)
    : Effect.fail(
        new WrongUsage({ problem: "--issuer is missing, which --http needs", fix: "Give the iss of the tokens" })
      )

/** Serves until it is stopped; requests in progress are still answered. */
export const serveHttp = Effect.fnUntraced(function* (run: HttpRun) {
  const { allowHost, allowOrigin, audience, callSeconds, claim, database, granted, host, maxResult, port, result } = run
  const jwks = yield* urlOf("--jwks", run.jwks)
  const issuer = yield* issuerOf(run.issuer)
  const resource = Option.isSome(run.resource) ? yield* urlOf("--resource", run.resource) : undefined
  if (!isLoopback(host)) {
    yield* Effect.logWarning(`${host} is not a loopback address: put a TLS proxy in front of this server`)
  }
  const url = yield* McpHttp.serve({
    database,
    granted,
    result,
    host,
    port,
    resource,
    version: version(),
    identity: { jwks, issuer, claim, audience: Option.getOrUndefined(audience) },
    limits: { budget: `${callSeconds} seconds`, maxResult, onCall: yield* trailTo(run.trail) },
    allowedHosts: allowHost,
    allowedOrigins: allowOrigin,
    idle: `${run.sessionMinutes} minutes`
  }).pipe(
    Effect.catchTag("ServeError", ({ cause }) => {
      const problem = listenError(host, port, cause).message
      return Effect.fail(
        new Refused({ code: "serve", problem, fix: "Run alex-db mcp --help, which explains each option", cause })
      )
    })
  )
  yield* Effect.logInfo(`MCP server for many users at ${url.href}, tokens of ${issuer}`)
  return yield* Effect.never
}, Effect.scoped)
