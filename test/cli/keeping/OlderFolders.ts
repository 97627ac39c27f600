/** Folders that older versions of PGlite have made, with Alex's tables and rows that are easily lost. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Result, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as InstalledPglite from "../../../src/cli/commands/keeping/InstalledPglite.ts"
import * as OlderFolder from "../../../src/cli/commands/keeping/OlderFolder.ts"
import { openers } from "../../../src/local/folder/OtherVersion.ts"
import { Backup, Migrate } from "../../../src/operations/index.ts"

const cache = fileURLToPath(new URL("../../../node_modules/.cache/alex-database/", import.meta.url))

/** A version of PGlite as npm installs it, kept for the next run; or why it can't be had. */
export const olderPglite = async (version: string): Promise<{ readonly folder: string; readonly missing?: string }> => {
  const folder = join(cache, `older-pglite-${version}`)
  const within = join(folder, "node_modules/@electric-sql/pglite")
  if (existsSync(folder)) return { folder: within }
  mkdirSync(cache, { recursive: true })
  const partial = `${folder}.${process.pid}`
  const opener = Object.values(openers).find((one) => one.version === version)
  const installed = await Effect.runPromise(
    Effect.result(InstalledPglite.install(partial, `@electric-sql/pglite@${version}`, opener))
  )
  if (Result.isSuccess(installed)) {
    // Another test file may have been first.
    await rename(partial, folder).catch(() => {})
  }
  await rm(partial, { recursive: true, force: true })
  if (Result.isSuccess(installed)) return { folder: within }
  process.stderr.write(`SKIPPED: folders of PGlite ${version} (${installed.failure.message})\n`)
  return { folder: within, missing: installed.failure.message }
}

export interface Older {
  readonly package: string
  readonly major: number
  /** The database that this version takes where none is named. */
  readonly database: string
}

/** Runs statements in a database of a folder by its PGlite, as its maker would. */
export const inside = <A, E>(
  dataDir: string,
  { database, major, package: folder }: Older,
  use: Effect.Effect<A, E, OlderFolder.Reading | NodeServices.NodeServices>
) =>
  use.pipe(
    Effect.provide(
      Layer.merge(
        OlderFolder.layer({ package: folder, major, dataDir, location: dataDir }, database),
        NodeServices.layer
      )
    )
  )

/**
 * Makes a folder as PGlite makes a new one. To initialise it takes several seconds: it is done once for each version of
 * PGlite, kept for the next run, and copied.
 */
export const initialised = async (directory: string, older: Older): Promise<void> => {
  const { version }: { version: string } = JSON.parse(readFileSync(join(older.package, "package.json"), "utf8"))
  const kept = join(cache, `initialised-by-pglite-${version}`)
  if (!existsSync(kept)) {
    const partial = `${kept}.${process.pid}`
    await Effect.runPromise(inside(partial, older, Effect.void))
    // Another run may have been first.
    await rename(partial, kept).catch(() => {})
    await rm(partial, { recursive: true, force: true })
  }
  cpSync(kept, directory, { recursive: true })
}

export const run = (...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.forEach(statements, (one) => sql.unsafe(one)))

/** Every digit, every form of a moment, characters of four octets, and texts of a megabyte. */
const oddRows = [
  `insert into users (clerk_user_id, display_name, target_retirement_income, created_at) values
    ('user_1', '😀 "Ann" \\ ''O''', 9999999999.99, '-infinity'), ('user_2', E'\\u2028\\ttab', 0.01, 'infinity'),
    ('user_3', '', null, '0044-03-15 12:00:00.000001+00 BC')`,
  `insert into instruments (symbol, name, instrument_type, current_price) values ('ODD', 'Odd', 'etf', 99999999.9999)`,
  `insert into accounts (id, clerk_user_id, account_name, account_purpose, cash_balance, cash_interest) values
    ('3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'user_1', '401(k)', repeat('ä😀x', 174763), 9999999999.99, 0.0001)`,
  `insert into positions (account_id, symbol, quantity, as_of_date) values
    ('3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'ODD', 999999999999.99999999, 'infinity')`,
  // ALEX_LONG=1: five of a megabyte instead of one, of which each is read, hashed and written several times.
  `insert into jobs (clerk_user_id, job_type, status, request_payload, report_payload) select 'user_2', 'portfolio_analysis', 'completed',
    '{"n": 1e400, "z": 0.10, "😀": [null, {}, ""], "k": "\\u0001"}', jsonb_build_object('n', n, 't', repeat(md5(n::text), 33000))
    from generate_series(1, ${process.env.ALEX_LONG === "1" ? 5 : 1}) n`,
  `insert into jobs (clerk_user_id, job_type, status, request_payload) select 'user_1', 'portfolio_analysis', 'pending',
    jsonb_build_object('n', n) from generate_series(1, 500) n`
]

/** Counts and hashes of Alex's tables. */
export const sums = Backup.withSource({}, ({ rows, sums }) => Effect.andThen(Stream.runDrain(rows), sums))

/** Fills a database with Alex's tables and odd rows; gives their counts and hashes. */
export const fill = Effect.gen(function* () {
  yield* Migrate.migrate({ version: "0" })
  yield* run(...oddRows)
  return yield* sums
})

/** Makes a folder as alex-db has it, by an older PGlite: PostgreSQL's files in `pgdata`, the database named `alex`. */
export const ofAlexDb = Effect.fnUntraced(function* (directory: string, older: Older) {
  mkdirSync(directory)
  const pgdata = join(directory, "pgdata")
  yield* Effect.promise(() => initialised(pgdata, older))
  const tables = yield* inside(pgdata, older, fill)
  yield* inside(pgdata, { ...older, database: "template1" }, run(`alter database ${older.database} rename to alex`))
  writeFileSync(join(directory, "database.json"), JSON.stringify({ postgres: older.major, database: "alex" }))
  return tables
})
