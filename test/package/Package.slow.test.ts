/** The package as a stranger gets it: packed, looked through, installed in an empty folder, and used. */
import { execFile } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { build } from "esbuild"
import { afterAll, beforeAll } from "vitest"
import { sources } from "./CodeBlocks.ts"
import { entryPoints, type PublicName, publicFace } from "./PublicFace.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "alex-package-"))
const stage = join(folder, "stage")
const consumer = join(folder, "consumer")
const installed = join(consumer, "node_modules", "alex-database")
const specifiers = entryPoints().map((entry) => entry.specifier)

/** The Node of this process comes first; what npm tells its scripts and what names a database stays out. */
const environment: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|AURORA_|ALEX_DB_|DATABASE_URL$|NODE_OPTIONS$)/.test(name))
  ),
  PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter)
}

const run = async (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: environment, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

let tarball = ""
let packed: ReadonlyArray<string> = []

beforeAll(async () => {
  mkdirSync(stage)
  for (const name of [
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "README.md",
    "LICENSE",
    "src",
    "scripts",
    "migrations",
    "seeds"
  ]) {
    cpSync(join(root, name), join(stage, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(stage, "node_modules"))
  // `npm pack` builds it as it would be published.
  const [pack]: [{ filename: string; files: Array<{ path: string }> }] = JSON.parse(
    await run(stage, "npm", "pack", "--json", "--silent")
  )
  tarball = join(stage, pack.filename)
  packed = pack.files.map((file) => file.path)
  mkdirSync(consumer)
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }))
  await run(consumer, "npm", "install", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund", tarball)
}, 240_000)

afterAll(() => rmSync(folder, { recursive: true }))

it("the package holds what runs, its types, its maps, migrations and seeds, and nothing else", () => {
  const entries = sources().filter((file) => !file.startsWith("src/cli/") || file === "src/cli/main.ts")
  const built = entries.flatMap((file) => {
    const base = file.replace(/^src\//, "dist/").replace(/\.ts$/, "")
    return [`${base}.js`, `${base}.js.map`, `${base}.d.ts`]
  })
  // The command line is bundled: one file beside its entry, and what it loads when it needs it.
  const bundle = packed.filter((file) => /^dist\/cli\/[^/]+\.js$/.test(file) && file !== "dist/cli/main.js")
  assert.include(bundle, "dist/cli/start.js")
  const command = [...bundle, ...bundle.map((file) => `${file}.map`)]
  // The entries for bundlers, and the modules between them and the backends.
  const bundled = packed.filter((file) => /^dist\/\w+\.bundled\.js$/.test(file))
  assert.sameMembers(
    bundled,
    ["DbLayer", "OpenTools", "Agent", "index"].map((name) => `dist/${name}.bundled.js`)
  )
  const beside = ["dist/cli/help.json", "dist/cli/THIRD-PARTY-LICENSES.txt"]
  const data = ["migrations", "seeds"].flatMap((name) => readdirSync(join(root, name)).map((file) => `${name}/${file}`))
  const snapshots = packed.filter((file) => file.endsWith(".tar.br"))
  assert.lengthOf(snapshots, 2)
  assert.match(
    snapshots.join(),
    /^dist\/local\/embedded\/postgres-\d+\.tar\.br,|,dist\/local\/embedded\/postgres-\d+\.tar\.br$/
  )
  assert.match(snapshots.join(), /dist\/test-database-[0-9a-f]+\.tar\.br/)
  assert.sameMembers(
    [...packed],
    [...built, ...command, ...bundled, ...beside, ...data, ...snapshots, "LICENSE", "README.md", "package.json"]
  )
})

/** The bytes of a built file, and of what is loaded whenever it is. */
const loaded = (path: string, seen = new Set<string>()): number => {
  if (seen.has(path)) return 0
  seen.add(path)
  const text = readFileSync(path, "utf8")
  const imports = [...text.matchAll(/^(?:import|\} from) .*?"(\.\/[^"]+)";?$/gm)].map(([, to = ""]) =>
    join(path, "..", to)
  )
  return imports.reduce((sum, one) => sum + loaded(one, seen), text.length)
}

it("help and version are answered before Effect is loaded", async () => {
  const file = join(installed, "dist/cli/start.js")
  const files = new Set<string>()
  assert.isBelow(loaded(file, files), 50_000)
  assert.isAbove(files.size, 1)
  assert.match(await run(consumer, "npx", "--no", "alex-db", "help", "migrate", "plan"), /^USAGE$/m)
  assert.match(await run(consumer, "npx", "--no", "--", "alex-db", "--version"), /^alex-db v\d+\.\d+\.\d+$/m)
})

it("the licence of every package in the command line's bundle comes along", () => {
  const texts = readFileSync(join(installed, "dist/cli/THIRD-PARTY-LICENSES.txt"), "utf8").split(/^-{80}$/m)
  const names = texts.map((text) => /^(\S+) \d+\.\d+\.\d+\S* \(.+\)$/m.exec(text)?.[1] ?? assert.fail(text))
  for (const name of ["effect", "@effect/platform-node", "@effect/sql-pg", "jose"]) assert.include(names, name)
  for (const text of texts) assert.match(text, /copyright/i, text.slice(0, 200))
})

interface SourceMap {
  readonly sources: ReadonlyArray<string>
  readonly sourcesContent?: ReadonlyArray<string | null>
}

it("source maps hold the sources of this package that they lead to", () => {
  const maps = packed.filter((file) => file.endsWith(".map"))
  const lacking = maps.flatMap((file) => {
    const { sources, sourcesContent = [] }: SourceMap = JSON.parse(readFileSync(join(installed, file), "utf8"))
    return sources.filter((source, n) => !source.includes("node_modules/") && typeof sourcesContent[n] !== "string")
  })
  assert.deepStrictEqual(lacking, [])
})

it("publint and Are the types wrong have nothing against it", async () => {
  const findings = await Promise.all([
    run(folder, "npx", "--yes", "publint@0.3.25", "--strict", tarball),
    run(folder, "npx", "--yes", "@arethetypeswrong/cli@0.18.5", tarball, "--profile", "esm-only")
  ])
  assert.include(findings[0], "All good!")
  assert.include(findings[1], '"alex-database/data-api"')
  assert.notInclude(findings[1], "❌")
}, 180_000)

it("npx alex-db brings a database up in an empty folder, and verifies it", async () => {
  const up = await run(consumer, "npx", "--no", "alex-db", "reset", "--with-test-data", "--json")
  const { seeded, testData } = JSON.parse(up)
  assert.strictEqual(seeded.total, 22)
  assert.isNotNull(testData)
  await run(consumer, "npx", "--no", "alex-db", "verify")
}, 120_000)

/** An example with the package's names in place of the paths to the sources. */
const asUsersWrite = (file: string): string => {
  const named = new Map(entryPoints().map((entry) => [`../../${entry.source}`, entry.specifier]))
  const text = readFileSync(join(root, "test", "examples", file), "utf8")
  return text.replaceAll(
    /"(\.\.\/\.\.\/src\/[^"]+)"/g,
    (_, path: string) => `"${named.get(path) ?? assert.fail(path)}"`
  )
}

it("a script of 15 lines and the examples type-check in strict mode, declarations included, and the script runs on that database", async () => {
  const script = `import { Effect } from "effect"
import { ClerkUserId, DbLayer, Portfolios } from "alex-database"
import { formatDecimal } from "alex-database/domain"

const program = Effect.gen(function* () {
  const portfolios = yield* Portfolios
  const { accounts, holdings, total } = yield* portfolios.summary(ClerkUserId.make("test_user_001"))
  for (const { account_name, total } of accounts) console.log(account_name, formatDecimal(total))
  for (const { symbol, quantity } of holdings) console.log(symbol, formatDecimal(quantity))
  return formatDecimal(total)
})

const total: string = await Effect.runPromise(program.pipe(Effect.provide(DbLayer.layer)))
console.log("TOTAL", total)
`
  assert.isAtMost(script.trimEnd().split("\n").length, 15)
  writeFileSync(join(consumer, "portfolio.ts"), script)
  writeFileSync(join(consumer, "faces.ts"), specifiers.map((name) => `export type {} from "${name}"\n`).join(""))
  const examples = ["HttpService.ts", "LambdaHandler.ts", "PlainTypeScript.ts", "PlannerJob.ts"]
  for (const file of examples) writeFileSync(join(consumer, file), asUsersWrite(file))
  const tsc = join(root, "node_modules", ".bin", "tsc")
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2024", "--module", "nodenext"]
  await run(consumer, tsc, ...options, "--types", "node", "portfolio.ts", "faces.ts", ...examples)
  assert.match(await run(consumer, "node", "portfolio.ts"), /TOTAL \d+(\.\d+)?/)
}, 120_000)

/** An export of a library that makes something of a name of the package, and imports nothing else of it. */
const libraryExport = ({ kind, name }: PublicName): ReadonlyArray<string> => {
  // A service of which the entry points export the type alone; `Catalogue.Reference` is the value.
  if (/(?:^|\.)CatalogueReference\b/.test(name)) return []
  if (kind === "value" || kind === "schema" || /\.layer\w*$/.test(name)) return [`export const it = ${name}`]
  if (kind === "service") return [`export const it = Effect.map(${name}, (it) => it)`]
  if (kind !== "member") return []
  const [, service, member] = /^(.+)\.(\w+)$/.exec(name) ?? assert.fail(name)
  return [`export const it = (of: typeof ${service}.Service) => of.${member}`]
}

it("a library that exports what it makes of the package's values and services has declarations", async () => {
  mkdirSync(join(consumer, "library"))
  const files = publicFace().flatMap(({ names, specifier }, entry) =>
    names.flatMap((one, n) =>
      libraryExport(one).map((line) => {
        const imports = `import { Effect } from "effect"\nimport { ${one.name.replace(/\..*/, "")} } from "${specifier}"`
        const file = join("library", `${entry}_${n}.ts`)
        writeFileSync(join(consumer, file), `${imports}\n${line}\n`)
        return file
      })
    )
  )
  assert.isAbove(files.length, 500)
  const tsc = join(root, "node_modules", ".bin", "tsc")
  const options = ["--declaration", "--emitDeclarationOnly", "--outDir", "declared", "--strict", "--target", "es2024"]
  const types = ["--module", "nodenext", "--types", "node", "--skipLibCheck"]
  const refused = await run(consumer, tsc, ...options, ...types, ...files).catch(({ stdout }) => String(stdout))
  assert.strictEqual(refused, "")
}, 120_000)

it("a program for a runtime without Node type-checks without the types of Node", async () => {
  const entries = ["alex-database/data-api/fetch", "alex-database/domain"]
  writeFileSync(join(consumer, "worker.ts"), entries.map((name, n) => `export * as e${n} from "${name}"\n`).join(""))
  const tsc = join(root, "node_modules", ".bin", "tsc")
  const options = ["--noEmit", "--strict", "--target", "es2024", "--module", "esnext", "--moduleResolution", "bundler"]
  const refused = await run(consumer, tsc, ...options, "--lib", "es2024,dom", "--types", "", "worker.ts").catch(
    ({ stdout }) => String(stdout)
  )
  assert.strictEqual(refused, "")
}, 120_000)

/** What a bundler takes in for a module, after what nobody uses has been shaken off. */
const bundled = async (contents: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    stdin: { contents, resolveDir: consumer, loader: "ts" },
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "esm",
    logLevel: "silent"
  })
  const [output] = Object.values(metafile.outputs)
  return Object.entries(output?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : []))
}

const backends = (files: ReadonlyArray<string>) =>
  files.filter((file) => /pglite|@effect\/sql-pg\/|alex-database\/dist\/(local|cli)\//.test(file))

it("the Data API entry pulls in neither PGlite nor the command line", async () => {
  const files = await bundled(`export * from "alex-database/data-api"`)
  assert.isTrue(files.some((file) => /alex-database\/dist\/data-api\/.*DataApiSql\.js$/.test(file)))
  assert.deepStrictEqual(
    backends(files).filter((file) => !file.includes("@effect/sql-pg/")),
    []
  )
})

it("a Lambda function on DbLayer.layerDataApi pulls in no other backend", async () => {
  const files = await bundled(`
    import { Effect, ManagedRuntime } from "effect"
    import { ClerkUserId, Portfolios } from "alex-database"
    import * as DbLayer from "alex-database/DbLayer"
    const runtime = ManagedRuntime.make(DbLayer.layerDataApi)
    export const handler = (event: { user: string }) =>
      runtime.runPromise(Effect.flatMap(Portfolios, (portfolios) => portfolios.load(ClerkUserId.make(event.user))))`)
  assert.isTrue(files.some((file) => /alex-database\/dist\/data-api\/.*AwsDataApi\.js$/.test(file)))
  assert.deepStrictEqual(backends(files), [])
})

it("no development dependency comes along", () => {
  for (const name of ["typescript", "vitest", "esbuild", "kysely", "drizzle-orm", "@effect/vitest"]) {
    assert.isFalse(existsSync(join(consumer, "node_modules", name)), name)
  }
})
