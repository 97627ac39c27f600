/** Tables of strangers whose names JavaScript's objects have as well. */
import { assert, it } from "@effect/vitest"
import * as Layout from "../../../src/operations/database/Layout.ts"

it("a table is Alex's by its own name and columns, and not by a name that JavaScript's objects have", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "notes"]) {
    for (const columns of [{}, { id: "uuid" }]) {
      const table: Layout.Relation = { name, kind: "r", columns }
      assert.isFalse(Layout.isLaterTable(table), name)
      assert.isFalse(Layout.isAlexs(name), name)
      assert.isFalse(Layout.isOriginal(table), name)
      assert.deepStrictEqual(
        [
          Layout.laterColumns(table),
          Layout.laterDifferences(table),
          Layout.differencesOf(table, false),
          Layout.differencesOf(table, true),
          Layout.momentsWithoutZone(table)
        ],
        [[], [], [], [], []],
        name
      )
    }
  }
  const sequence = Layout.journalDifferences({ name: "migrations", kind: "constructor", columns: {} })
  assert.deepStrictEqual(sequence, ["it is not a table"])
})
