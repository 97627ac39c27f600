/** Turns the failures of tools into messages for the model. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlError from "effect/sql/SqlError"
import type {
  AccountNotFound,
  InstrumentNotFound,
  JobNotFound,
  JobTooLarge,
  PositionNotFound,
  UserNotFound
} from "../../domain/index.ts"
import { messageOf, sqlStateOf } from "../../operations/database/DatabaseFailure.ts"
import type { RepositoryError } from "../../repository/index.ts"
import type { Grant } from "./Grants.ts"
import { ToolFailure } from "./toolParts.ts"

/** The errors of the repositories that the tools use, and the refusals of the tools themselves. */
export type Failure =
  | ToolFailure
  | PositionNotFound
  | UserNotFound
  | InstrumentNotFound
  | AccountNotFound
  | JobNotFound
  | JobTooLarge
  | RepositoryError

const isToolFailure = Schema.is(ToolFailure)

// undefined_table (42P01) and undefined_column (42703).
const lacks = /^42(P01|703)$/

const behind: ToolFailure = {
  error: "DatabaseFailed",
  message:
    "Nothing was done: the database lacks a table or a column that this version of the tools needs. The person who runs it has to run alex-db migrate. Don't repeat the call before that."
}

/** The failure for the model. */
export const explain = (error: Failure, mayHaveWritten: boolean): ToolFailure => {
  if (isToolFailure(error)) return error
  if (SqlError.isSqlError(error)) {
    if (lacks.test(sqlStateOf(error) ?? "")) return behind
    const mayHelp = error.isRetryable || error.reason._tag === "ConnectionError"
    const advice = !mayHelp
      ? "Don't repeat the call unchanged."
      : mayHaveWritten
        ? "It may or may not have written: read what is there before you repeat the call."
        : "Try again in a moment."
    return { error: "DatabaseFailed", message: `The database could not do this. ${advice}` }
  }
  if (error._tag === "UnreadableRow") {
    const advice = error.done === undefined ? "Don't repeat the call before that." : "Don't repeat the call."
    return { error: "DatabaseFailed", message: `${error.message} ${advice}` }
  }
  if (error._tag === "InvalidInput") return { error: "InvalidData", message: error.message }
  return { error: error._tag, message: error.message }
}

const answered =
  (mayHaveWritten: boolean) =>
  <A>(effect: Effect.Effect<A, Failure>): Effect.Effect<A, ToolFailure> =>
    effect.pipe(
      Effect.tapErrorTag("SqlError", (error) => Effect.logWarning(`A tool's statement failed: ${messageOf(error)}`)),
      Effect.mapError((error) => explain(error, mayHaveWritten))
    )

/** Explains the failures of an effect that only reads. */
export const reading = answered(false)

/** Explains the failures of an effect that writes. */
export const wrote = answered(true)

export const refused = (error: ToolFailure["error"], message: string) => Effect.fail<ToolFailure>({ error, message })

export const notAllowed = (grant: Grant): ToolFailure => ({
  error: "NotAllowed",
  message: `This session may not write ${grant}. The person who started it has to allow them.`
})
