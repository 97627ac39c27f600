/** `alex-db reset`: empties the database of what is Alex's, and makes it anew. */
import { Console, Effect, Option } from "effect"
import { Prompt, TerminalCapabilities } from "effect/cli"
import * as DbLayer from "../DbLayer.ts"
import { Reset } from "../operations/index.ts"
import { configure, type DatabaseFlags, onConfigured } from "./database.ts"
import { seedText } from "./seed.ts"
import { count, print } from "./text.ts"
import { version } from "./version.ts"

/** At a terminal the name of a database that is not local is asked for, below what would be lost. */
const askForName = Effect.fnUntraced(function* (database: string, location: string) {
  const tables = yield* Reset.affected()
  yield* Console.error(`This drops ${count(tables.length, "table")} of "${database}" at ${location}:`)
  for (const { name, rows } of tables)
    yield* Console.error(`  ${name}: ${rows < 0 ? "not counted" : `about ${rows} rows`}`)
  return yield* Prompt.run(Prompt.String({ message: "Type the database's name to go on" }))
})

const resetText = ({ dropped, loadData, migrated, seeded, testData }: Reset.ResetReport): string =>
  [
    dropped.length === 0 ? "Dropped nothing." : `Dropped ${dropped.join(", ")}.`,
    `${count(migrated.applied.length, "migration")} applied, ${migrated.alreadyApplied} already in place.`,
    seedText(seeded),
    ...(testData === null
      ? []
      : [
          `Test data: ${count(testData.users, "user")}, ${count(testData.accounts, "account")}, ${count(testData.positions, "position")} added.`
        ]),
    ...(loadData === null
      ? []
      : [
          `Generated: ${count(loadData.users, "user")}, ${count(loadData.accounts, "account")}, ${count(loadData.positions, "position")} added.`
        ])
  ].join("\n")

export const reset = Effect.fnUntraced(function* (
  flags: DatabaseFlags & { readonly json: boolean },
  options: {
    readonly withTestData: boolean
    readonly skipDrop: boolean
    readonly users: Option.Option<number>
    readonly positions: Option.Option<number>
    readonly confirm: Option.Option<string>
  }
) {
  const config = yield* configure(flags)
  const { database, isLocal, location } = DbLayer.targetOf(config)
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  const mustAsk = !isLocal && !options.skipDrop && canPrompt && Option.isNone(options.confirm)
  const report = yield* onConfigured(config)(
    Effect.gen(function* () {
      const confirm = mustAsk ? yield* askForName(database, location) : Option.getOrUndefined(options.confirm)
      const { skipDrop, withTestData } = options
      const users = Option.getOrUndefined(options.users)
      const positions = Option.getOrUndefined(options.positions)
      return yield* Reset.reset({ confirm, skipDrop, withTestData, users, positions, version: version() })
    })
  )
  yield* print(flags.json, report, resetText)
})
