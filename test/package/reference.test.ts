import { assert, it } from "@effect/vitest"
import { publicFace } from "./PublicFace.ts"
import { pages } from "./reference.ts"

it("the API reference has a page for each entry point, a heading for each export, and no dead link", () => {
  const face = publicFace()
  const written = pages(face)
  assert.strictEqual(written.size, face.length + 1)
  for (const { names, specifier } of face) {
    const text = written.get(`${specifier.replaceAll("/", ".")}.md`) ?? assert.fail(specifier)
    const headings = new Set([...text.matchAll(/^#{3,4} (\S+)$/gm)].map((match) => match[1]))
    assert.deepStrictEqual(
      names.filter((one) => !headings.has(one.name)).map((one) => one.name),
      []
    )
    const anchors = new Set([...headings].map((name) => name?.toLowerCase().replaceAll(".", "")))
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1])
    assert.deepStrictEqual(
      links.filter((link) => !anchors.has(link)),
      []
    )
    assert.notInclude(text, "undefined: ")
  }
})
