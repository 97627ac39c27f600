import { assert, it } from "@effect/vitest"
import {
  ConnectFailed,
  DataApiError,
  DatabaseError,
  OutcomeUnknown,
  type Reason,
  Throttled,
  UnsupportedResult,
  Validation
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

it("a write that may have run is a connection's failure, and nothing that may be retried", () => {
  const error = new DataApiError({
    operation: "ExecuteStatement",
    reason: new OutcomeUnknown({ message: "lost", lost: "ConnectionLost" })
  })
  const failure = toSqlError(error)
  assert.deepInclude(failure.reason, { _tag: "ConnectionError", cause: error })
  assert.isFalse(failure.isRetryable)
  assert.isTrue(
    toSqlError(new DataApiError({ operation: "ExecuteStatement", reason: new ConnectFailed({ message: "no" }) }))
      .isRetryable
  )
})

it("several statements in one are a syntax error, as for PostgreSQL, with what to do", () => {
  const reason = reasonOf(new Validation({ message: "Multistatements aren't supported." }))
  assert.strictEqual(reason._tag, "SqlSyntaxError")
  assert.include(reason.message, "within sql.withTransaction")
  assert.strictEqual(reasonOf(new Validation({ message: "no" }))._tag, "UnknownError")
})

it("the cause has SQLSTATE, constraint and column by the names that clients of PostgreSQL's protocol give them", () => {
  const database = (message: string) => {
    const { code, column, constraint } = new DataApiError({
      operation: "ExecuteStatement",
      reason: DatabaseError.fromMessage(message)
    })
    return { code, column, constraint }
  }
  const none = { column: undefined, constraint: undefined }
  assert.deepStrictEqual(
    database(
      'ERROR: update or delete on table "a" violates foreign key constraint "a_b" on table "b"; SQLState: 23503'
    ),
    { ...none, code: "23503", constraint: "a_b" }
  )
  assert.deepStrictEqual(database('ERROR: null value in column "c d" violates not-null constraint; SQLState: 23502'), {
    ...none,
    code: "23502",
    column: "c d"
  })
  assert.deepStrictEqual(database('ERROR: constraint "a" of relation "b" does not exist; SQLState: 42704'), {
    ...none,
    code: "42704"
  })
  assert.deepStrictEqual(database("ERROR: no; SQLState: 23505"), { ...none, code: "23505" })
  assert.deepStrictEqual(database("no"), { ...none, code: undefined })
})
