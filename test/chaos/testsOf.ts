/** Which tests reach a source file, by the imports of all files: the closest first. */
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { parseSync } from "vite"

/** The paths, relative to `root`, of the project's modules that a file loads or runs. */
const importsOf = (root: string, file: string, files: ReadonlySet<string>): ReadonlyArray<string> => {
  const text = readFileSync(join(root, file), "utf8")
  const { module } = parseSync(file, text)
  const names = [
    ...module.staticImports
      .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
      .map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ isType, moduleRequest }) => (isType || !moduleRequest ? [] : [moduleRequest.value]))
    ),
    ...module.dynamicImports.map(({ moduleRequest }) => text.slice(moduleRequest.start + 1, moduleRequest.end - 1))
  ]
  const loaded = names
    .filter((name) => name.startsWith("."))
    .map((name) => relative(root, join(root, dirname(file), name)))
  // A program that a test starts as a process stands there by its path.
  const started = [...text.matchAll(/["'/`](src\/[\w/-]+\.ts)["'`]/g)].flatMap(([, path]) => path ?? [])
  return [...loaded, ...started].filter((path) => files.has(path))
}

/** How many folders two paths have in common from the start, `src` and `test` aside. */
const shared = (a: string, b: string): number => {
  const [left, right] = [a, b].map((path) => path.split("/").slice(1))
  let count = 0
  while (left?.[count] !== undefined && left[count]?.split(".")[0] === right?.[count]?.split(".")[0]) count++
  return count
}

/** For each source file the tests that load it, those with the shortest chain of imports first. */
export const testsByDistance = (root: string, all: ReadonlyArray<string>) => {
  const files = new Set(all)
  const importers = new Map<string, Array<string>>()
  for (const file of all) {
    for (const path of importsOf(root, file, files)) importers.set(path, [...(importers.get(path) ?? []), file])
  }
  return (source: string): ReadonlyArray<string> => {
    const distance = new Map([[source, 0]])
    for (const [file, steps] of distance) {
      for (const importer of importers.get(file) ?? []) {
        if (!distance.has(importer)) distance.set(importer, steps + 1)
      }
    }
    // A test of the mirrored folder is closer by as many steps as it shares folders.
    const rank = (test: string) => (distance.get(test) ?? 0) - shared(source, test)
    return [...distance.keys()].filter((file) => file.endsWith(".test.ts")).sort((a, b) => rank(a) - rank(b))
  }
}
