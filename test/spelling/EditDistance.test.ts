import { assert, it } from "@effect/vitest"
import { distances, slips } from "../../src/spelling/EditDistance.ts"

const letters = ["a", "b", "c"]
const words = (longest: number): ReadonlyArray<string> =>
  longest === 0 ? [""] : ["", ...letters.flatMap((letter) => words(longest - 1).map((word) => letter + word))]

/** Every word that one slip makes of a word. */
const slipped = (word: string): ReadonlyArray<string> =>
  Array.from({ length: word.length + 1 }, (_, at) => {
    const [before, after] = [word.slice(0, at), word.slice(at)]
    return [
      ...letters.map((letter) => before + letter + after),
      ...letters.map((letter) => before + letter + after.slice(1)),
      before + after.slice(1),
      before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2)
    ]
  }).flat()

const distance = (name: string, known: string): number => distances(name, known).at(-1) ?? Number.NaN

it("a word is one slip from those that one letter more, less, other or swapped makes of it, and from no others", () => {
  for (const known of words(4)) {
    const near = new Set(slipped(known))
    for (const name of words(4)) {
      if (name === known) assert.strictEqual(distance(name, known), 0, known)
      else assert.strictEqual(distance(name, known) === 1, near.has(name), `${name} for ${known}`)
    }
  }
})

it("two slips in different places are two, in either direction", () => {
  for (const [name, known] of [
    ["cahs_balnace", "cash_balance"],
    ["symbl", "symbols"],
    ["xisplay_namex", "display_name"],
    ["", "ab"],
    ["regoinss", "regions"]
  ] as const) {
    assert.strictEqual(distance(name, known), 2, name)
    assert.strictEqual(distance(known, name), 2, known)
  }
})

it("each number is of a beginning of the known word, and what is far is only known to be far", () => {
  for (const [name, known] of [
    ["ac", "abcde"],
    ["account", "account_name"],
    ["b", ""]
  ] as const) {
    const all = distances(name, known)
    assert.strictEqual(all.length, known.length + 1)
    for (const [length, found] of all.entries()) {
      const alone = distance(name, known.slice(0, length))
      if (alone <= slips) assert.strictEqual(found, alone, `${name} for ${known.slice(0, length)}`)
      else assert.isAbove(found, slips)
    }
  }
  for (const name of ["quantity", "x".repeat(1000)])
    assert.isTrue(distances(name, "symbol").every((far) => far > slips))
})
