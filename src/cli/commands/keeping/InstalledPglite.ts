/**
 * Installs another version of PGlite with npm: the known one, checked by its hash, or a package that the operator
 * names.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Schema } from "effect"
import type { Opener } from "../../../local/folder/OtherVersion.ts"
import { Refused } from "../../Outcome.ts"

const name = "@electric-sql/pglite"

/** The name and version of the known package, as npm takes them. */
export const packageOf = ({ version }: Opener): string => `${name}@${version}`

/** The path that was given, without the prefix `file:` that npm allows. */
const pathOf = (given: string): Effect.Effect<string> =>
  Effect.orElseSucceed(
    Effect.try(() => (given.startsWith("file://") ? fileURLToPath(given) : given.replace(/^file:/, ""))),
    () => given
  )

const isVersion = /^v?\d+(?:\.\d+){0,2}(?:-[\w.-]+)?$/
const isFileLike = /^(?:file:|[./~]|[a-z]:[/\\])|\.(?:tgz|tar|gz)$/i

const giveFix = (opener: Opener | undefined): string => {
  const wanted = opener === undefined ? name : packageOf(opener)
  return `Give --with ${wanted}, or the file that "npm pack ${wanted}" makes`
}

/**
 * What to pass to `npm install`: a version of PGlite, or the operator's file or folder.
 *
 * @errors Refused
 */
export const specOf = Effect.fnUntraced(function* (opener: Opener | undefined, given: string | undefined) {
  if (given === undefined) return opener === undefined ? undefined : packageOf(opener)
  const path = yield* pathOf(given)
  if (path !== "" && existsSync(path)) return resolve(path)
  if (isVersion.test(given)) return `${name}@${given.replace(/^v/, "")}`
  if (given !== "" && !isFileLike.test(given)) return given
  const problem = `--with names ${given === "" ? "nothing" : `${given}, which is not there`}; the folder is as it was`
  return yield* new Refused({ code: "npm", problem, fix: giveFix(opener) })
})

/** The file in which npm records what it installed into a folder. */
const Installed = Schema.fromJsonString(
  Schema.Struct({
    packages: Schema.Record(Schema.String, Schema.Struct({ integrity: Schema.optionalKey(Schema.String) }))
  })
)

const notInstalled = (spec: string, why: string, fix: string) =>
  new Refused({ code: "npm", problem: `npm did not install ${spec}: ${why}; the folder is as it was`, fix })

/** The first lines of npm's errors, without prefixes and without the log file that it names at the end. */
const lastWords = (said: string): string =>
  said
    .split("\n")
    .map((line) => line.replace(/^npm (?:error|ERR!)\s*/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("A complete log of this run"))
    .slice(0, 3)
    .join(", ")

const fixFor = (spec: string, opener: Opener | undefined): string =>
  isAbsolute(spec)
    ? giveFix(opener)
    : `Run it again where npm reaches its registry; or run "npm pack ${spec}" there, bring the file here, and give it to --with`

/** Runs `npm install` with the Node of this process; no script of a package is run. */
const npm = (folder: string, spec: string, fix: string) =>
  Effect.callback<void, Refused>((resume) => {
    const args = ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    const patience = ["--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--prefer-offline"]
    const child = spawn("npm", [...args, ...patience, "--save-exact", spec], {
      cwd: folder,
      env: { ...process.env, PATH: [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter) },
      shell: process.platform === "win32",
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    child.stderr.on("data", (chunk) => {
      said += chunk
    })
    child.on("error", ({ message }) => {
      const fix = "Install npm, which comes with Node, and run it again"
      resume(Effect.fail(notInstalled(spec, `npm can't be run (${message})`, fix)))
    })
    child.on("close", (code, signal) => {
      const why = lastWords(said) || (signal ?? `exit code ${code}`)
      resume(code === 0 ? Effect.void : Effect.fail(notInstalled(spec, why, fix)))
    })
    return Effect.sync(() => child.kill())
  })

/** The failure of a package that the operator named and that does not open the files. */
export const notOpened = (opener: Opener | undefined, spec: string, given: string, major: number, cause: unknown) => {
  const problem = `${spec} does not open the files of PostgreSQL ${major} in ${given}; the folder is as it was`
  return new Refused({ code: "npm", problem, fix: giveFix(opener), cause })
}

/**
 * Installs PGlite into a new folder; returns the folder of the package.
 *
 * @param opener The known package; if `spec` asks for it, its hash must match.
 * @errors Refused
 */
export const install = Effect.fnUntraced(function* (folder: string, spec: string, opener: Opener | undefined) {
  yield* Effect.promise(async () => {
    await mkdir(folder)
    // Without it npm would look for a project in the folders above.
    await writeFile(join(folder, "package.json"), '{"private":true}\n')
  })
  yield* npm(folder, spec, fixFor(spec, opener))
  const within = `node_modules/${name}`
  const { packages } = yield* Effect.tryPromise(() => readFile(join(folder, "node_modules/.package-lock.json"))).pipe(
    Effect.flatMap((text) => Schema.decodeEffect(Installed)(text.toString())),
    Effect.orElseSucceed((): typeof Installed.Type => ({ packages: {} }))
  )
  const found = packages[within]
  if (found === undefined) return yield* notInstalled(spec, `it is not ${name}`, giveFix(opener))
  if (opener !== undefined && spec === packageOf(opener) && found.integrity !== opener.integrity) {
    const why = `the package that npm fetched is not the known one (its hash is ${found.integrity ?? "missing"})`
    return yield* notInstalled(spec, why, "Use npm's registry, not a mirror that repacks packages")
  }
  return join(folder, within)
})
