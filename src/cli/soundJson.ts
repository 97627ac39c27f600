/** Reads all JSON of this process right, also what libraries read. */
import * as Effect from "effect/Effect"
import { parseJson } from "../data-api/values/SoundJson.ts"

/**
 * Puts {@link parseJson} in the place of `JSON.parse`. Only a program may do that: the process is its own. Libraries
 * give it buffers and other values as well, of which `JSON.parse` reads the text.
 */
export const readAllJsonRight = Effect.sync(() => {
  const { parse } = JSON
  JSON.parse = (text: unknown, reviver) => {
    const read = `${text}`
    return typeof reviver === "function" ? parse(read, reviver) : parseJson(read)
  }
})
