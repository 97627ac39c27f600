/** The documents: short where they are the entrance, connected by links that lead somewhere, and about this package. */
import { assert, it } from "@effect/vitest"
import { sources } from "./CodeBlocks.ts"
import { documents, foldersDrawn, linksOf, problemWith, reachableFrom, read } from "./Documents.ts"

it("README.md has at most 170 lines", () => {
  assert.isAtMost(read("README.md").trimEnd().split("\n").length, 170)
})

it("every link of every document leads to a file, and to a heading where it names one", () => {
  const links = documents().flatMap(linksOf)
  assert.isAbove(links.length, 30)
  assert.deepStrictEqual(
    links.flatMap((link) => problemWith(link) ?? []),
    []
  )
})

it("a link to a missing file or a missing heading is found", () => {
  const link = { from: "README.md", to: "docs/aurora.md" }
  assert.isUndefined(problemWith({ ...link, anchor: "policy" }))
  assert.include(problemWith({ ...link, anchor: "no-such-heading" }), "has no #no-such-heading")
  assert.include(problemWith({ ...link, to: "docs/none.md", anchor: undefined }), "does not exist")
})

it("every document can be reached from README.md", () => {
  const reached = reachableFrom("README.md")
  assert.deepStrictEqual(
    documents().filter((file) => !reached.has(file)),
    []
  )
})

it("no document names a path of a machine that it was written on", () => {
  assert.deepStrictEqual(
    documents().filter((file) => /(^|[\s`"'(])\/(work|root|home|Users)\//m.test(read(file))),
    []
  )
})

it("every npm script that a document runs exists, and every block of JSON parses", () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"))
  const text = documents().map(read).join("\n")
  const run = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name)
  assert.isAbove(run.length, 3)
  assert.deepStrictEqual(
    run.filter((name) => scripts[name] === undefined),
    []
  )
  for (const [, block = ""] of text.matchAll(/^```json\n([\s\S]*?)^```$/gm)) assert.isObject(JSON.parse(block))
})

it("docs/architecture.md draws the folders of src as they are", () => {
  const folders = sources().flatMap((file) => {
    const parts = file.split("/").slice(0, -1)
    return parts.map((_, index) => parts.slice(0, index + 1).join("/"))
  })
  assert.deepStrictEqual([...foldersDrawn("docs/architecture.md")].sort(), [...new Set(folders)].sort())
})

it("every command and flag of alex-db that a document shows is one that the command line has", () => {
  const code = sources()
    .filter((file) => file.startsWith("src/cli/"))
    .map(read)
    .join("\n")
  const [, reference = ""] = read("README.md").split("\n## Commands\n")
  const [section = ""] = reference.split("\n## ")
  const calls = documents().flatMap((file) => read(file).match(/alex-db [^`\n|#]*/g) ?? [])
  const flags = [section, ...calls].flatMap((text) => text.match(/(?<=--)[a-z][a-z-]*/g) ?? [])
  const commands = calls.flatMap((call) => call.match(/(?<=^alex-db )[a-z]+(?:-[a-z]+)*/g) ?? [])
  // What effect's command line adds to every program.
  const builtIn = ["help", "log-level"]
  assert.isAbove(commands.length, 4)
  assert.deepStrictEqual(
    [...new Set([...flags, ...commands])].filter((name) => !builtIn.includes(name) && !code.includes(`"${name}"`)),
    []
  )
})

it("the documents and the sources use the words that people search for: fix, retry, again, and no old ones", () => {
  const odd = /\b(?:mend(?:s|ed|ing)?|sent again|heed(?:s|ed)?|befall\w*|anew|afresh|in vain|shall|reckon\w*)\b/i
  assert.deepStrictEqual(
    [...documents(), ...sources()].filter((file) => odd.test(read(file))),
    []
  )
})
