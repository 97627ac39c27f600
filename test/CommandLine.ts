/**
 * `alex-db` for tests that start it as a process: the command line of these sources as a bundle, which starts in a tenth
 * of the time that its modules take. `globalSetup.ts` makes it and hands its path to the tests.
 */
import { createHash } from "node:crypto"
import { existsSync, globSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { fileURLToPath, pathToFileURL } from "node:url"
import { inject } from "vitest"
import { bundleCommandLine } from "../scripts/commandLine.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The path of the bundled command line. */
    readonly commandLine: string
  }
}

const root = fileURLToPath(new URL("../", import.meta.url))
const cacheFolder = `${root}node_modules/.cache/alex-database/`
const aDay = 24 * 60 * 60 * 1000

/** Changes with every source, wherever it is. */
const hashed = (): string => {
  const hash = createHash("sha256").update(root)
  for (const file of globSync(["src/**/*.ts", "package-lock.json", "scripts/commandLine.ts"], { cwd: root }).sort()) {
    const { mtimeMs, size } = statSync(root + file)
    hash.update(`${file} ${mtimeMs} ${size}\n`)
  }
  return hash.digest("hex").slice(0, 16)
}

const forgetOld = (): void => {
  for (const name of readdirSync(cacheFolder).filter((one) => one.startsWith("cli-"))) {
    if (Date.now() - statSync(cacheFolder + name).mtimeMs > aDay) rmSync(cacheFolder + name, { recursive: true })
  }
}

/** The path of the bundle, which is made when it is missing. */
export const prepareCommandLine = async (): Promise<string> => {
  const folder = `${cacheFolder}cli-${hashed()}`
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`
    await bundleCommandLine({
      outdir: partial,
      sourcemap: false,
      urlOf: (path) => JSON.stringify(pathToFileURL(path).href)
    })
    renameSync(partial, folder)
    forgetOld()
  }
  return `${folder}/start.js`
}

/** The path to run with Node, `process.execPath`, before the arguments. */
export const commandLine = (): string => inject("commandLine")
