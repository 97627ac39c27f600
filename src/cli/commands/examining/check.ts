/** `alex-db check`: can the database be reached, and if not, why not. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { Check } from "../../../operations/index.ts"
import { problemFound } from "../../Outcome.ts"
import { bytes, listed, print, type Style } from "../../output/text.ts"
import { database, on, operations, root } from "../../root.ts"
import { patienceOf, waiting } from "../waiting.ts"

/** Codes of problems that the database itself reported. */
const answered: ReadonlySet<string> = new Set(["privilege", "cancelled", "raised", "lock", "column", "function"])

const checkText = ({ backend, location, problem, reachable }: Check.CheckReport, { bad, bold, good, warn }: Style) =>
  [
    ...(reachable === null
      ? [
          bad(
            `The database can't be ${answered.has(problem?.code ?? "") ? "used" : "reached"} (${backend}, ${location})`
          )
        ]
      : [
          good(`The database answers (${backend}, ${location})`),
          `  database  ${bold(reachable.database)}, ${bytes(reachable.sizeBytes)}`,
          `  server    PostgreSQL ${reachable.server}, its time is ${reachable.time}`,
          `  role      ${reachable.role}${reachable.readOnly ? warn(", which takes no writes") : ""}`,
          `  latency   ${reachable.latencyMs} ms (median)`,
          `  tables    ${reachable.tables.length === 0 ? "none" : listed(reachable.tables)}`,
          `  journal   ${reachable.journal === "current" ? good("current") : warn(reachable.journal)}`
        ]),
    ...(problem === null ? [] : [`${bad("Problem:")} ${problem.problem}`, `${bold("Fix:")} ${problem.fix}`])
  ].join("\n")

/** A check fails soon where no connection can be made, but still waits for a paused cluster to resume. */
export const retries = { connectBudget: "2 seconds" } as const

export const check = Command.make(
  "check",
  {
    wait: waiting,
    discover: on("discover", "Find clusters and secrets in AWS, and print the variables that name them")
  },
  Effect.fnUntraced(function* ({ discover, wait }) {
    const flags = yield* root
    if (discover) {
      const { discoverText, look } = yield* Effect.promise(() => import("./discover.ts"))
      const found = yield* look(flags.dotenv)
      yield* print(flags.json, found, discoverText)
      return found.ok ? undefined : yield* problemFound
    }
    const patience = yield* patienceOf(wait)
    const { configure, onConfigured, targetOf, waitFor } = yield* database
    const { Check } = yield* operations
    const config = yield* configure(flags)
    const cluster = config._tag === "data-api" ? config : undefined
    const report = yield* Effect.andThen(waitFor(config, patience), onConfigured(config, retries)(Check.found())).pipe(
      Effect.catch((error) => Effect.succeed(Check.notFound(error, targetOf(config), cluster)))
    )
    yield* print(flags.json, report, checkText)
    if (!report.ok) return yield* problemFound
  })
).pipe(
  Command.withDescription("Check that the database can be reached, show its role and latency, and say what to fix"),
  Command.withExamples([
    { command: "alex-db check", description: "What the environment and .env name" },
    { command: "alex-db check --discover", description: "Which clusters and secrets this account has" },
    { command: "alex-db check --dotenv production.env --json", description: "What another file names, for a program" }
  ])
)
