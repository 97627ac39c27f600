import { assert, it } from "@effect/vitest"
import "./reaching.ts"
import { mutantsOf, mutated, probed, sampleOf } from "./sourceMutants.ts"

const changed = (text: string) => mutantsOf("a.ts", text).map((mutant) => mutated(text, mutant))

it("each kind of change is made, and nothing else is touched", () => {
  const changes: Readonly<Record<string, ReadonlyArray<string>>> = {
    "export const a = b < c": ["export const a = b <= c"],
    "f(a === b && !c)": [";", "f(a === b || !c)", "f(a !== b && !c)", "f(a === b && c)"],
    "const a = b ?? c": ["const a = b"],
    "const f = ({ a = b }) => a": ["const f = ({ a }) => a"],
    "const a = b ? c : d": ["const a = b ? d : c"],
    "const a = [true, 7, 3n, 'x', '']": [
      "const a = [false, 7, 3n, 'x', '']",
      "const a = [true, (7 + 1), 3n, 'x', '']",
      "const a = [true, 7, (3n + 1n), 'x', '']",
      "const a = [true, 7, 3n, \"\", '']"
    ],
    "const f = () => { if (a) return b\n return c }": ["const f = () => { ;\n return c }"],
    "const a = b - c": ["const a = b + c"]
  }
  for (const [text, expected] of Object.entries(changes)) assert.sameMembers([...changed(text)], [...expected], text)
})

it("types, imports and keys are let be", () => {
  for (const text of [
    'import { a } from "b"',
    'export { a } from "b"',
    'export * from "b"',
    'const a = import("b")',
    'type A = "b" | 7 | true',
    "const a = { 'b': c, 7: d }",
    "// a === b"
  ]) {
    assert.deepStrictEqual(changed(text), [], text)
  }
})

it("a sample is the same for the same seed, and another for another", () => {
  const all = Array.from({ length: 1000 }, (_, index) => index)
  const one = sampleOf(all, 40, 1)
  assert.deepStrictEqual(sampleOf(all, 40, 1), one)
  assert.notDeepEqual(sampleOf(all, 40, 2), one)
  assert.strictEqual(new Set(one).size, 40)
  assert.strictEqual(sampleOf(all, 2000, 1).length, 1000)
})

it("a probed text does what it did, and says which places are run, except for what runs as it is loaded", async () => {
  const text = `
const limit = 7
export const f = (a, b = 2) => {
  if (a > limit && b > 1) return "large"
  const text = !b ? "none" : "small"
  const calls = [b]
  calls.push(a)
  b++
  return text
}`
  const mutants = mutantsOf("a.ts", text)
  const sites = mutants.flatMap(({ site }, index) => (site === undefined ? [] : [{ site, index }]))
  const { f } = await import(`data:text/javascript,${encodeURIComponent(probed(text, sites))}`)
  const placesOf = (run: () => string) => {
    const reached = new Set<number>()
    globalThis.reached = (mutant) => void reached.add(mutant)
    const result = run()
    globalThis.reached = undefined
    return [result, ...mutants.flatMap(({ from, kind }, index) => (reached.has(index) ? `${kind} ${from}` : []))]
  }
  assert.deepStrictEqual(
    placesOf(() => f(8, 3)),
    [
      "large",
      'statement dropped if (a > limit && b > 1) return "large"',
      "comparison >",
      "and, or &&",
      "comparison >",
      "number 1",
      'string emptied "large"'
    ]
  )
  assert.deepStrictEqual(
    placesOf(() => f(1)).filter((place) => /default|number|string|branches|calls|b\+/.test(place)),
    [
      "default dropped b = 2",
      "number 2",
      'branches swapped "none" : "small"',
      'string emptied "small"',
      "statement dropped calls.push(a)",
      "statement dropped b++"
    ]
  )
})
