/** `alex-db reset`: empties the database of what is Alex's, and makes it anew. */
import { Console, Effect, Option } from "effect"
import { Prompt, TerminalCapabilities } from "effect/cli"
import * as DbLayer from "../DbLayer.ts"
import { Reset } from "../operations/index.ts"
import { configure, type DatabaseFlags, onConfigured } from "./database.ts"
import { seedText } from "./seed.ts"
import { count, print } from "./text.ts"
import { version } from "./version.ts"

const planText = ({ database, functions, location, mustConfirm, tables }: Reset.ResetPlan): string => {
  if (tables.length === 0) return `Nothing of Alex's is in "${database}" at ${location}: nothing is dropped.`
  const rows = (n: number) =>
    n > Reset.mostCounted ? `more than ${Reset.mostCounted.toLocaleString("en-US")} rows` : count(n, "row")
  return [
    `Reset drops ${count(tables.length, "table")} and ${count(functions.length, "function")} of "${database}" at ${location}:`,
    ...tables.map((table) => `  ${table.name}: ${rows(table.rows)}`),
    ...(mustConfirm === null ? [] : [`It asks for the database's name, since that ${mustConfirm}.`])
  ].join("\n")
}

/** Shows what would be lost, and at a terminal asks for the database's name where it must be confirmed. */
const showAndAsk = Effect.fnUntraced(function* (confirm: string | undefined, canPrompt: boolean) {
  const plan = yield* Reset.plan()
  if (plan.tables.length > 0) yield* Console.error(planText(plan))
  if (plan.mustConfirm === null || confirm !== undefined || !canPrompt) return confirm
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
    readonly dryRun: boolean
  }
) {
  const config = yield* configure(flags)
  if (options.dryRun) return yield* print(flags.json, yield* onConfigured(config)(Reset.plan()), planText)
  const { isLocal } = DbLayer.targetOf(config)
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  const given = Option.getOrUndefined(options.confirm)
  // A database that is not local is not reached before it is confirmed, where nobody can be asked.
  const mayLook = !options.skipDrop && (isLocal || canPrompt || given !== undefined)
  const report = yield* onConfigured(config)(
    Effect.gen(function* () {
      const confirm = mayLook ? yield* showAndAsk(given, canPrompt) : given
      const { skipDrop, withTestData } = options
      const users = Option.getOrUndefined(options.users)
      const positions = Option.getOrUndefined(options.positions)
      return yield* Reset.reset({ confirm, skipDrop, withTestData, users, positions, version: version() })
    })
  )
  yield* print(flags.json, report, resetText)
})
