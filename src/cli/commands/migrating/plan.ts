/** `alex-db migrate plan`: the statements that migrate would run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Plan } from "../../../operations/index.ts"
import { problemFound, Refused } from "../../Outcome.ts"
import { count, print, type Style } from "../../output/text.ts"
import { database, on, operations, root } from "../../root.ts"
import { ownFolder, sourceOf } from "./ownFolder.ts"

const adoptionText = (adoption: Plan.PlannedAdoption, marks: Style): ReadonlyArray<string> => {
  const { after, before, notices, obstacles, problems } = adoption
  // The last problem names all obstacles.
  const others = obstacles.length === 0 ? problems : problems.slice(0, -1)
  const redo = obstacles.flatMap((obstacle) => obstacle.redo ?? []).toReversed()
  return [
    ...notices.map((notice) => marks.dim(`-- ${notice}`)),
    ...before.map((sql) => `${sql};`),
    ...(after.length === 0 ? [] : [marks.dim("-- after the first migration"), ...after.map((sql) => `${sql};`)]),
    ...others.map((problem) => marks.bad(`-- in the way: ${problem}`)),
    ...obstacles.map(({ object, on }) => marks.bad(`-- blocks the change of a column's type: ${object} (${on})`)),
    ...(obstacles.length === 0
      ? []
      : [
          marks.dim("-- run this before:"),
          ...obstacles.flatMap(({ undo }) => undo ?? []),
          ...(redo.length === 0
            ? []
            : [marks.dim("-- and this afterwards, with the owners and rights that these have now:"), ...redo])
        ]),
    ""
  ]
}

const planText = ({ adoption, statements, tables, tried }: Plan.PlanReport, marks: Style) => {
  if (statements.length === 0) return "Nothing to apply."
  const rowsOf = (table: string) => {
    const found = tables.find(({ name }) => name === table.replace(/^.*\./, ""))
    return found === undefined ? "" : `, ${count(found.rows, "row")}`
  }
  return [
    ...(adoption === null ? [] : adoptionText(adoption, marks)),
    ...statements.flatMap(({ line, locks, migration, rewrites, sql, warnings }) => [
      marks.dim(`-- ${migration}.sql, line ${line}`),
      `${sql};`,
      ...locks.map((lock) => marks.dim(`-- locks ${lock.table}: ${lock.mode}${rowsOf(lock.table)}`)),
      ...rewrites.map((table) => marks.warn(`-- rewrites ${table}${rowsOf(table)}`)),
      ...warnings.map((warning) => marks.warn(`-- warning: ${warning}`)),
      ""
    ]),
    `${count(statements.length, "statement")}${tried ? ", each tried and rolled back" : ""}. Nothing was changed.`
  ].join("\n")
}

export const plan = Command.make(
  "plan",
  {
    to: Flag.Int("to").pipe(
      Flag.withMetavar("NUMBER"),
      Flag.withDescription("The number of the last migration to plan (default: all)"),
      Flag.optional
    ),
    folder: ownFolder,
    rehearse: on("try", "Run the statements in transactions that are rolled back, and say what they locked")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Advice, Plan } = yield* operations
    const to = Option.getOrUndefined(options.to)
    const planned = Plan.plan({ to, rehearse: options.rehearse, ...sourceOf(options.folder) })
    const report = yield* onDatabase(flags)(planned).pipe(
      Effect.catchTag(
        ["MigrationRefused", "MigrationFailed"],
        (found) => new Refused({ ...Advice.adviceOn(found), exit: 3 })
      )
    )
    yield* print(flags.json, report, planText)
    if ((report.adoption?.problems.length ?? 0) > 0) return yield* problemFound
  })
).pipe(
  Command.withDescription(
    "Print the statements that migrate would run, what each locks and rewrites, and what stands in the way; exit 3 if anything does"
  ),
  Command.withExamples([
    { command: "alex-db migrate plan --try", description: "Run each statement, roll it back, and say what it locked" }
  ])
)
