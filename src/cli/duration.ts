/** Durations as the values of flags. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { WrongUsage } from "./Outcome.ts"

/** Reads `90s`, `30m`, `2h` or `1d`, the value of a flag. */
export const durationOf = (flag: string, text: string) => {
  const [, amount = "", unit = ""] = /^(\d{1,6}) ?(s|m|h|d)$/.exec(text) ?? []
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit]
  return seconds === undefined
    ? Effect.fail(
        new WrongUsage({
          problem: `--${flag} is not a duration`,
          fix: "Give a whole number of up to six digits with s, m, h or d: 30m"
        })
      )
    : Effect.succeed(Duration.seconds(Number(amount) * seconds))
}
