/**
 * A folder of another PostgreSQL, made by this package as it would have been on the PGlite of that version. It is built
 * and packed here, which takes npm and a minute: in the long form only.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { alexDb, folder } from "./Processes.ts"

const repository = fileURLToPath(new URL("../../../", import.meta.url))

/** The last PGlite that is PostgreSQL 17. */
const earlier = "0.4.6"

const changed = (file: string, change: (text: string) => string) =>
  writeFileSync(file, change(readFileSync(file, "utf8")))

/** This package on an earlier PGlite, in a folder with its dependencies; `undefined` where npm can't fetch them. */
const build = (place: string): string | undefined => {
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json", "--outDir", join(place, "dist")], { cwd: repository })
  for (const name of ["migrations", "seeds"]) cpSync(join(repository, name), join(place, name), { recursive: true })
  changed(join(place, "dist/local/folder/OtherVersion.js"), (text) =>
    text.replace("postgresMajor = 18", "postgresMajor = 17")
  )
  // Settings that 17 does not have.
  changed(join(place, "dist/local/embedded/EmbeddedPostgres.js"), (text) =>
    text.replace(/.*"(?:max_active_replication_origins|io_method)=.*\n/g, "")
  )
  const described: { dependencies: Record<string, string>; [name: string]: unknown } = JSON.parse(
    readFileSync(join(repository, "package.json"), "utf8")
  )
  const { dependencies, devDependencies: _1, scripts: _2, allowScripts: _3, ...rest } = described
  const manifest = { ...rest, version: "0.0.9", dependencies: { ...dependencies, "@electric-sql/pglite": earlier } }
  writeFileSync(join(place, "package.json"), JSON.stringify(manifest))
  if (spawnSync("npm", ["install", "--silent", "--no-audit", "--no-fund"], { cwd: place }).status !== 0)
    return undefined
  execFileSync(process.execPath, ["dist/local/embedded/WriteSnapshot.js"], { cwd: place })
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts"], { cwd: place })
  return join(place, "alex-database-0.0.9.tgz")
}

const isLong = process.env.ALEX_LONG === "1"
if (!isLong) process.stderr.write("SKIPPED: upgrading a folder of PostgreSQL 17 (ALEX_LONG is not 1)\n")

it.live.skipIf(!isLong)(
  "a folder of PostgreSQL 17 is upgraded by the version that made it, and kept",
  () =>
    Effect.gen(function* () {
      const place = yield* folder
      const cwd = yield* folder
      const packed = build(place)
      if (packed === undefined) {
        process.stderr.write("SKIPPED: npm can't fetch what an earlier version of the package depends on\n")
        return
      }
      const node = [dirname(process.execPath), process.env.PATH].join(":")
      execFileSync(process.execPath, [join(place, "dist/cli/main.js"), "reset", "--with-test-data"], {
        cwd,
        env: { PATH: node },
        stdio: "ignore"
      })
      assert.strictEqual(readFileSync(join(cwd, ".alex-db/pgdata/PG_VERSION"), "utf8").trim(), "17")
      const refused = yield* alexDb(["verify"], { cwd })
      assert.match(refused.stderr, /was made by PostgreSQL 17, this is 18.*alex-db upgrade/)
      const upgraded = yield* alexDb(["upgrade", "--with", packed], { cwd, env: { HOME: cwd } })
      assert.strictEqual(upgraded.code, 0, upgraded.stderr)
      assert.match(upgraded.stdout.toString(), /31 rows.*\n.*the same.*\nupgraded: \.alex-db from PostgreSQL 17 to 18/)
      assert.strictEqual(readFileSync(join(cwd, ".alex-db/pgdata/PG_VERSION"), "utf8").trim(), "18")
      assert.isTrue(existsSync(join(cwd, ".alex-db.postgres17/pgdata/PG_VERSION")))
      const verified = yield* alexDb(["verify"], { cwd })
      assert.strictEqual(verified.code, 0, verified.stderr)
    }),
  900_000
)
