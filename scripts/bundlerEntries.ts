/**
 * Writes the entries that bundlers take by the condition `module` of package.json: what `tsc` made, but with static
 * imports where Node loads a backend when its layer is built. A bundle of one file has no such moment: esbuild wraps
 * every module that could be loaded late, with all of Effect, in functions. That keeps a tenth of the bundle that is not
 * used, and modules that are exported again are not run before they are read (evanw/esbuild#3357).
 *
 * Usage: node scripts/bundlerEntries.ts [folder of the compiled files]
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { withStaticImports } from "./staticImports.ts"

const dist = process.argv[2] ?? fileURLToPath(new URL("../dist", import.meta.url))

/** The module that loads the backends, and those between it and the package's entries. */
const modules = ["DbLayer", "OpenTools", "Agent", "index"]

for (const name of modules) {
  const text = readFileSync(join(dist, `${name}.js`), "utf8")
  const linked = text.replaceAll(/ from "\.\/(\w+)\.js"/g, (from, other: string) =>
    modules.includes(other) ? ` from "./${other}.bundled.js"` : from
  )
  writeFileSync(join(dist, `${name}.bundled.js`), withStaticImports(linked))
}
