/** `alex-db reset`: drops what is Alex's, and creates it again. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Reset } from "../../operations/index.ts"
import { count, print, sayLines } from "../output/text.ts"
import { visibleReport } from "../output/visible.ts"
import { database, int, on, operations, root } from "../root.ts"
import { version } from "../version.ts"
import { seedText } from "./seed.ts"

/** @param mostCounted The most rows that are counted in a table. */
const planText =
  (mostCounted: number) =>
  ({ additions, database, functions, location, mustConfirm, tables }: Reset.ResetPlan): string => {
    if (tables.length === 0) return `"${database}" at ${location} has nothing of Alex's: nothing is dropped.`
    const rows = (n: number) =>
      n > mostCounted ? `more than ${mostCounted.toLocaleString("en-US")} rows` : count(n, "row")
    return [
      `Reset drops ${count(tables.length, "table")} and ${count(functions.length, "function")} of "${database}" at ${location}:`,
      ...tables.map((table) => `  ${table.name}: ${rows(table.rows)}`),
      ...(additions.length === 0 ? [] : [`With them goes what no migration creates again: ${additions.join(", ")}.`]),
      ...(mustConfirm === null ? [] : [`It asks for the database's name, since that ${mustConfirm}.`])
    ].join("\n")
  }

/** Shows what would be lost, and at a terminal asks for the database's name where it must be confirmed. */
const showAndAsk = Effect.fnUntraced(function* (confirm: string | undefined, canPrompt: boolean) {
  const { Reset } = yield* operations
  const plan = yield* Reset.plan()
  if (plan.tables.length > 0) yield* sayLines(planText(Reset.mostCounted)(visibleReport(plan)))
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

const flagsOfReset = {
  withTestData: on("with-test-data", "Add the test user with three accounts and five positions"),
  skipDrop: on("skip-drop", "Drop nothing; migrate and seed the existing database"),
  users: int("users", 0).pipe(Flag.withDescription("Add this many generated users, for load tests"), Flag.optional),
  positions: int("positions", 0).pipe(
    Flag.withDescription("How many positions each generated user has (default: 5)"),
    Flag.optional
  ),
  confirm: Flag.String("confirm").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(
      "The database's name, to confirm the reset of one that is not local or holds what no seed restores"
    ),
    Flag.optional
  ),
  yes: on("yes", "Skip the confirmation for a database on this machine; any other still has to be confirmed by name"),
  dryRun: on("dry-run", "Say what would be dropped, and drop nothing")
}

export const reset = Command.make(
  "reset",
  flagsOfReset,
  Effect.fnUntraced(function* ({ skipDrop, withTestData, ...options }) {
    const flags = yield* root
    const { configure, onConfigured, targetOf } = yield* database
    const { Reset } = yield* operations
    const config = yield* configure(flags)
    if (options.dryRun) {
      return yield* print(flags.json, yield* onConfigured(config)(Reset.plan()), planText(Reset.mostCounted))
    }
    const { database: name, isLocal } = targetOf(config)
    const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
    const given = Option.getOrElse(options.confirm, () => (options.yes && isLocal ? name : undefined))
    // Without a terminal to ask at, a database that is not local is not contacted before it is confirmed.
    const mayLook = !skipDrop && (isLocal || canPrompt || given !== undefined)
    const report = yield* onConfigured(config)(
      Effect.gen(function* () {
        const confirm = mayLook ? yield* showAndAsk(given, canPrompt) : given
        const users = Option.getOrUndefined(options.users)
        const positions = Option.getOrUndefined(options.positions)
        return yield* Reset.reset({ confirm, skipDrop, withTestData, users, positions, version: version() })
      })
    )
    yield* print(flags.json, report, resetText)
  })
).pipe(
  Command.withDescription("Drop Alex's own tables, migrate and seed"),
  Command.withExamples([
    { command: "alex-db reset --with-test-data", description: "Start again, locally" },
    { command: "alex-db reset --yes", description: "The same in a script, where nobody can be asked" },
    { command: "alex-db reset --users 1000 --positions 20", description: "Add data for load tests" }
  ])
)
