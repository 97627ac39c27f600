/** The help of every command, as the build writes it down for {@link answerOf}. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Effect from "effect/Effect"
import type { NamedCommand } from "../commands/help.ts"
import { command } from "../commands/index.ts"
import type { Help } from "./helpText.ts"
import { helpOf } from "./presenter.ts"

const pathsOf = ({ name, subcommands }: NamedCommand): ReadonlyArray<ReadonlyArray<string>> => [
  [name],
  ...subcommands.flatMap(({ commands }) => commands.flatMap(pathsOf)).map((path) => [name, ...path])
]

/** The words to type after `alex-db` for each command; the first path is empty. */
export const paths: ReadonlyArray<ReadonlyArray<string>> = pathsOf(command).map(([, ...path]) => path)

/** The structured help of a command, as Effect's command line makes it. */
export const docOf = Effect.fnUntraced(function* (path: ReadonlyArray<string>) {
  const docs: Array<HelpDoc.HelpDoc> = []
  yield* Command.runWith(command, { version: "0" })([...path, "--help"]).pipe(
    Effect.provideService(CliOutput.Presenter, {
      present: (event) =>
        Effect.sync(() => {
          if (event._tag === "Help") docs.push(event.helpDoc)
        })
    })
  )
  const [doc] = docs
  return doc ?? (yield* Effect.die(new Error(`There is no help on ${path.join(" ")}`)))
}, Effect.provide(NodeServices.layer))

/** The help by path, whose words are joined by blanks. */
export const allHelp: Effect.Effect<Readonly<Record<string, Help>>, unknown> = Effect.map(
  Effect.forEach(paths, (path) => Effect.map(docOf(path), (doc) => [path.join(" "), helpOf(doc)] as const)),
  (all) => Object.fromEntries(all)
)
