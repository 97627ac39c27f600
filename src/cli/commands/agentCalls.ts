/** `alex-db agent-calls`: what agents wrote, and how long that is kept. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ClerkUserId } from "../../domain/User.ts"
import type { AgentCallOperations } from "../../operations/index.ts"
import { durationOf } from "../duration.ts"
import { WrongUsage } from "../Outcome.ts"
import { count, print, type Style, table } from "../output/text.ts"
import { database, defaulted, int, operations, root } from "../root.ts"

const listText =
  (ofUser: boolean) =>
  ({ calls, more, unreadable }: AgentCallOperations.AgentCallsReport, { warn }: Style): string =>
    [
      calls.length === 0
        ? `No agent${ofUser ? " of this user" : ""} has written anything${unreadable.length === 0 ? "" : " that can be read"}.`
        : table(
            ["at (UTC)", "user", "tool", "job", "outcome", "ms", "bytes", "arguments"],
            calls.map((call) => [
              call.called_at.toISOString().slice(0, 19).replace("T", " "),
              call.clerk_user_id,
              call.tool,
              call.job_id ?? "",
              call.outcome,
              String(call.milliseconds),
              String(call.bytes),
              call.arguments.slice(0, 12)
            ])
          ),
      ...unreadable.map(({ id, problems }) => {
        const why = problems.map(({ message, path }) => `${path}: ${message}`).join("; ")
        return `${warn("can't be read:")} ${id}: ${why}`
      }),
      ...(more ? ["There are more: raise --limit to see them."] : [])
    ].join("\n")

const prunedText = ({ pruned }: AgentCallOperations.AgentCallsPrunedReport): string =>
  `${count(pruned, "call")} deleted.`

const userOf = (user: Option.Option<string>) =>
  Option.isNone(user)
    ? Effect.succeed(undefined)
    : Effect.mapError(
        Schema.decodeEffect(ClerkUserId)(user.value),
        () => new WrongUsage({ problem: "--user is not the id of a user", fix: "Give the id that Clerk gave the user" })
      )

export const agentCalls = Command.make(
  "agent-calls",
  {
    prune: Flag.String("prune").pipe(
      Flag.withMetavar("DURATION"),
      Flag.withDescription("Delete the calls that are older than this, such as 90d"),
      Flag.optional
    ),
    user: Flag.String("user").pipe(
      Flag.withMetavar("ID"),
      Flag.withDescription("List only the calls of this user's agents"),
      Flag.optional
    ),
    limit: defaulted(int("limit", 1), 100, "Maximum number of entries, newest first")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    if (Option.isSome(options.prune) && Option.isSome(options.user)) {
      return yield* new WrongUsage({
        problem: "--prune deletes the calls of all users, and --user was given",
        fix: "Leave one of the two out"
      })
    }
    const user = yield* userOf(options.user)
    const olderThan = Option.isSome(options.prune) ? yield* durationOf("prune", options.prune.value) : undefined
    const { onDatabase } = yield* database
    const { AgentCallOperations } = yield* operations
    if (olderThan !== undefined) {
      return yield* print(flags.json, yield* onDatabase(flags)(AgentCallOperations.prune(olderThan)), prunedText)
    }
    const report = yield* onDatabase(flags)(AgentCallOperations.list({ user, limit: options.limit }))
    yield* print(flags.json, report, listText(user !== undefined))
  })
).pipe(
  Command.withDescription("List what agents wrote through their tools, newest first, or delete old entries"),
  Command.withExamples([
    { command: "alex-db agent-calls --user user_2abcDEF --json", description: "For whom, when, with which tool" },
    { command: "alex-db agent-calls --prune 90d", description: "Keep 90 days, as a nightly job does" }
  ])
)
