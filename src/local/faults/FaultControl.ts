/**
 * The control endpoint of a local server's faults, on a separate port that only this machine can reach.
 *
 * | request | does |
 * |---|---|
 * | `GET /` | returns the plan, the number of calls since it was set, and how often each fault occurred |
 * | `PUT /` or `POST /` | replaces the plan by the body, a `FaultPlan`, and resets the counts |
 * | `DELETE /` | removes the plan, so that no faults occur |
 * | `POST /failover` | a failover now: every open transaction is lost |
 */
import type { ServerResponse } from "node:http"
import { Effect, Exit, Schema } from "effect"
import { type Body, browserSign, listen, readBody } from "../http/Listener.ts"
import { FaultPlan } from "./FaultPlan.ts"
import { Faults } from "./Faults.ts"

interface Answer {
  readonly status: number
  readonly body: unknown
  /** The methods of the path, where the request's is none of them. */
  readonly allow?: string
}

const decodePlan = Schema.decodeUnknownEffect(Schema.fromJsonString(FaultPlan))

const send = (response: ServerResponse, { allow, body, status }: Answer): void => {
  const headers = { "content-type": "application/json", ...(allow === undefined ? {} : { allow }) }
  response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`)
}

const answer = Effect.fnUntraced(function* (method: string, path: string, body: string) {
  const faults = yield* Faults
  const ok = Effect.map(faults.state, (state): Answer => ({ status: 200, body: state }))
  if (path === "/failover") {
    if (method === "POST") return yield* Effect.andThen(faults.failover, ok)
    return { status: 405, allow: "POST", body: { message: "Use POST." } }
  }
  if (path !== "/") return { status: 404, body: { message: "Not found: use / or /failover." } }
  switch (method) {
    case "GET":
      return yield* ok
    case "PUT":
    case "POST":
      return yield* decodePlan(body, { errors: "all", onExcessProperty: "error" }).pipe(
        Effect.flatMap(faults.set),
        Effect.andThen(ok),
        Effect.catch((error) => Effect.succeed<Answer>({ status: 400, body: { message: error.message } }))
      )
    case "DELETE":
      return yield* Effect.andThen(faults.set({}), ok)
    default:
      return { status: 405, allow: "GET, PUT, POST, DELETE", body: { message: "Use GET, PUT, POST or DELETE." } }
  }
})

/** The largest body, in bytes; a plan is much smaller. */
const maxBytes = 256 * 1024

/**
 * Listens on a loopback port for as long as the scope is open. 0 takes any free port.
 *
 * @errors ListenError
 */
export const listenForFaults = Effect.fn("FaultControl.listen")(function* (options: { readonly port: number }) {
  const fork = Effect.runForkWith(yield* Effect.context<Faults>())
  return yield* listen({
    host: "127.0.0.1",
    port: options.port,
    grace: "1 second",
    onRequest: (request, response) => {
      const sign = browserSign(request.headers, [])
      readBody(request, maxBytes, (body: Body) => {
        if (body === "aborted") return
        if (body === "too large") return send(response, { status: 413, body: { message: "The plan is too large." } })
        if (sign !== undefined) return send(response, { status: 403, body: { message: `Refused: ${sign}.` } })
        const handled = answer(request.method ?? "GET", request.url ?? "/", body.toString())
        fork(handled).addObserver((exit) =>
          send(response, Exit.isSuccess(exit) ? exit.value : { status: 500, body: { message: "Internal error." } })
        )
      })
    }
  })
})
