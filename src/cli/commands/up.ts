/** `alex-db up`: a local database from nothing, and the report on it. */
import * as Clock from "effect/Clock"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { problemFound, Refused } from "../Outcome.ts"
import { count, print, type Style, say } from "../output/text.ts"
import { database, operations, root } from "../root.ts"
import { version } from "../version.ts"

const bringUp = Effect.gen(function* () {
  const { Migrate, Seed, Verify } = yield* operations
  const migrated = yield* Migrate.migrate({ version: version(), packed: true })
  const seeded = yield* Seed.seed()
  const testData = yield* Seed.seedPortfolio()
  const report = yield* Verify.verify({ drift: false })
  return { migrated, seeded, testData, report }
})

type Result = Effect.Success<typeof bringUp>

const doneText = ({ migrated, seeded, testData }: Result, { warn }: Style): string => {
  const own = migrated.applied.filter(({ byAnother }) => !byAnother)
  const done = [
    ...(own.length > 0 ? [`applied ${count(own.length, "migration")}`] : []),
    ...(seeded.inserted.length > 0 ? [`added ${count(seeded.inserted.length, "instrument")}`] : []),
    ...(seeded.updated.length > 0 ? [`updated ${count(seeded.updated.length, "instrument")}`] : []),
    ...(testData.users + testData.accounts + testData.positions > 0
      ? [
          `added ${count(testData.users, "test user")}, ${count(testData.accounts, "account")}, ${count(testData.positions, "position")}`
        ]
      : [])
  ]
  return [
    ...migrated.warnings.map((warning) => `${warn("warning:")} ${warning}`),
    done.length === 0
      ? "Everything was in place already: nothing was migrated, seeded or added."
      : `Done: ${done.join("; ")}.`
  ].join("\n")
}

export const up = Command.make(
  "up",
  {},
  Effect.fnUntraced(function* () {
    const flags = yield* root
    const { configure, onConfigured, targetOf } = yield* database
    const config = yield* configure(flags)
    const target = targetOf(config)
    if (!target.isLocal) {
      return yield* new Refused({
        code: "not-local",
        problem: `up adds a test user, and "${target.database}" at ${target.location} is not a local database`,
        fix: "Use alex-db migrate and alex-db seed there, or --backend embedded"
      })
    }
    const { verifyText } = yield* Effect.promise(() => import("../output/VerifyText.ts"))
    const result = yield* onConfigured(config)(bringUp)
    const made = { at: new Date(yield* Clock.currentTimeMillis), version: version() }
    yield* print(
      flags.json,
      result,
      (done, marks) => `${verifyText(done.report, made, marks)}\n\n${doneText(done, marks)}`
    )
    if (!result.report.ok) return yield* problemFound
    if (!flags.json) yield* say("Next: npx alex-db verify, or npx alex-db --help")
  })
).pipe(
  Command.withDescription("Bring up a local database from nothing, with instruments and a test user, and verify it"),
  Command.withExamples([
    { command: "alex-db up", description: "Start from nothing, in the folder .alex-db" },
    { command: "ALEX_DB_DIR=/tmp/alex alex-db up", description: "In another folder" }
  ])
)
