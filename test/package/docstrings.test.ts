import { assert, it } from "@effect/vitest"
import { type PublicName, publicFace } from "./PublicFace.ts"

const face = publicFace()
const names = face.flatMap((entry) => entry.names)
const unique = [...new Map(names.map((one) => [`${one.file} ${one.name}`, one])).values()]
const shown = ({ file, kind, name }: PublicName) => `${file}: ${kind} ${name}`

/** `RepositoryError` stands for what every repository can fail with. */
const standsFor = new Map([
  ["SqlError", "RepositoryError"],
  ["SchemaError", "RepositoryError"],
  ["InvalidInput", "RepositoryError"],
  ["UnreadableRow", "RepositoryError"]
])

const unsaid = ({ errors = [], tags, text }: PublicName): ReadonlyArray<string> => {
  const said = [text, ...tags.filter((tag) => tag.name === "errors").map((tag) => tag.text)].join(" ")
  const names = new Set(said.match(/\w+/g))
  return errors.filter((error) => !names.has(error) && !names.has(standsFor.get(error) ?? error))
}

it("the entry points export something, and their number is known", () => {
  assert.isAbove(unique.length, 300)
  assert.deepStrictEqual(
    face.filter((entry) => entry.names.length === 0).map((entry) => entry.specifier),
    []
  )
})

it("every public export has a docstring", () => {
  assert.deepStrictEqual(unique.filter((one) => one.text === "").map(shown), [])
})

it("every docstring of what can fail names the errors, and no others", () => {
  assert.isAbove(unique.filter((one) => one.errors !== undefined && one.errors.length > 0).length, 80)
  assert.deepStrictEqual(
    unique.filter((one) => unsaid(one).length > 0).map((one) => `${shown(one)} does not name ${unsaid(one)}`),
    []
  )
  const anyError = new Set([...unique.flatMap((one) => one.errors ?? []), "RepositoryError"])
  const superfluous = unique.flatMap((one) => {
    const tagged = one.tags.filter((tag) => tag.name === "errors").flatMap((tag) => tag.text.match(/\w+/g) ?? [])
    const own = new Set((one.errors ?? []).flatMap((error) => [error, standsFor.get(error) ?? error]))
    return tagged
      .filter((word) => anyError.has(word) && !own.has(word))
      .map((error) => `${shown(one)} does not fail with ${error}`)
  })
  assert.deepStrictEqual(superfluous, [])
})
