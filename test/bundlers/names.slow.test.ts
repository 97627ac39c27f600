/** Each name that the package exports, imported alone and bundled by esbuild: what Node itself imports. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { build } from "esbuild"
import { entryPoints } from "../package/PublicFace.ts"
import { project, run } from "./Project.ts"

class Folder extends Context.Service<Folder, string>()("test/Folder") {
  static readonly layer = Layer.effect(Folder, project)
}

const isLong = process.env["ALEX_LONG"] === "1"

/** The short form takes four names of each entry that bundlers have in a form of their own. */
const entries = entryPoints().filter(
  ({ specifier }) => isLong || /^alex-database(?:\/(?:DbLayer|agent))?$/.test(specifier)
)

/** A value as far as another copy of the program can say the same of it. */
const shape = `(value) => typeof value + " " + Object.keys(Object(value)).sort().join()`

const shapesOf = async (folder: string, text: string): Promise<Readonly<Record<string, string>>> => {
  const file = join(folder, "shapes.mjs")
  writeFileSync(file, `const shape = ${shape}\n${text}\nprocess.exit(0)\n`)
  return JSON.parse(await run(folder, process.execPath, [file]))
}

/** What Node imports from an entry of the package. */
const imported = (folder: string, specifier: string) =>
  shapesOf(
    folder,
    `const all = Object.entries(await import(${JSON.stringify(specifier)}))
     console.log(JSON.stringify(Object.fromEntries(all.map(([name, value]) => [name, shape(value)]))))`
  )

/** The same of bundles that import one name each. */
const bundled = async (folder: string, specifier: string, names: ReadonlyArray<string>) => {
  const place = join(folder, specifier.replaceAll("/", "-"))
  mkdirSync(place)
  const file = (name: string) => join(place, `${name}.js`)
  for (const name of names) writeFileSync(file(name), `import { ${name} } from "${specifier}"; export default ${name}`)
  await build({
    entryPoints: names.map(file),
    outdir: join(place, "out"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["@aws-sdk/*", "@electric-sql/*"],
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` },
    logLevel: "error"
  })
  const paths = names.map((name) => [name, join(place, "out", `${name}.mjs`)])
  return shapesOf(
    folder,
    `const shapes = {}
     for (const [name, path] of ${JSON.stringify(paths)}) {
       shapes[name] = await import(path).then((module) => shape(module.default), (error) => String(error))
     }
     console.log(JSON.stringify(shapes))`
  )
}

layer(Folder.layer, { timeout: 300_000 })("a name that is imported alone", (it) => {
  for (const { specifier } of entries) {
    it.effect(
      `is the same in a bundle of esbuild as in Node: ${specifier}`,
      () =>
        Effect.gen(function* () {
          const folder = yield* Folder
          yield* Effect.promise(async () => {
            const expected = await imported(folder, specifier)
            const all = Object.keys(expected)
            const names = isLong ? all : all.filter((_, index) => index % Math.ceil(all.length / 4) === 0)
            const found = await bundled(folder, specifier, names)
            assert.deepStrictEqual(found, Object.fromEntries(names.map((name) => [name, expected[name] ?? ""])))
          })
        }),
      300_000
    )
  }
})
