import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { root } from "./copiedTree.ts"
import { plantedFaults } from "./plantedFaults.ts"

it("each planted fault finds what it changes, and the tests that are to notice", () => {
  for (const { file, from, name, tests, to } of plantedFaults) {
    const path = join(root, file)
    assert.isTrue(existsSync(path), `"${name}": there is no ${file} any more; name the file that has its code now`)
    assert.include(readFileSync(path, "utf8"), from, `"${name}": ${file} has changed; plant the fault in its new text`)
    assert.notStrictEqual(from, to, name)
    assert.isNotEmpty(tests, name)
    for (const test of tests) assert.isTrue(existsSync(join(root, test)), `"${name}": there is no ${test} any more`)
  }
})

it("no two planted faults have the same name", () => {
  const names = plantedFaults.map(({ name }) => name)
  assert.deepStrictEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    []
  )
})
