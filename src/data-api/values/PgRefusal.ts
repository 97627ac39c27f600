/** What both directions of a value's way have in common: how it is refused, and how digits are padded. */
import * as Result from "effect/Result"

/** A value that has no form on the wire, or an answer that has no form in JavaScript. Never holds the value itself. */
export class PgValueError extends Error {
  override readonly name = "PgValueError"
}

export const refuse = (message: string): never => {
  throw new PgValueError(message)
}

/** Runs a codec; its refusal becomes a failure, anything else stays a defect. */
export const caught = <A>(evaluate: () => A): Result.Result<A, PgValueError> => {
  try {
    return Result.succeed(evaluate())
  } catch (error) {
    if (error instanceof PgValueError) return Result.fail(error)
    // JSON has no form for a bigint or a value that holds itself, and says so by these two.
    if (error instanceof TypeError) return Result.fail(new PgValueError("the value has no JSON form"))
    if (error instanceof SyntaxError) return Result.fail(new PgValueError("a json column came back broken"))
    throw error
  }
}

/** A number with leading zeros. */
export const pad = (value: number, size: number): string => String(value).padStart(size, "0")

/** A row by column label; of several columns of one label the last wins. */
export type Row = Record<string, unknown>

/** Sets a member, also the one that assignment would take for the prototype. */
export const setOwn = (row: Row, name: string, value: unknown): void => {
  if (name === "__proto__")
    Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
  else row[name] = value
}
