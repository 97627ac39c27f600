/** The flag `--wait` of commands that may run before the database is up. */
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { durationOf } from "../duration.ts"

export const waiting = Flag.String("wait").pipe(
  Flag.withMetavar("DURATION"),
  Flag.withDescription("Wait this long for a database that does not answer yet, such as 60s"),
  Flag.optional
)

/** How long to wait; not at all without the flag. */
export const patienceOf = (wait: Option.Option<string>) =>
  Option.isNone(wait) ? Effect.succeed(Duration.zero) : durationOf("wait", wait.value)
