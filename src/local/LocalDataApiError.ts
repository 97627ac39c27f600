import { Schema } from "effect"

/** Why a database can't be opened, in one line that says what to do. */
export class LocalDataApiError extends Schema.TaggedError<LocalDataApiError>()("LocalDataApiError", {
  message: Schema.String,
  /** Whether it is a PostgreSQL server's, and none in a folder or in memory. */
  ofServer: Schema.optionalKey(Schema.Literal(true)),
  cause: Schema.optionalKey(Schema.Defect())
}) {}
