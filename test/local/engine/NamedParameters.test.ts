import { assert, describe, it } from "vitest"
import { toPositional } from "../../../src/local/engine/NamedParameters.ts"

describe("placeholders", () => {
  const rewritten: Record<string, readonly [sql: string, ...names: ReadonlyArray<string>]> = {
    "select :a, :b_1, :0": ["select $1, $2, $3", "a", "b_1", "0"],
    "select :a, :a": ["select $1, $2", "a", "a"],
    "select :a::int, ::text": ["select $1::int, ::text", "a"],
    "select f(x := :x)": ["select f(x := $1)", "x"],
    "select ':a', 'it''s :b', \":c\", \"d\"\":e\"": ["select ':a', 'it''s :b', \":c\", \"d\"\":e\""],
    "select E'\\':a', :b": ["select E'\\':a', $1", "b"],
    "select e'a''\\':b', :c": ["select e'a''\\':b', $1", "c"],
    "select type'\\', :a": ["select type'\\', $1", "a"],
    "select 1 -- :a\n, :b": ["select 1 -- :a\n, $1", "b"],
    "select /* :a /* :b */ :c */ :d": ["select /* :a /* :b */ :c */ $1", "d"],
    "select 'open :a": ["select 'open :a"],
    "select /* open :a": ["select /* open :a"],
    "select $$a :b c$$": ["select $$a $1 c$$", "b"],
    "select a[1:2]": ["select a[1$1]", "2"],
    "select a[1 : 2]": ["select a[1 : 2]"],
    "select j ? 'k', j ?| :a": ["select j ? 'k', j ?| $1", "a"],
    "select 1": ["select 1"]
  }
  for (const [sql, [expected, ...names]] of Object.entries(rewritten)) {
    it(`of ${sql}`, () => assert.deepStrictEqual(toPositional(sql), { sql: expected, names }))
  }
  it("of a statement with very long literals and comments", () => {
    const long = "x".repeat(60_000)
    assert.deepStrictEqual(toPositional(`select '${long}' /*${long}*/ || :a`).names, ["a"])
  })
})
