/** What becomes of the refusals of a server that is starting, stopping or full. */
import { createServer, type Server } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import * as PostgresSql from "../src/PostgresSql.ts"
import * as TestDatabase from "./TestDatabase.ts"

/** A server that answers every start of a session with a refusal. */
const refusing = (sqlState: string) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((socket) => {
        socket.on("error", () => socket.destroy())
        socket.once("data", () => {
          const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0Mnot now\0\0`)
          const head = Buffer.from([0x45, 0, 0, 0, 0])
          head.writeInt32BE(fields.length + 4, 1)
          socket.end(Buffer.concat([head, fields]))
        })
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

const config = (port: number): Parameters<typeof PostgresSql.layer>[0] => ({
  host: "127.0.0.1",
  port,
  username: "ann",
  database: "alex",
  ssl: false
})

it.live("a server that takes no sessions at the moment is a connection failure, which may be retried", () =>
  Effect.gen(function* () {
    for (const [state, reason] of [
      ["57P03", "ConnectionError"],
      ["53300", "ConnectionError"],
      ["28P01", "AuthenticationError"],
      ["3D000", "UnknownError"]
    ] as const) {
      const server = yield* refusing(state)
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const program = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`).pipe(
        Effect.provide(PostgresSql.layer(config(port)))
      )
      const error = yield* Effect.flip(program)
      assert.isTrue(SqlError.isSqlError(error))
      assert.strictEqual(error.reason._tag, reason, state)
    }
  })
)

const url = TestDatabase.postgresUrl ?? ""

describe.skipIf(url === "")(TestDatabase.onPostgres("a session that the server ends"), () => {
  it.live("is a connection failure, and not an unknown one", () =>
    Effect.gen(function* () {
      const fresh = yield* TestDatabase.freshDatabase(url)
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const error = yield* Effect.flip(sql`select pg_terminate_backend(pg_backend_pid())`)
        assert.strictEqual(error.reason._tag, "ConnectionError")
      }).pipe(Effect.provide(PostgresSql.layer({ url: fresh })))
    })
  )
})
