/** The environment of a command: the process's own, completed from a file. */
import { existsSync, readFileSync } from "node:fs"
import { parseEnv } from "node:util"
import { ConfigProvider, Effect, Option } from "effect"
import { CliError } from "effect/cli"

const unreadable = (file: string) => (cause: unknown) =>
  new CliError.UserError({
    cause,
    userMessage: `${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`
  })

/**
 * Reads `.env`, or the file that was asked for: what the environment does not say, or says with an empty value, the
 * file says.
 *
 * It is put into the process's environment too, since the AWS SDK looks for its own variables there.
 */
export const loadEnvironment = Effect.fnUntraced(function* (envFile: Option.Option<string>) {
  const environment = yield* ConfigProvider.ConfigProvider
  const file = Option.getOrElse(envFile, () => ".env")
  if (Option.isNone(envFile) && !existsSync(file)) return environment
  const variables = yield* Effect.try({ try: () => parseEnv(readFileSync(file, "utf8")), catch: unreadable(file) })
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined && (process.env[name] ?? "") === "") process.env[name] = value
  }
  return ConfigProvider.orElse(environment, ConfigProvider.fromEnvRecord(variables))
})
