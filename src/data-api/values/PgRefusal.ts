/** Helpers that the encoder and the decoder share: refusals, rows and padding. */
import * as Result from "effect/Result"

/** A value that can't be encoded for the Data API, or decoded to JavaScript. It never holds the value itself. */
export class PgValueError extends Error {
  override readonly name = "PgValueError"
}

export const refuse = (message: string): never => {
  throw new PgValueError(message)
}

/** Runs a codec. Its refusal becomes a failure; any other exception stays a defect. */
export const caught = <A>(evaluate: () => A): Result.Result<A, PgValueError> => {
  try {
    return Result.succeed(evaluate())
  } catch (error) {
    if (error instanceof PgValueError) return Result.fail(error)
    // JSON.stringify throws a TypeError for a bigint or a circular value.
    if (error instanceof TypeError) return Result.fail(new PgValueError("the value has no JSON form"))
    // JSON.stringify calls itself for each level, and overflows the stack at some thousands.
    if (error instanceof RangeError) return Result.fail(new PgValueError("the value is nested too deep or is too long"))
    if (error instanceof SyntaxError) return Result.fail(new PgValueError("a json column came back broken"))
    throw error
  }
}

/** A number with leading zeros. */
export const pad = (value: number, size: number): string => String(value).padStart(size, "0")

/** A row by column label. If several columns have the same label, the last one wins. */
export type Row = Record<string, unknown>

/** Sets a member, also `__proto__`, for which an assignment would set the prototype. */
export const setOwn = (row: Row, name: string, value: unknown): void => {
  if (name === "__proto__")
    Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
  else row[name] = value
}
