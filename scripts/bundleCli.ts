/**
 * Replaces what `tsc` made of the command line, but its entry, by a bundle: to find and load hundreds of modules takes
 * longer than most commands. Beside it stand the help of all commands and the licences of what is bundled.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import type { Metafile } from "esbuild"
import { allHelp } from "../src/cli/help/allHelp.ts"
import { bundleCommandLine } from "./commandLine.ts"

const root = fileURLToPath(new URL("../", import.meta.url))
const out = join(root, "dist/cli")

/** The package that a bundled file belongs to, as its folder. */
const packageOf = (file: string): ReadonlyArray<string> =>
  /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.replaceAll("\\", "/"))?.slice(0, 1) ?? []

const licences = ({ outputs }: Metafile): string => {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs))
  const texts = [...new Set(inputs.flatMap(packageOf))].sort().map((folder) => {
    const { license, name, version } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))
    const file = readdirSync(join(root, folder)).find((one) => /^licen[cs]e/i.test(one))
    const text = file === undefined ? "" : readFileSync(join(root, folder, file), "utf8").trim()
    return `${name} ${version} (${license})\n\n${text}`.trim()
  })
  return `The command line contains parts of these packages.\n\n${texts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`
}

/** A map holds the sources of this package: those of others would be three times as large. */
const withOwnSources = (file: string): void => {
  const map: { readonly sources: ReadonlyArray<string>; readonly sourcesContent: ReadonlyArray<string> } = JSON.parse(
    readFileSync(file, "utf8")
  )
  const sourcesContent = map.sourcesContent.map((text, n) => (map.sources[n]?.includes("node_modules/") ? null : text))
  writeFileSync(file, JSON.stringify({ ...map, sourcesContent }))
}

const entry = ["main.js", "main.js.map", "main.d.ts"]
for (const name of readdirSync(out)) if (!entry.includes(name)) rmSync(join(out, name), { recursive: true })

const { metafile } = await bundleCommandLine({
  outdir: out,
  sourcemap: true,
  // A module of the bundle finds files beside it where it would stand if it was not bundled.
  urlOf: (path) => {
    const place = relative(join(root, "src/cli"), path).replaceAll("\\", "/")
    return `new URL(${JSON.stringify(place.startsWith(".") ? place : `./${place}`)}, import.meta.url).href`
  }
})
for (const file of Object.keys(metafile.outputs)) if (file.endsWith(".map")) withOwnSources(join(root, file))
writeFileSync(join(out, "THIRD-PARTY-LICENSES.txt"), licences(metafile))
writeFileSync(join(out, "help.json"), JSON.stringify(await Effect.runPromise(allHelp)))
