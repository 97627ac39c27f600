/**
 * Keeps PGlite's module compiled for as long as a worker lives: V8 forgets the code of a module that nobody holds, and
 * would compile it again for a database that starts when no other is open.
 */
import { readFile } from "node:fs/promises"

declare global {
  // The worker's files share this one thing only, and the first of them makes it.
  var compiledPglite: WebAssembly.Module | undefined
}

globalThis.compiledPglite ??= await WebAssembly.compile(
  await readFile(new URL("../node_modules/@electric-sql/pglite/dist/pglite.wasm", import.meta.url))
)
