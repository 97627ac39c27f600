/** PGlite of another version, which npm puts into a folder: exactly the one that is known, or what the operator names. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Schema } from "effect"
import type { Opener } from "../../../local/folder/OtherVersion.ts"
import { Refused } from "../../Outcome.ts"

const name = "@electric-sql/pglite"

/** What npm calls the package that is known. */
export const packageOf = ({ version }: Opener): string => `${name}@${version}`

/** A file as it was given: `file:` before it is npm's way to say so, in a URL or not. */
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
 * What npm is asked for: a version of PGlite, or a file or folder of the operator's.
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

/** What npm notes of what it has put into a folder. */
const Installed = Schema.fromJsonString(
  Schema.Struct({
    packages: Schema.Record(Schema.String, Schema.Struct({ integrity: Schema.optionalKey(Schema.String) }))
  })
)

const notInstalled = (spec: string, why: string, fix: string) =>
  new Refused({ code: "npm", problem: `npm did not install ${spec}: ${why}; the folder is as it was`, fix })

/** The last that npm said without its prefixes, and without the log file that it names at the end. */
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

/** Asks npm, by the Node that runs this. Nothing that a package brings is run. */
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

/** What to say where the files are not opened by a package that the operator has named. */
export const notOpened = (opener: Opener | undefined, spec: string, given: string, major: number, cause: unknown) => {
  const problem = `${spec} does not open the files of PostgreSQL ${major} in ${given}; the folder is as it was`
  return new Refused({ code: "npm", problem, fix: giveFix(opener), cause })
}

/**
 * Installs PGlite into a new folder; gives the folder of the package.
 *
 * @param opener The package that is known, which must come with its hash where it is asked for.
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
    const why = `what came is not the package that is known by that name (its hash is ${found.integrity ?? "missing"})`
    return yield* notInstalled(spec, why, "Ask npm's registry, and not a mirror that packs it again")
  }
  return join(folder, within)
})
