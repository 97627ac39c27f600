/** What the benchmarks talk to, each in a process of its own and ended with the scope. */
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { PgClient } from "@effect/sql-pg"
import { Data, Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"

export const arns = {
  resourceArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
  secretArn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf"
}
/** The example pair of the AWS documentation. */
export const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
export const region = "us-east-1"

/** The server that databases are made on. */
export const postgresUrl = process.env["TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"

/** A server of the bench ended before it was ready. */
class ProcessEnded extends Data.TaggedError("ProcessEnded")<{ readonly message: string }> {}

/** Starts a program of Node and waits for what `ready` finds in its output. */
export const start = (args: ReadonlyArray<string>, ready: (output: string) => string | undefined) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly found: string; readonly child: ChildProcess }, ProcessEnded>((resume) => {
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] })
      let output = ""
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString()
        const found = ready(output)
        if (found !== undefined) resume(Effect.succeed({ found, child }))
      })
      child.once("exit", (code) => resume(Effect.fail(new ProcessEnded({ message: `${args[0]} ended with ${code}` }))))
    }),
    ({ child }) => Effect.sync(() => child.kill())
  ).pipe(Effect.map(({ found }) => found))

const here = (name: string): string => new URL(name, import.meta.url).pathname

/** The URL of a Data API that answers from memory. */
export const responder = start([here("responder.ts")], (output) => /^http:\S+/m.exec(output)?.[0])

/** The URL of the local Data API server on a PostgreSQL database. */
export const served = (databaseUrl: string) =>
  start(
    [here("../../src/cli/main.ts"), "serve", "--port", "0", "--database-url", databaseUrl],
    (output) => /AWS_ENDPOINT_URL_RDS_DATA=(\S+)/.exec(output)?.[1]
  )

/** The URL of a server that passes requests on after a while: below `/10` after 10 milliseconds. */
export const delaying = (endpoint: string) =>
  start([here("delay.ts"), endpoint], (output) => /^http:\S+/m.exec(output)?.[0])

const onServer = (statement: string) =>
  Effect.scoped(
    Effect.flatMap(PgClient.make({ url: Redacted.make(postgresUrl), maxConnections: 1 }), (sql) =>
      sql.unsafe(statement)
    )
  ).pipe(Effect.provide(Reactivity.layer))

/** The URL of an empty database, dropped with the scope. */
export const freshDatabase = Effect.gen(function* () {
  const name = `bench_${randomUUID().replaceAll("-", "").slice(0, 12)}`
  yield* Effect.acquireRelease(onServer(`CREATE DATABASE ${name}`), () =>
    Effect.ignore(onServer(`DROP DATABASE ${name} WITH (FORCE)`))
  )
  const url = new URL(postgresUrl)
  url.pathname = `/${name}`
  return url.href
})
