/** A project of a stranger's with the built package in it, and the commands of docs/bundlers.md run there. */
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect } from "effect"
import { entryPoints } from "../package/PublicFace.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** Runs a command to its end; what it printed where that is a failure. */
export const run = async (
  cwd: string,
  file: string,
  args: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = {}
): Promise<string> => {
  const { stdout } = await promisify(execFile)(file, [...args], {
    cwd,
    // Nothing of this machine's AWS settings, nor of npm's, reaches the programs.
    env: { PATH: process.env["PATH"], HOME: cwd, ...env },
    maxBuffer: 64 * 1024 * 1024
  })
  return stdout
}

/** An example with the package's names in place of the paths to the sources, as JavaScript. */
export const asJavaScript = async (file: string): Promise<string> => {
  const { transform } = await import("esbuild")
  const named = new Map(entryPoints().map((entry) => [`../../${entry.source}`, entry.specifier]))
  const text = readFileSync(join(root, "test", "examples", file), "utf8")
  const { code } = await transform(
    text.replaceAll(/"(\.\.\/\.\.\/src\/[^"]+)"/g, (_, path: string) => `"${named.get(path) ?? path}"`),
    { loader: "ts", target: "es2022" }
  )
  return code
}

/** The package as it is built, in a new folder that is removed with the scope; what it depends on is this repository's. */
export const project = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = mkdtempSync(join(tmpdir(), "alex-project-"))
    const home = join(folder, "node_modules", "alex-database")
    mkdirSync(home, { recursive: true })
    // Types are checked and declared elsewhere: without them the same JavaScript comes in a fifth of the time.
    const untyped = ["--noCheck", "--declaration", "false", "--outDir", join(home, "dist")]
    await run(root, join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json", ...untyped])
    await run(root, process.execPath, ["scripts/bundlerEntries.ts", join(home, "dist")])
    cpSync(join(root, "package.json"), join(home, "package.json"))
    for (const name of ["effect", "@aws-sdk", "@effect", "@electric-sql", "jose"])
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name))
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

export type Format = "esm" | "cjs"

/** What docs/bundlers.md says of a bundler: its commands, and the file of its configuration where there is one. */
export interface Recipe {
  readonly name: string
  readonly commands: Readonly<Record<Format, string>>
  readonly config: { readonly file: string; readonly text: string } | undefined
}

export const recipes = (): ReadonlyArray<Recipe> =>
  readFileSync(join(root, "docs", "bundlers.md"), "utf8")
    .split(/^## /m)
    .flatMap((section) => {
      const [esm, cjs] = [...section.matchAll(/^```sh\n([^\n]+)\n```$/gm)].map(([, command = ""]) => command)
      if (esm === undefined) return []
      const commands = { esm, cjs: cjs ?? esm.replaceAll("esm", "cjs") }
      const [, file, text] = /^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/m.exec(section) ?? []
      const name = section.slice(0, section.indexOf("\n"))
      return [{ name, commands, config: file === undefined || text === undefined ? undefined : { file, text } }]
    })

/** Bundles `handler.js` of a project as a recipe says, with the programs of `tools`; the file that holds the function. */
export const bundle = async (
  folder: string,
  tools: string,
  { commands, config, name }: Recipe,
  format: Format,
  source: string
): Promise<string> => {
  const work = join(folder, `${name}-${format}-${Math.random().toString(36).slice(2, 8)}`)
  mkdirSync(join(work, "out"), { recursive: true })
  writeFileSync(join(work, "handler.js"), source)
  if (config !== undefined) writeFileSync(join(work, config.file), config.text.replaceAll('"esm"', `"${format}"`))
  const bins = [join(tools, "node_modules/.bin"), join(root, "node_modules/.bin"), dirname(process.execPath)]
  const [file = "", ...args] = commands[format].replaceAll("'", "").split(" ")
  await run(work, file, args, { PATH: [...bins, process.env["PATH"]].join(delimiter) })
  writeFileSync(join(work, "out", "package.json"), JSON.stringify({ type: format === "esm" ? "module" : "commonjs" }))
  const made = ["handler.js", "handler.mjs", "handler.cjs"]
    .map((one) => join(work, "out", one))
    .find((one) => existsSync(one))
  if (made === undefined) throw new Error(`${name} left no handler in ${work}`)
  return made
}
