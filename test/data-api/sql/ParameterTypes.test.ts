import { assert, it } from "@effect/vitest"
import { ParameterTypes } from "../../../src/data-api/sql/ParameterTypes.ts"

it("equal changes of names in the same order have one short name, and others have another", () => {
  const types = new ParameterTypes(10)
  const after = (...changes: ReadonlyArray<string>) =>
    changes.reduce((names, change) => types.namesAfter(names, change), "")
  const path = "set local search_path to a"
  const role = `set local role ${"b".repeat(5_000)}`
  assert.strictEqual(after(path, role), after(path, role))
  const all = [after(path), after(role), after(path, role), after(role, path), after(path, path)]
  assert.strictEqual(new Set(all).size, all.length)
  assert.isTrue(all.every((names) => names !== "" && names.length < 10))
})

it("a change of names that is very long has a name of its own each time", () => {
  const types = new ParameterTypes(10)
  const change = "x".repeat(10_000)
  assert.notStrictEqual(types.namesAfter("", change), types.namesAfter("", change))
})

it("changes of names that have not been used for long are dropped", () => {
  const types = new ParameterTypes(2)
  const first = types.namesAfter("", "a")
  types.namesAfter("", "b")
  assert.strictEqual(types.namesAfter("", "a"), first)
  types.namesAfter("", "c")
  assert.strictEqual(types.namesAfter("", "a"), first)
  types.namesAfter("", "b")
  types.namesAfter("", "c")
  assert.notStrictEqual(types.namesAfter("", "a"), first)
})
