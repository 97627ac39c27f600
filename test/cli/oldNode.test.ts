/** The executable on a Node that is too old for the rest of it. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { transformSync } from "esbuild"

const root = join(import.meta.dirname, "../..")
const main = join(root, "src/cli/main.ts")
const { code } = transformSync(readFileSync(main, "utf8"), { loader: "ts", format: "esm", target: "esnext" })
const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const needed: string = /\d+\.\d+/.exec(engines.node)?.[0] ?? assert.fail("package.json names no Node")

/** Runs the executable where Node claims to be another version. */
const onNode = (version: string) =>
  spawnSync(
    process.execPath,
    [
      "--import",
      `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`,
      main,
      "--version"
    ],
    { encoding: "utf8" }
  )

describe("a Node older than engines", () => {
  it("says in one line which Node it takes, with exit code 1", () => {
    const [major = 0, minor = 0] = needed.split(".").map(Number)
    for (const version of ["16.20.2", "20.20.0", `${major}.${minor - 1}.9`]) {
      const { status, stderr, stdout } = onNode(version)
      assert.strictEqual(status, 1, version)
      assert.strictEqual(stdout, "")
      assert.match(stderr, new RegExp(`^alex-db: needs Node ${needed} or later, and this is Node ${version}\\..*\\n$`))
    }
  })

  it("is one below the least version; that one and every later one runs", () => {
    for (const version of [`${needed}.0`, "24.0.0", "26.1.0"]) assert.strictEqual(onNode(version).status, 0, version)
  })

  const old = ["/usr/bin/node", "/usr/local/bin/node", "/opt/node20/bin/node"].flatMap((path) => {
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" })
    return status === 0 && Number(/^v(\d+)/.exec(stdout)?.[1]) < 22 ? [path] : []
  })[0]
  if (old === undefined) process.stderr.write("SKIPPED: the executable on an old Node (none is installed)\n")

  it.skipIf(old === undefined)("prints no stack trace, tried on a real one", () => {
    const { status, stderr } = spawnSync(old ?? "", ["--input-type=module"], { input: code, encoding: "utf8" })
    assert.strictEqual(status, 1)
    assert.match(stderr, /^alex-db: needs Node .*\n$/)
  })

  it("can parse the executable: it has no import declaration and no top-level await", () => {
    assert.notMatch(code, /^\s*(import\s+[^(]|export\s)/m)
    assert.notInclude(code, "await")
  })
})
