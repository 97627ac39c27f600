/**
 * Packages that only some tests need, installed by those tests: a `package.json` of their own keeps `npm ci` small.
 *
 * What was installed is kept in `node_modules/.cache` under a hash of that file.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const cache = fileURLToPath(new URL("../../node_modules/.cache/alex-database/", import.meta.url))

/**
 * The folder whose `node_modules` has what `test/<name>/package.json` names; undefined where it can't be had, as without
 * a network, which is said on stderr.
 */
export const installed = async (name: string): Promise<string | undefined> => {
  const wanted = fileURLToPath(new URL(`../${name}/package.json`, import.meta.url))
  const hash = createHash("sha256").update(readFileSync(wanted)).digest("hex").slice(0, 12)
  const folder = `${cache}${name}-${hash}`
  if (existsSync(folder)) return folder
  // Tests of several processes may install at the same time: each finds it whole or not at all.
  const partial = `${folder}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  cpSync(wanted, `${partial}/package.json`)
  try {
    const options = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    await promisify(execFile)("npm", ["install", ...options], { cwd: partial })
    if (!existsSync(folder)) renameSync(partial, folder)
    return folder
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : String(error)
    process.stderr.write(`SKIPPED: what test/${name}/package.json names can't be installed (${why})\n`)
    return undefined
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
