import { assert, describe, it } from "@effect/vitest"
import { type DatabaseMessage, parseDatabaseMessage } from "../../src/data-api/DatabaseMessage.ts"

const cases: ReadonlyArray<readonly [message: string, parts: DatabaseMessage]> = [
  ["", { primary: "" }],
  ["ERROR: no", { primary: "no" }],
  ["FATAL: no; SQLState: 57P01", { primary: "no", sqlState: "57P01" }],
  [
    'ERROR: relation "t" does not exist; Position: 15; SQLState: 42P01',
    { primary: 'relation "t" does not exist', position: 15, sqlState: "42P01" }
  ],
  [
    "ERROR: no; Hint: Try it; with care.; Position: 8; SQLState: 42601",
    { primary: "no", hint: "Try it; with care.", position: 8, sqlState: "42601" }
  ],
  [
    "ERROR: no\n  Detail: Key (a)=(1) is there.\n  Hint: Try.\n  Position: 3\n  Where: a function\nline 2; SQLState: 23505",
    { primary: "no", hint: "Try.", position: 3, sqlState: "23505" }
  ],
  ["SQLState: 08003", { primary: "", sqlState: "08003" }],
  ["no  SQLState: 08003", { primary: "no", sqlState: "08003" }],
  ["no;SQLState:08003", { primary: "no", sqlState: "08003" }],
  // What only looks like a part stays in the primary message.
  ["ERROR: noSQLState: 08003", { primary: "noSQLState: 08003" }],
  ["ERROR: no; SQLState: 0800", { primary: "no; SQLState: 0800" }],
  ["ERROR: no Hint: none", { primary: "no Hint: none" }],
  ["ERROR: no; Detail: none", { primary: "no; Detail: none" }],
  ["ERROR: no; Position: here", { primary: "no; Position: here" }],
  // Of several hints the last one is the service's, the others came from a value.
  ["ERROR: a; Hint: b; Hint: c", { primary: "a; Hint: b", hint: "c" }]
]

describe("a database's message", () => {
  for (const [message, parts] of cases) {
    it(`${JSON.stringify(message)} has its parts`, () => assert.deepStrictEqual(parseDatabaseMessage(message), parts))
  }

  it("that repeats a long value of a user is read at once, whatever the value is made of", () => {
    for (const unit of [
      " ",
      "\t",
      "\n",
      "\n\t",
      ";",
      "; ",
      "; Hint:",
      "\nWhere:",
      "; Position: 1",
      " SQLState: 42P01"
    ]) {
      const value = unit.repeat(500_000)
      const message = `ERROR: invalid input syntax for type uuid: "${value}"; SQLState: 22P02`
      assert.strictEqual(parseDatabaseMessage(message).sqlState, "22P02", JSON.stringify(unit))
    }
  })
})
