/** The JSON files that `alex-db serve` takes. */
import { readFile } from "node:fs/promises"
import { Effect, Schema } from "effect"
import { refuse, ServeError } from "./ServeError.ts"

/** Reads a JSON file of a known shape; a failure names the file, the place in it and what was expected. */
export const readJson = Effect.fnUntraced(function* <A>(path: string, schema: Schema.Codec<A, unknown>) {
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) =>
      new ServeError({ message: `The file can't be read: ${cause instanceof Error ? cause.message : path}`, cause })
  })
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema))
  // Editors of Windows begin a file with a byte order mark.
  return yield* decode(text.replace(/^\uFEFF/, ""), { errors: "all", onExcessProperty: "error" }).pipe(
    Effect.catch((error) => refuse(`The file ${path} is not as expected: ${error.message}`, error))
  )
})
