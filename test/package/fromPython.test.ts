import { readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { originalFunctions } from "../contract/originalFunctions.ts"
import { publicFace } from "./PublicFace.ts"

const table = readFileSync(new URL("../../docs/from-python.md", import.meta.url), "utf8")
  .split("\n")
  .flatMap((line) => {
    const cells = /^\| `([a-z_.]+)` \| (.*) \|$/.exec(line)
    return cells === null ? [] : [{ original: cells[1] ?? "", here: cells[2] ?? "" }]
  })

it("the table of docs/from-python.md names every function of the original module once, and no other", () => {
  assert.sameMembers(
    table.map(({ original }) => original),
    [...originalFunctions]
  )
  assert.strictEqual(new Set(originalFunctions).size, originalFunctions.length)
})

it("what the table offers instead exists", () => {
  const names = new Set(publicFace().flatMap((entry) => entry.names.map(({ name }) => name)))
  const offered = table.flatMap(({ here }) => [...here.matchAll(/`([A-Z]\w+\.\w+)`/g)].map((match) => match[1] ?? ""))
  assert.isAbove(offered.length, 40)
  assert.deepStrictEqual(
    offered.filter((name) => !names.has(name)),
    []
  )
})
