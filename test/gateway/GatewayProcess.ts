/** The gateway and the server behind it as their users start them: each in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

/** Starts `alex-db` and waits for what it prints. */
const started = (args: ReadonlyArray<string>, ready: RegExp, environment: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly child: ChildProcess; readonly found: string }>((resume) => {
      const env = { ...process.env, ...environment }
      const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"], env })
      let output = ""
      let errors = ""
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString()
        const [, found] = ready.exec(output) ?? []
        if (found !== undefined) resume(Effect.succeed({ child, found }))
      })
      child.stderr.on("data", (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-2000)
      })
      child.once("exit", () => resume(Effect.die(new Error(`alex-db ${args[0]} has ended: ${errors}`))))
    }),
    ({ child }) => Effect.sync(() => child.kill())
  )

/** The gateway over the local server on the database at `databaseUrl`. */
export const gatewayProcess = Effect.fnUntraced(function* (databaseUrl: string) {
  const database = new URL(databaseUrl).pathname.slice(1)
  const { found: endpoint } = yield* started(
    ["serve", "--port", "0", "--database-url", databaseUrl],
    /AWS_ENDPOINT_URL_RDS_DATA=(\S+)/
  )
  const { child, found: url } = yield* started(
    ["gateway", "--port", "0", "--trust", "--json"],
    /"DATABASE_URL":"([^"]+)"/,
    {
      ALEX_DB_BACKEND: "data-api",
      AURORA_CLUSTER_ARN: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
      AURORA_SECRET_ARN: "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf",
      AURORA_DATABASE: database,
      AWS_ENDPOINT_URL_RDS_DATA: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret"
    }
  )
  /** The most memory that the gateway's process has had, in MiB. */
  const peakMemory = (): number =>
    Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024)
  return { url, peakMemory }
})
