/** The two databases of a copy: each described by a URL, a folder, a file of variables, or the environment. */
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { ConfigProvider, Effect, Option } from "effect"
import * as DbConfig from "../../../DbConfig.ts"
import { configure, type DatabaseFlags } from "../../database.ts"
import { loadAlone } from "../../environment.ts"
import { WrongUsage } from "../../Outcome.ts"

/** What a side may be, for the help. */
export const forms = "a postgres:// URL, a folder or embedded:FOLDER, a file of variables (.env.prod), or data-api"

const record = (variables: Readonly<Record<string, string>>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(variables))

/**
 * The database that the folder was made for, which the environment need not name; empty if the folder does not say it.
 */
const databaseIn = (folder: string): string => {
  try {
    const description: unknown = JSON.parse(readFileSync(join(folder, "database.json"), "utf8"))
    if (typeof description !== "object" || description === null || !("database" in description)) return ""
    return typeof description.database === "string" ? description.database : ""
  } catch {
    // A new folder, or one whose description is missing: it is opened under the usual name.
    return ""
  }
}

const inFolder = (folder: string, why: string) =>
  DbConfig.loadEmbedded(why).pipe(
    record({
      ALEX_DB_DIR: folder,
      AURORA_DATABASE: databaseIn(folder),
      ALEX_DB_DURABILITY: process.env.ALEX_DB_DURABILITY ?? ""
    })
  )

/**
 * Reads the configuration of one side of a copy.
 *
 * @param flag `--from` or `--to`.
 * @errors ConfigurationError, Refused, WrongUsage
 */
export const sideOf = Effect.fnUntraced(function* (flag: string, spec: string, flags: DatabaseFlags) {
  const why = `${flag} says so`
  if (/^postgres(?:ql)?:\/\//i.test(spec)) {
    const { USER = "", USERNAME = "" } = process.env
    return yield* DbConfig.loadPostgres(why).pipe(record({ DATABASE_URL: spec, USER, USERNAME }))
  }
  const folder = /^embedded:(.+)$/.exec(spec)?.[1]
  if (folder !== undefined) return yield* inFolder(folder, why)
  if (spec === "data-api" || spec === "postgres" || spec === "embedded") {
    return yield* configure({ ...flags, backend: Option.some(spec) })
  }
  const found = statSync(spec, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return yield* inFolder(spec, why)
  if (found !== undefined) {
    return yield* Effect.provideService(DbConfig.load(), ConfigProvider.ConfigProvider, yield* loadAlone(spec))
  }
  return yield* new WrongUsage({
    problem: `${flag} is neither a database nor an existing file or folder`,
    fix: `Give it ${forms}`
  })
})
