/** `alex-db gateway`: PostgreSQL's protocol in front of the Data API, for psql, ORMs and every other client. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { EndsWhenStopped } from "../Outcome.ts"
import { defaulted, int, lastPort, on, root } from "../root.ts"

const file = (name: string, description: string) =>
  Flag.Path(name, { pathType: "file", mustExist: true }).pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(description),
    Flag.optional
  )

export const flags = {
  port: defaulted(int("port", 0, lastPort), 5433, "Port to listen on; 0 takes a free one"),
  host: defaulted(
    Flag.String("host"),
    "127.0.0.1",
    "Address to listen on; anything but a loopback address needs --tls-cert and --tls-key"
  ),
  tlsCert: file("tls-cert", "Certificate in PEM, to encrypt connections with"),
  tlsKey: file("tls-key", "Key of the certificate in PEM"),
  trust: on("trust", "Accept every connection without a password"),
  readOnly: on("read-only", "Run everything in READ ONLY transactions"),
  session: on("session", "Keep one transaction open for each connection, for tools that need a session"),
  maxConnections: defaulted(int("max-connections", 1), 100, "Maximum number of connected clients")
}

/** The command. @internal */
export const gateway = Command.make(
  "gateway",
  {
    ...flags,
    command: Argument.String("command").pipe(
      Argument.withDescription("A program to run with the variables set, after --; its exit code is passed on"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { run } = yield* Effect.promise(() => import("../serving/gatewayRun.ts"))
    const ends = yield* EndsWhenStopped
    ends.current = options.command.length === 0
    return yield* run({ ...options, ...flags })
  })
).pipe(
  Command.withDescription(
    "Serve PostgreSQL's protocol in front of the Data API, so that any PostgreSQL client can connect"
  ),
  Command.withExamples([
    {
      command: "alex-db gateway",
      description: "Listen on 127.0.0.1:5433, and print DATABASE_URL and the PG* variables"
    },
    { command: "alex-db gateway -- psql", description: "psql on Aurora; ends with it" },
    { command: "alex-db gateway --read-only -- npx prisma studio", description: "Look, and change nothing" }
  ])
)
