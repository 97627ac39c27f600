/** Why `alex-db serve` can't serve what was asked for. */
import { Data, Effect } from "effect"

/** The message says what to change. */
export class ServeError extends Data.TaggedError("ServeError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export const refuse = (message: string, cause?: unknown) => Effect.fail(new ServeError({ message, cause }))
