import { assert, it } from "@effect/vitest"
import {
  ConnectFailed,
  DataApiError,
  DatabaseError,
  InternalServerError,
  OutcomeUnknown,
  outcomeUnknown,
  type Reason,
  StatementTimeout,
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

it("a statement that timed out has the code that it has with every client of PostgreSQL", () => {
  const reason = reasonOf(new StatementTimeout({ message: "canceling statement due to statement timeout" }))
  assert.strictEqual(reason._tag, "StatementTimeoutError")
  assert.isTrue(reason.cause instanceof DataApiError && reason.cause.code === "57014")
})

it("what can be done about a result is said", () => {
  const message = (text: string) => reasonOf(new UnsupportedResult({ message: text })).message
  assert.include(message("The result contains the unsupported data type INTERVAL."), "Cast the column to text")
  // A stream reads a query for update, or a write with RETURNING, in one request as well.
  assert.include(
    message("The result exceeds the size limit 1 MB."),
    "Read it as a stream or, if it writes or locks rows, select fewer rows or columns at a time."
  )
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

it("a write whose result may hold an infinite date has run, which is said", () => {
  for (const [message, expected] of [
    [
      "",
      "The statement may or may not have run, and was not retried. If it returns an infinite date or time, it has run"
    ],
    ["Broken.", "not retried: Broken. If it returns an infinite date or time, it has run: cast that column to text."]
  ] as const) {
    const failed = new DataApiError({
      operation: "ExecuteStatement",
      reason: new InternalServerError({ message, code: "InternalFailure" })
    })
    assert.include(toSqlError(outcomeUnknown(failed)).reason.message, expected)
  }
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
  // A sentence of a user names nothing, nor does one of PostgreSQL under another SQLSTATE.
  for (const message of [
    'the constraint "fake" broke, column "no" violates',
    'e-mail "a" violates unique constraint "b"',
    'so a duplicate key value violates unique constraint "a"',
    'duplicate key value violates unique constraint "a" or so',
    'duplicate key value violates unique constraint "'
  ]) {
    for (const code of ["23000", "23001", "23502", "23503", "23505", "23514", "23P01", "P0001"]) {
      assert.deepStrictEqual(database(`ERROR: ${message}; SQLState: ${code}`), { ...none, code }, `${code} ${message}`)
    }
  }
  assert.deepStrictEqual(
    database('ERROR: duplicate key value violates unique constraint "a"; SQLState: P0001').constraint,
    undefined
  )
})

it("a column of a domain that may not be NULL is named", () => {
  const message = 'ERROR: column "a b" of table "t" contains null values; SQLState: 23502'
  const error = new DataApiError({ operation: "ExecuteStatement", reason: DatabaseError.fromMessage(message) })
  assert.deepInclude({ column: error.column, constraint: error.constraint }, { column: "a b", constraint: undefined })
})

it("a constraint and a column have the whole of their names, whatever those are", () => {
  for (const name of [
    "a",
    'a" b',
    '" on table "x',
    'x" of relation "y',
    'constraint "q"',
    'column "z" violates',
    "a\nb"
  ]) {
    const sentences: ReadonlyArray<readonly [code: string, sentence: string]> = [
      [
        "23001",
        `update or delete on table "t" violates RESTRICT setting of foreign key constraint "${name}" on table "u"`
      ],
      ["23503", `insert or update on table "t" violates foreign key constraint "${name}"`],
      ["23503", `update or delete on table "t" violates foreign key constraint "${name}" on table "u"`],
      ["23503", `removing partition "t" violates foreign key constraint "${name}"`],
      ["23505", `duplicate key value violates unique constraint "${name}"`],
      ["23505", `could not create unique index "${name}"`],
      ["23514", `new row for relation "t" violates check constraint "${name}"`],
      ["23514", `value for domain d violates check constraint "${name}"`],
      ["23514", `check constraint "${name}" of relation "t" is violated by some row`],
      ["23P01", `conflicting key value violates exclusion constraint "${name}"`],
      ["23P01", `could not create exclusion constraint "${name}"`]
    ]
    const found = (code: string, sentence: string) =>
      new DataApiError({
        operation: "ExecuteStatement",
        reason: DatabaseError.fromMessage(`ERROR: ${sentence}; SQLState: ${code}`)
      })
    for (const [code, sentence] of sentences) {
      const { column, constraint } = found(code, sentence)
      assert.deepStrictEqual({ column, constraint }, { column: undefined, constraint: name }, sentence)
    }
    for (const [code, sentence] of [
      ["23502", `null value in column "${name}" of relation "t" violates not-null constraint`],
      ["23502", `column "${name}" of relation "t" contains null values`],
      ["23514", `column "${name}" of table "t" contains values that violate the new constraint`]
    ] as const) {
      const { column, constraint } = found(code, sentence)
      assert.deepStrictEqual({ column, constraint }, { column: name, constraint: undefined }, sentence)
    }
  }
})
