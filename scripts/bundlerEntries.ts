/**
 * Makes what `tsc` wrote fit for bundlers. Every module but the command line's is marked so that they drop what is not
 * used, and its SQL has no indentation. The entries that package.json names under the condition `module` import statically
 * what Node loads when a layer is built: a bundle of one file has no such moment, and esbuild wraps every module that
 * could be loaded late, with all of Effect, in functions. That keeps a tenth of the bundle that is not used, and modules
 * that are exported again are not run before they are read (evanw/esbuild#3357).
 *
 * Usage: node scripts/bundlerEntries.ts [folder of the compiled files]
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { withPureDeclarations } from "./pureDeclarations.ts"
import { withShortStatements } from "./shortStatements.ts"
import { withStaticImports } from "./staticImports.ts"

const dist = process.argv[2] ?? fileURLToPath(new URL("../dist", import.meta.url))

for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".js") || /^cli\b/.test(name)) continue
  const file = join(dist, name)
  writeFileSync(file, withPureDeclarations(file, withShortStatements(file, readFileSync(file, "utf8"))))
}

/** The module that loads the backends, and those between it and the package's entries. */
const modules = ["DbLayer", "OpenTools", "Agent", "index"]

for (const name of modules) {
  const text = readFileSync(join(dist, `${name}.js`), "utf8")
  const linked = text.replaceAll(/ from "\.\/(\w+)\.js"/g, (from, other: string) =>
    modules.includes(other) ? ` from "./${other}.bundled.js"` : from
  )
  writeFileSync(join(dist, `${name}.bundled.js`), withStaticImports(linked))
}
