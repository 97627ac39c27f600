/** The release workflow: its steps that need no GitHub and no registry are run as they stand there. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { afterAll } from "vitest"
import { read } from "./Documents.ts"

const workflow = read(".github/workflows/release.yml")
const folder = mkdtempSync(join(tmpdir(), "alex-release-"))
const version: string = JSON.parse(read("package.json")).version

writeFileSync(join(folder, "package.json"), read("package.json"))
writeFileSync(join(folder, "CHANGELOG.md"), `# Changelog\n\n## [Unreleased]\n\n## [${version}] - 2026-11-26\n`)

afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a step by its name, as GitHub does; returns what it printed, and whether it succeeded. */
const step = (name: string, variables: Readonly<Record<string, string>>) => {
  const [, indented = ""] = workflow.split(`- name: ${name}\n        run: |\n`)
  const [script = ""] = indented.split(/^ {6}- /m)
  assert.notStrictEqual(script.trim(), "", `the workflow has no step "${name}"`)
  try {
    const options = { cwd: folder, encoding: "utf8", env: { ...process.env, ...variables }, stdio: "pipe" } as const
    return { ok: true, output: execFileSync("bash", ["-e", "-c", script], options) }
  } catch (error) {
    return { ok: false, output: error instanceof Error && "stdout" in error ? String(error.stdout) : String(error) }
  }
}

const compare = "Compare the tag with package.json and CHANGELOG.md"

it("a tag of the package's version with a section in the changelog may be released", () => {
  assert.deepStrictEqual(step(compare, { GITHUB_REF_NAME: `v${version}` }), { ok: true, output: "" })
})

it("a tag of another version is refused, and a version without a section in the changelog", () => {
  const other = step(compare, { GITHUB_REF_NAME: "v9.9.9" })
  assert.isFalse(other.ok)
  assert.include(other.output, `or tag v${version}`)
  writeFileSync(join(folder, "CHANGELOG.md"), "# Changelog\n")
  const unnamed = step(compare, { GITHUB_REF_NAME: `v${version}` })
  assert.isFalse(unnamed.ok)
  assert.include(unnamed.output, `no section [${version}]`)
})

it("the published package names the repository that the workflow runs in", () => {
  step("Name this repository in package.json", {
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_REPOSITORY: "owner/name"
  })
  const { bugs, homepage, repository } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  assert.deepStrictEqual(repository, { type: "git", url: "git+https://github.com/owner/name.git" })
  assert.deepStrictEqual(bugs, { url: "https://github.com/owner/name/issues" })
  assert.strictEqual(homepage, "https://github.com/owner/name#readme")
})

it("it tests before it publishes, and publishes with provenance", () => {
  assert.match(workflow, /^ {2}id-token: write$/m)
  const steps = ["run: bash .ci/run", "run: npm publish --provenance"].map((line) => workflow.indexOf(line))
  assert.isTrue(steps.every((at) => at > 0))
  assert.sameOrderedMembers(
    [...steps].sort((a, b) => a - b),
    steps
  )
})

it("the changelog has a place for what the next release brings", () => {
  assert.match(read("CHANGELOG.md"), /^## \[Unreleased\]$/m)
})
