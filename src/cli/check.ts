/** `alex-db check`: can the database be reached, and if not, why not. */
import { Effect } from "effect"
import * as DbLayer from "../DbLayer.ts"
import { Check } from "../operations/index.ts"
import { configure, type DatabaseFlags, onConfigured } from "./database.ts"
import { foundWanting } from "./Outcome.ts"
import { bytes, print, type Style } from "./text.ts"

const checkText = ({ backend, location, problem, reachable }: Check.CheckReport, { bad, bold, good, warn }: Style) =>
  [
    ...(reachable === null
      ? [bad(`The database can't be reached (${backend}, ${location})`)]
      : [
          good(`The database answers (${backend}, ${location})`),
          `  database  ${bold(reachable.database)}, ${bytes(reachable.sizeBytes)}`,
          `  server    PostgreSQL ${reachable.server}`,
          `  role      ${reachable.role}`,
          `  latency   ${reachable.latencyMs} ms (median)`,
          `  journal   ${reachable.journal === "current" ? good("current") : warn(reachable.journal)}`
        ]),
    ...(problem === null ? [] : [`${bad("Problem:")} ${problem.problem}`, `${bold("Fix:")} ${problem.fix}`])
  ].join("\n")

/** Nobody who checks a connection wants to wait for one that does not come about; a paused cluster is waited for. */
const impatient = { connectBudget: "2 seconds" } as const

export const check = Effect.fnUntraced(function* (flags: DatabaseFlags & { readonly json: boolean }) {
  const config = yield* configure(flags)
  const cluster = config._tag === "data-api" ? config : undefined
  const report = yield* onConfigured(
    config,
    impatient
  )(Check.found()).pipe(
    Effect.catch((error) => Effect.succeed(Check.notFound(error, DbLayer.targetOf(config), cluster)))
  )
  yield* print(flags.json, report, checkText)
  if (!report.ok) return yield* foundWanting
})
