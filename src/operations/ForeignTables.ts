/** Refuses a database in which another application's objects have the names of Alex's. */
import { Effect, Predicate, Schema } from "effect"
import { SqlError } from "effect/sql"
import { sqlStateOf } from "./database/DatabaseFailure.ts"
import * as Installation from "./database/Installation.ts"
import { Target } from "./database/Target.ts"
import * as Migration from "./migrate/Migration.ts"

/** The database holds objects of another application that have the names of Alex's. */
export class ForeignTables extends Schema.TaggedError<ForeignTables>()("ForeignTables", {
  database: Schema.String,
  location: Schema.String,
  problems: Schema.Array(Schema.String),
  /** Whether the search path is the reason. */
  misplaced: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return `"${this.database}" at ${this.location}: ${this.problems.join("; ")}`
  }
}

const inspect = Effect.flatMap(Migration.load({}), (migrations) => Installation.inspect(migrations))

/** A sentence for each object of another application's that has the name of one of Alex's. One request, or two. */
export const find = Effect.fnUntraced(function* () {
  return (yield* inspect).foreign
})

/**
 * Fails where tables or functions with the names of Alex's are another application's. One request, or two.
 *
 * @errors ForeignTables, MigrationsUnreadable, RepositoryError
 */
export const refuse = Effect.fn("ForeignTables.refuse")(function* () {
  const { foreign: problems, misplaced } = yield* inspect
  if (problems.length === 0) return
  const { database, location } = yield* Target
  return yield* new ForeignTables({ database, location, problems, misplaced: misplaced.length > 0 })
})

/** The states of statements that a table with other columns, or of another kind, does not take. */
const misfits = ["42703", "42P01", "42883", "42804", "42809"]

/** Whether an error of the search for the tables says more than that of the operation: the role may not use the schema. */
const isRefusal = (error: unknown): boolean => SqlError.isSqlError(error) && sqlStateOf(error) === "42501"

const isMisfit = (error: unknown): boolean =>
  SqlError.isSqlError(error)
    ? misfits.includes(sqlStateOf(error) ?? "")
    : Predicate.hasProperty(error, "_tag") && error._tag === "SchemaError"

/**
 * Runs an operation. If it fails because the tables are not as Alex's are, and they are another application's, it fails
 * with `ForeignTables` instead, since no migration helps there; if the role may not use their schema, with that error.
 */
export const explain = <A, E, R>(operation: Effect.Effect<A, E, R>) =>
  Effect.tapError(operation, (error) =>
    isMisfit(error)
      ? Effect.catchIf(
          refuse(),
          (failure) => failure._tag !== "ForeignTables" && !isRefusal(failure),
          () => Effect.void
        )
      : Effect.void
  )
