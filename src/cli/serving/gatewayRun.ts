/** The gateway behind `alex-db gateway`, and the program that it runs. */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { constants } from "node:os"
import { Effect, Option, Redacted } from "effect"
import type * as Command from "effect/cli/Command"
import type { DbConfig } from "../../DbConfig.ts"
import * as DbLayer from "../../DbLayer.ts"
import { Gateway } from "../../gateway/index.ts"
import type { Target } from "../../operations/database/Target.ts"
import type { flags } from "../commands/gateway.ts"
import { configure, type DatabaseFlags } from "../database.ts"
import { Exit, Refused, SignalsOfProgram } from "../Outcome.ts"
import { printExports, printJsonLine, say } from "../output/text.ts"
import { program } from "../program.ts"
import { logWriter } from "./logWriter.ts"

/** The values of the flags of `alex-db gateway`. */
export interface GatewayOptions extends Command.Command.Config.Infer<typeof flags>, DatabaseFlags {
  readonly command: ReadonlyArray<string>
  readonly json: boolean
}

const user = "alex"

const read = (path: string) =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) =>
      new Refused({
        code: "file",
        problem: `The file ${path} can't be read`,
        fix: "Check its path and its permissions",
        cause
      })
  })

const tlsOf = Effect.fnUntraced(function* ({ tlsCert, tlsKey }: GatewayOptions) {
  if (Option.isNone(tlsCert) && Option.isNone(tlsKey)) return undefined
  if (Option.isNone(tlsCert) || Option.isNone(tlsKey)) {
    return yield* new Refused({
      code: "tls",
      problem: "--tls-cert and --tls-key must be given together",
      fix: "Give both --tls-cert and --tls-key"
    })
  }
  return { cert: yield* read(tlsCert.value), key: Redacted.make(yield* read(tlsKey.value)) }
})

/** The variables that point a PostgreSQL client to the gateway. */
const variablesOf = ({ host, port }: Gateway.Address, database: string, password: string) => {
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  const address = shown.includes(":") ? `[${shown}]` : shown
  const login = password === "" ? user : `${user}:${password}`
  return {
    DATABASE_URL: `postgres://${login}@${address}:${port}/${encodeURIComponent(database)}`,
    PGHOST: shown,
    PGPORT: String(port),
    PGUSER: user,
    ...(password === "" ? {} : { PGPASSWORD: password }),
    PGDATABASE: database,
    // On a terminal psql takes the encoding of the locale otherwise, which may be one that is not converted.
    PGCLIENTENCODING: "UTF8"
  }
}

/** A line for a statement: never its text, which may hold values. */
const lineOf = ({ command, connection, milliseconds, sqlState }: Gateway.StatementEntry): string =>
  `${new Date().toISOString()} #${connection} ${command} ${sqlState ?? "ok"} ${milliseconds} ms`

const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 1 : constants.signals[signal])

/** Signals sent to this process alone are passed on; those of the terminal reach the program by themselves. */
const passedOn = ["SIGTERM", "SIGHUP"] as const

const programRun = ([command = "", ...args]: ReadonlyArray<string>, variables: Readonly<Record<string, string>>) =>
  Effect.uninterruptible(
    Effect.callback<number, Refused>((resume) => {
      const child: ChildProcess = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...variables } })
      const pass = (signal: NodeJS.Signals) => void child.kill(signal)
      const done = (effect: Effect.Effect<number, Refused>) => {
        for (const signal of passedOn) process.off(signal, pass)
        resume(effect)
      }
      for (const signal of passedOn) process.on(signal, pass)
      child.once("error", (cause) =>
        done(
          Effect.fail(
            new Refused({
              code: "command",
              problem: `The program ${command} can't be run`,
              fix: "Check that it is installed and in PATH",
              cause
            })
          )
        )
      )
      child.once("close", (code, signal) => done(Effect.succeed(exitCodeOf(code, signal))))
    })
  )

/** Runs a program until it ends. Ctrl-C is left to the program, which may use it to cancel one query after another. */
const runProgram = Effect.fnUntraced(function* (
  command: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>
) {
  const ofProgram = yield* SignalsOfProgram
  return yield* Effect.acquireUseRelease(
    Effect.sync(() => {
      ofProgram.current = true
    }),
    () => programRun(command, variables),
    () =>
      Effect.sync(() => {
        ofProgram.current = false
      })
  )
})

/** What `--session` means. */
const oneTransaction =
  "Each connection is one transaction: others see what it writes when it ends, and its locks last until then; if the transaction is lost before, so is what it wrote."

/** Listens until the program has ended; without a program, until it is interrupted. */
const listen = Effect.fnUntraced(function* (
  options: GatewayOptions,
  { database, location }: Target["Service"],
  backend: DbConfig["_tag"]
) {
  const password = options.trust ? "" : randomBytes(16).toString("hex")
  const write = yield* logWriter
  const hasCommand = options.command.length > 0
  const address = yield* Gateway.make({
    host: options.host,
    port: hasCommand && options.port === 5433 ? 0 : options.port,
    password: options.trust ? "trust" : Redacted.make(password),
    tls: yield* tlsOf(options),
    readOnly: options.readOnly,
    wholeSession: options.session,
    ownLocks: backend === "embedded",
    maxConnections: options.maxConnections,
    ...(hasCommand ? {} : { onStatement: (entry) => write(lineOf(entry)) })
  })
  const variables = variablesOf(address, database, password)
  if (options.session) yield* say(oneTransaction)
  if (hasCommand) {
    const code = yield* runProgram(options.command, variables)
    return code === 0 ? undefined : yield* new Exit({ code })
  }
  yield* say(`"${database}" at ${location}${options.readOnly ? ", read-only" : ""}`)
  yield* options.json ? printJsonLine(variables) : printExports(variables)
  return yield* Effect.never
}, Effect.scoped)

export const run = Effect.fnUntraced(function* (options: GatewayOptions) {
  const config = yield* configure(options)
  yield* Effect.provide(
    listen(options, DbLayer.targetOf(config), config._tag),
    DbLayer.dataApiOf(config, undefined, { program: program() })
  )
})
