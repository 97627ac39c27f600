/** The trail of an agent's calls as JSON lines, where it was asked for. */
import { appendFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { CallRecord } from "../../agent/calls/callTrail.ts"
import { Refused } from "../Outcome.ts"
import { say } from "../output/text.ts"

const cannot = (file: string) => (cause: unknown) =>
  new Refused({
    cause,
    code: "trail",
    problem: `The trail can't be written to ${file}`,
    fix: "Give --trail a file that can be written, or - for stderr"
  })

const append = (file: string, text: string) =>
  Effect.try({ try: () => appendFileSync(file, text, { mode: 0o600 }), catch: cannot(file) })

/**
 * Returns what writes a line for each call: to stderr (`-`), since stdout belongs to the protocol, or to the end of a
 * file. A file that can't be written fails at once.
 */
export const trailTo = Effect.fnUntraced(function* (trail: Option.Option<string>) {
  if (Option.isNone(trail)) return undefined
  const file = trail.value
  if (file === "-") return (record: CallRecord) => say(JSON.stringify(record))
  yield* append(file, "")
  return (record: CallRecord) =>
    append(file, `${JSON.stringify(record)}\n`).pipe(Effect.catch((error) => Effect.logWarning(error.message)))
})
