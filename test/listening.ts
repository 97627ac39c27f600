/** Servers of HTTP that tests call. */
import type { Server } from "node:http"
import { Effect, type Scope } from "effect"

/** Listens on a free port of this machine, which it gives, and ends all connections with the scope. */
export const listening = (create: () => Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = create()
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    ),
    (server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    }
  )
