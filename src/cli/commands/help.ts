/** `alex-db help` and `alex-db version`: what `--help` and `--version` say, as commands. */
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { WrongUsage } from "../Outcome.ts"
import { print } from "../output/text.ts"
import { root } from "../root.ts"
import { version as packageVersion } from "../version.ts"

/** The parts of a command that help needs. */
export interface NamedCommand {
  readonly name: string
  readonly subcommands: ReadonlyArray<{ readonly commands: ReadonlyArray<NamedCommand> }>
}

const subcommand = (command: NamedCommand, name: string): NamedCommand | undefined =>
  command.subcommands.flatMap(({ commands }) => commands).find((one) => one.name === name)

/** @param whole Returns the whole command line, which exists only once all of its commands do. */
export const helpOn = (whole: () => NamedCommand) =>
  Command.make(
    "help",
    {
      command: Argument.String("command").pipe(
        Argument.withDescription("The command to explain, for example migrate plan"),
        Argument.atLeast(0)
      )
    },
    Effect.fnUntraced(function* ({ command }) {
      let found = whole()
      for (const name of command) {
        const next = subcommand(found, name)
        if (next === undefined) {
          return yield* new WrongUsage({
            problem: `There is no command "${command.join(" ")}"`,
            fix: `Run ${root.name} --help, which lists them`
          })
        }
        found = next
      }
      return yield* new CliError.ShowHelp({ commandPath: [root.name, ...command], errors: [] })
    })
  ).pipe(Command.withDescription("Explain a command"))

export const version = Command.make(
  "version",
  {},
  Effect.fnUntraced(function* () {
    const { json } = yield* root
    const document = { name: "alex-database", version: packageVersion(), node: process.versions.node }
    yield* print(json, document, ({ version }) => `${root.name} v${version}`)
  })
).pipe(Command.withDescription("Print the version"))
