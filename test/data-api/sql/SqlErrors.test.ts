import { assert, it } from "@effect/vitest"
import {
  ConnectFailed,
  DataApiError,
  DatabaseError,
  type Reason,
  Throttled,
  UnsupportedResult
} from "../../../src/data-api/DataApiError.ts"
import { toSqlError } from "../../../src/data-api/sql/SqlErrors.ts"

const reasonOf = (reason: Reason) => toSqlError(new DataApiError({ operation: "ExecuteStatement", reason })).reason

it("a failure that is none of the database's has the reason of the table of failures", () => {
  assert.strictEqual(reasonOf(new ConnectFailed({ message: "refused" }))._tag, "ConnectionError")
  assert.strictEqual(reasonOf(new Throttled({ message: "too many" }))._tag, "ConnectionError")
  assert.strictEqual(reasonOf(new UnsupportedResult({ message: "no" }))._tag, "UnknownError")
})

it("one of the database's has the reason of its SQLSTATE, and the constraint that its sentence names", () => {
  const database = (message: string) => reasonOf(DatabaseError.fromMessage(message))
  const unique = database('ERROR: duplicate key value violates unique constraint "a_b ""c"; SQLState: 23505')
  assert.deepInclude(unique, { _tag: "UniqueViolation", constraint: 'a_b ""c' })
  assert.strictEqual(database("ERROR: deadlock detected; SQLState: 40P01")._tag, "DeadlockError")
  assert.strictEqual(database("ERROR: syntax error; Position: 1; SQLState: 42601")._tag, "SqlSyntaxError")
})

it("what can be done about a result is said", () => {
  const message = (text: string) => reasonOf(new UnsupportedResult({ message: text })).message
  assert.include(message("The result contains the unsupported data type INTERVAL."), "Cast the column to text")
  assert.include(message("The result exceeds the size limit 1 MB."), "Read it as a stream")
})
