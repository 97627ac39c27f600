/** `alex-db serve`: the local Data API server for any AWS SDK, ORM or the AWS CLI. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { EndsWhenStopped } from "../Outcome.ts"
import { defaulted, hostName, int, lastPort, on, root } from "../root.ts"

/** @internal */
export const flags = {
  port: defaulted(int("port", 0, lastPort), 8080, "Port to listen on; 0 takes a free one"),
  host: defaulted(
    Flag.String("host"),
    "127.0.0.1",
    "Address to listen on; other machines can reach anything but a loopback address"
  ),
  allowHost: hostName("allow-host").pipe(
    Flag.withDescription("Another host name that requests may use, such as a container's; may be repeated"),
    Flag.atLeast(0)
  ),
  engine: Flag.Literals("engine", ["pglite", "postgres"]).pipe(
    Flag.withDescription(
      "What runs the SQL: the embedded PGlite, or a PostgreSQL server (default with --database-url)"
    ),
    Flag.optional
  ),
  databaseUrl: Flag.Redacted("database-url").pipe(
    Flag.withDescription("PostgreSQL server, postgres://user:password@host:port/database; else DATABASE_URL"),
    Flag.optional
  ),
  maxConnections: defaulted(int("max-connections", 1, 10_000), 20, "Connections to the PostgreSQL server at a time"),
  dataDir: Flag.Directory("data-dir", { mustExist: false }).pipe(
    Flag.withMetavar("FOLDER"),
    Flag.withDescription("Folder of the embedded database; else ALEX_DB_DIR, else .alex-db"),
    Flag.optional
  ),
  memory: on("memory", "Keep the embedded database in memory and discard it at exit"),
  region: defaulted(Flag.String("region"), "us-east-1", "AWS region of the printed cluster"),
  clusters: Flag.Path("clusters", { pathType: "either", mustExist: false }).pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "JSON file of the clusters, secrets and callers that are accepted; any cluster is accepted otherwise"
    ),
    Flag.optional
  ),
  secretKey: Flag.Redacted("secret-key").pipe(
    Flag.withDescription("AWS secret access key to verify signatures with; they are not verified otherwise"),
    Flag.optional
  ),
  trace: on("trace", "Log the SQL with its values; for debugging only, since values may be confidential"),
  transactionIdle: defaulted(
    int("transaction-idle", 1, 86_400),
    180,
    "Seconds after which an idle transaction is rolled back"
  ),
  controlPort: int("control-port", 0, 65_535).pipe(
    Flag.withDescription(
      "Loopback port to set faults on while the server runs (GET, PUT, DELETE /); 0 takes a free one"
    ),
    Flag.optional
  ),
  faults: Flag.Path("faults", { pathType: "either", mustExist: false }).pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("JSON file of the faults to inject"),
    Flag.optional
  ),
  pause: Flag.Finite("pause").pipe(
    Flag.withDescription("Start as a paused cluster that resumes this many seconds after its first call"),
    Flag.optional
  ),
  throttle: Flag.Finite("throttle").pipe(Flag.withDescription("Share of the calls to throttle, 0 to 1"), Flag.optional),
  latency: Flag.Finite("latency").pipe(Flag.withDescription("Median delay of a call in milliseconds"), Flag.optional),
  latencyP99: Flag.Finite("latency-p99").pipe(
    Flag.withDescription("99th percentile of the delay in milliseconds"),
    Flag.optional
  ),
  seed: Flag.Int("seed").pipe(Flag.withDescription("Seed of the random faults and delays"), Flag.optional)
}

/** The command. @internal */
export const serve = Command.make(
  "serve",
  flags,
  Effect.fnUntraced(function* (options) {
    const { backend, dotenv, json } = yield* root
    const { run } = yield* Effect.promise(() => import("../serving/served.ts"))
    const ends = yield* EndsWhenStopped
    ends.current = true
    return yield* run({ ...options, backend, dotenv, json })
  })
).pipe(
  Command.withDescription("Serve the RDS Data API on this machine, and print the variables that point AWS SDKs to it"),
  Command.withExamples([
    { command: "alex-db serve --memory", description: "A database that is discarded at exit" },
    { command: "alex-db serve --json --port 0", description: "The variables as JSON, on a free port" },
    {
      command: "alex-db serve --pause 20 --throttle 0.05",
      description: "A paused cluster, then 5 % of calls throttled"
    }
  ])
)
