/** The Data API's operations. */
import * as Schema from "effect/Schema"

/** The names of the five operations, as the service spells them. */
export const Operation = Schema.Literals([
  "ExecuteStatement",
  "BatchExecuteStatement",
  "BeginTransaction",
  "CommitTransaction",
  "RollbackTransaction"
])
export type Operation = typeof Operation.Type
