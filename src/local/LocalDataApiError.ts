import { Schema } from "effect"

/** Why a database can't be opened, in one line that says what to do. */
export class LocalDataApiError extends Schema.TaggedError<LocalDataApiError>()("LocalDataApiError", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}
