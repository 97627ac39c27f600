/** Reads all JSON of this process right, also what libraries read. */
import * as Effect from "effect/Effect"
import { parseJson } from "../data-api/values/SoundJson.ts"

/** Puts {@link parseJson} in the place of `JSON.parse`. Only a program may do that: the process is its own. */
export const readAllJsonRight = Effect.sync(() => {
  const { parse } = JSON
  JSON.parse = (text, reviver) => (reviver === undefined ? parseJson(text) : parse(text, reviver))
})
