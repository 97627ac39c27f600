/** Reads all JSON of this process right, also what libraries read. */
import * as Effect from "effect/Effect"
import { parseJson } from "../data-api/values/SoundJson.ts"

/**
 * Replaces `JSON.parse` with {@link parseJson}. Only a program may do that, not a library. Libraries also pass buffers
 * and other values, whose text `JSON.parse` reads.
 */
export const readAllJsonRight = Effect.sync(() => {
  const { parse } = JSON
  JSON.parse = (text: unknown, reviver) => {
    const read = `${text}`
    return typeof reviver === "function" ? parse(read, reviver) : parseJson(read)
  }
})
