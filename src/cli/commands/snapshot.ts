/** `alex-db snapshot`: stores what every portfolio is worth today. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WrongUsage } from "../Outcome.ts"
import { count, print } from "../output/text.ts"
import { database, operations, root } from "../root.ts"

interface SnapshotReport {
  readonly database: string
  readonly location: string
  readonly users: number
}

const snapshotText =
  (user: string | undefined) =>
  ({ database, location, users }: SnapshotReport): string =>
    users === 0
      ? `No user${user === undefined ? "" : ` ${user}`} in "${database}" at ${location}: nothing was stored.`
      : `The portfolios of ${count(users, "user")} in "${database}" at ${location} have a snapshot of today.`

export const snapshot = Command.make(
  "snapshot",
  {
    user: Flag.String("user").pipe(
      Flag.withMetavar("CLERK_USER_ID"),
      Flag.withDescription("Only this user's portfolio (default: everybody's)"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { Target } = yield* operations
    const { ClerkUserId } = yield* Effect.promise(() => import("../../domain/User.ts"))
    const { History } = yield* Effect.promise(() => import("../../repository/History.ts"))
    const user = Option.map(options.user, ClerkUserId.makeOption)
    if (Option.isSome(user) && Option.isNone(user.value)) {
      return yield* new WrongUsage({
        problem: "--user is not the id of a user",
        fix: "Give the clerk_user_id, such as user_2abcDEF"
      })
    }
    const report = yield* onDatabase(flags)(
      Effect.gen(function* () {
        const { database, location } = yield* Target
        const users = yield* (yield* History).snapshot({ user: Option.getOrUndefined(Option.flatten(user)) })
        return { database, location, users }
      })
    )
    yield* print(flags.json, report, snapshotText(Option.getOrUndefined(options.user)))
  })
).pipe(
  Command.withDescription("Store the value of every portfolio as today's snapshot, replacing one stored earlier today"),
  Command.withExamples([
    { command: "alex-db snapshot", description: "Once a day, after prices are set, for example by cron" },
    { command: "alex-db snapshot --user user_2abcDEF --json", description: "One user's, for a script" }
  ])
)
