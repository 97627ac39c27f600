/** `alex-db migrate plan`: the statements that migrate would run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Plan } from "../../../operations/index.ts"
import { count, print, type Style } from "../../output/text.ts"
import { database, on, operations, root } from "../../root.ts"

const planText = ({ statements, tried }: Plan.PlanReport, marks: Style) =>
  statements.length === 0
    ? "Nothing to apply."
    : [
        ...statements.flatMap(({ line, locks, migration, sql, warnings }) => [
          marks.dim(`-- ${migration}.sql, line ${line}`),
          `${sql};`,
          ...locks.map((lock) => marks.dim(`-- locks ${lock.table}: ${lock.mode}`)),
          ...warnings.map((warning) => marks.warn(`-- warning: ${warning}`)),
          ""
        ]),
        `${count(statements.length, "statement")}${tried ? ", each tried and rolled back" : ""}. Nothing was changed.`
      ].join("\n")

export const plan = Command.make(
  "plan",
  {
    to: Flag.Int("to").pipe(
      Flag.withMetavar("NUMBER"),
      Flag.withDescription("The number of the last migration to plan (default: all)"),
      Flag.optional
    ),
    rehearse: on("try", "Run the statements in transactions that are rolled back, and say what they locked")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Plan } = yield* operations
    const to = Option.getOrUndefined(options.to)
    const report = yield* onDatabase(flags)(Plan.plan({ to, rehearse: options.rehearse }))
    yield* print(flags.json, report, planText)
  })
).pipe(
  Command.withDescription("Print the statements that migrate would run, and what each locks"),
  Command.withExamples([
    { command: "alex-db migrate plan --try", description: "Run each statement, roll it back, and say what it locked" }
  ])
)
