/** `alex-db up`: a local database from nothing, and the report on it. */
import { Console, Effect } from "effect"
import { CliError } from "effect/cli"
import * as DbLayer from "../DbLayer.ts"
import { Migrate, Seed, Verify } from "../operations/index.ts"
import { configure, type DatabaseFlags, onConfigured } from "./database.ts"
import { foundWanting } from "./Outcome.ts"
import { verifyText } from "./Report.ts"
import { count, print } from "./text.ts"
import { version } from "./version.ts"

const bringUp = Effect.gen(function* () {
  const migrated = yield* Migrate.migrate({ version: version(), packed: true })
  const seeded = yield* Seed.seed()
  const testData = yield* Seed.seedPortfolio()
  const report = yield* Verify.verify({ drift: false })
  return { migrated, seeded, testData, report }
})

type Result = Effect.Success<typeof bringUp>

const doneText = ({ migrated, seeded, testData }: Result): string => {
  const done = [
    ...(migrated.applied.length > 0 ? [`applied ${count(migrated.applied.length, "migration")}`] : []),
    ...(seeded.inserted.length > 0 ? [`added ${count(seeded.inserted.length, "instrument")}`] : []),
    ...(seeded.updated.length > 0 ? [`updated ${count(seeded.updated.length, "instrument")}`] : []),
    ...(testData.users + testData.accounts + testData.positions > 0
      ? [
          `added ${count(testData.users, "test user")}, ${count(testData.accounts, "account")}, ${count(testData.positions, "position")}`
        ]
      : [])
  ]
  return done.length === 0
    ? "Everything was in place already: nothing was migrated, seeded or added."
    : `Done: ${done.join("; ")}.`
}

export const up = Effect.fnUntraced(function* (flags: DatabaseFlags & { readonly json: boolean }) {
  const config = yield* configure(flags)
  const target = DbLayer.targetOf(config)
  if (!target.isLocal) {
    return yield* new CliError.UserError({
      cause: target.location,
      userMessage: `up adds a test user, and "${target.database}" at ${target.location} is not a local database. Use migrate and seed there, or --backend embedded`
    })
  }
  const result = yield* onConfigured(config)(bringUp)
  yield* print(flags.json, result, (done, marks) => `${verifyText(done.report, marks)}\n\n${doneText(done)}`)
  if (!result.report.ok) return yield* foundWanting
  if (!flags.json) yield* Console.log("Next: npx alex-db verify, or npx alex-db --help")
})
