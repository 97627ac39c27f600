/** Foreign programs: where they are, and how one is run directly and through the gateway. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Ran, run, TestGateway } from "./TestGateway.ts"

/** The folder of the programs' texts. */
export const programs = fileURLToPath(new URL("./programs/", import.meta.url))

const skipped = (what: string, why: string): undefined => {
  process.stderr.write(`SKIPPED: ${what} through the gateway (${why})\n`)
  return undefined
}

/** A folder with the programs and the packages that they need; undefined where those can't be installed. */
export const installedPrograms = (): string | undefined => {
  const manifest = readFileSync(`${programs}package.json`)
  const hash = createHash("sha256").update(manifest).update(programs).digest("hex").slice(0, 12)
  // Kept from run to run, and not below node_modules, where Node takes no types out of a text.
  const folder = join(tmpdir(), `alex-database-programs-${hash}`)
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`
    mkdirSync(partial, { recursive: true })
    cpSync(`${programs}package.json`, `${partial}/package.json`)
    try {
      execFileSync("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"], { cwd: partial, stdio: "pipe" })
      renameSync(partial, folder)
    } catch (error) {
      rmSync(partial, { recursive: true, force: true })
      return skipped("ORMs and migrators of npm", `npm can't install them: ${String(error).split("\n")[0]}`)
    }
  }
  cpSync(programs, folder, { recursive: true, force: true })
  return folder
}

/** The first of the commands that answers; undefined, with a word on stderr, where none does. */
export const present = (what: string, args: ReadonlyArray<string>, ...commands: ReadonlyArray<string>) => {
  for (const command of commands) {
    try {
      execFileSync(command, [...args], { stdio: "ignore" })
      return command
    } catch {}
  }
  return skipped(what, "it is not installed")
}

/** How a program reaches a database. */
export type Invocation = (url: string) => Effect.Effect<Ran>

/** Runs a program in an empty schema, directly and through the gateway: it prints the same. */
export const printsTheSame = Effect.fnUntraced(function* (
  invoke: Invocation,
  expected: string,
  ...dropped: ReadonlyArray<string>
) {
  const { directUrl, url } = yield* TestGateway
  const outputs: Array<string> = []
  for (const address of [directUrl, url]) {
    const drop = ["public", ...dropped].map((schema) => `drop schema if exists ${schema} cascade;`).join(" ")
    yield* run("psql", ["-X", "-q", address], `set client_min_messages to error; ${drop} create schema public`)
    const ran = yield* invoke(address)
    assert.strictEqual(
      ran.code,
      0,
      `${address === url ? "through the gateway" : "directly"}: ${ran.stdout}${ran.stderr}`
    )
    outputs.push(ran.stdout)
  }
  assert.strictEqual(outputs[1], outputs[0])
  assert.include(outputs[1], expected)
})
