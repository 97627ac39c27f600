import { assert, it } from "@effect/vitest"
import { DataApiError, DatabaseError, type DidRun, reasons } from "../../src/data-api/DataApiError.ts"
import { type Failure, failures, ofSqlState, type SqlStateMeaning } from "../../src/data-api/FailureTable.ts"
import { failureOf, reasonOf } from "../../src/data-api/rest-json/WireFailures.ts"
import { toSqlError } from "../../src/data-api/sql/SqlErrors.ts"
import { failureTable, tableInGuide } from "./FailureDocs.ts"

it("every failure has a class, and every class a failure", () => {
  assert.deepStrictEqual(Object.keys(reasons), Object.keys(failures))
})

it("the guide has the table of failures as it stands in the code", () => {
  assert.strictEqual(tableInGuide(), failureTable(), "run: node test/data-api/FailureDocs.ts")
})

it("what a server sends of a failure, a client reads as that failure", () => {
  for (const [tag, failure] of Object.entries<Failure>(failures)) {
    for (const code of failure.codes) {
      const read = reasonOf({ code, status: failure.status, message: "" })
      const sent = failureOf(read)
      if (sent === "dropped") assert.fail(`${tag} is read from an answer`)
      assert.strictEqual(reasonOf(sent)._tag, read._tag, `${tag} by ${code}`)
      assert.strictEqual(sent.status, failures[read._tag].status, `${tag} by ${code}`)
    }
  }
})

it("a message of the service is kept, and the SDKs' word for none is not taken for one", () => {
  for (const [tag, failure] of Object.entries<Failure>(failures)) {
    const [code] = failure.codes
    assert.strictEqual(reasonOf({ code, status: failure.status, message: "its own words" }).message, "its own words")
    const silent = reasonOf({ code, status: failure.status, message: "UnknownError" })
    if (silent._tag !== "DatabaseError") assert.strictEqual(silent.message, failures[silent._tag].meaning, tag)
  }
})

/** SQLSTATE, whether it ran, whether a retry may help, and the reason of `effect/sql`. */
const states: ReadonlyArray<readonly [string, DidRun, boolean, SqlStateMeaning["sqlError"]]> = [
  ["08001", "no", true, "ConnectionError"],
  ["08004", "no", true, "ConnectionError"],
  ["53300", "no", true, "ConnectionError"],
  ["57P03", "no", true, "ConnectionError"],
  ["57P05", "no", true, "ConnectionError"],
  ["25P03", "no", true, "ConnectionError"],
  ["25P04", "no", true, "ConnectionError"],
  ["08000", "unknown", true, "ConnectionError"],
  ["08003", "unknown", true, "ConnectionError"],
  ["08006", "unknown", true, "ConnectionError"],
  ["08007", "unknown", true, "ConnectionError"],
  ["57P01", "unknown", true, "ConnectionError"],
  ["57P02", "unknown", true, "ConnectionError"],
  ["57P04", "unknown", false, "ConnectionError"],
  ["40003", "unknown", false, "UnknownError"],
  ["08P01", "yes", false, "ConnectionError"],
  ["40001", "no", true, "SerializationError"],
  ["40P01", "no", true, "DeadlockError"],
  ["28P01", "no", true, "AuthenticationError"],
  ["28000", "no", false, "AuthenticationError"],
  ["3D000", "no", false, "UnknownError"],
  ["25006", "yes", false, "UnknownError"],
  ["53100", "yes", false, "UnknownError"],
  ["53200", "yes", false, "UnknownError"],
  ["55P03", "yes", true, "LockTimeoutError"],
  ["57014", "yes", false, "StatementTimeoutError"],
  ["42501", "yes", false, "AuthorizationError"],
  ["42601", "yes", false, "SqlSyntaxError"],
  ["23505", "yes", false, "UniqueViolation"],
  ["23503", "yes", false, "ConstraintError"],
  ["22012", "yes", false, "UnknownError"],
  ["", "yes", false, "UnknownError"]
]

it("a SQLSTATE says whether the statement ran, whether a retry may help, and which reason effect/sql has for it", () => {
  for (const [sqlState, didRun, retryable, reason] of states) {
    const refusal = DatabaseError.fromMessage(sqlState === "" ? "no" : `ERROR: no; SQLState: ${sqlState}`)
    const error = new DataApiError({ operation: "ExecuteStatement", reason: refusal })
    const found = [error.didRun, error.isRetryable, toSqlError(error).reason._tag]
    assert.deepStrictEqual(found, [didRun, retryable, reason], sqlState)
    assert.strictEqual(ofSqlState(sqlState).didRun, didRun)
  }
})
