/** Creates a file for a migration of the user's own. */
import { Effect, FileSystem, type PlatformError, Schema } from "effect"
import { whyOf } from "../TextFile.ts"
import * as Migration from "./Migration.ts"
import { MigrationRefused } from "./MigrationErrors.ts"

/** The file that was created, and the migration's name. */
export const NewMigrationReport = Schema.Struct({ file: Schema.String, name: Schema.String })
export type NewMigrationReport = typeof NewMigrationReport.Type

const textOf = (folder: string): string => `-- What this changes, and why.
--
-- \`alex-db migrate --folder ${folder}\` applies it, in one transaction. A statement that can run in none, such as
-- CREATE INDEX CONCURRENTLY, goes into a file of its own, whose first line is: -- alex: no transaction
`

/** `Add reports!` as `add_reports`. */
const wordsOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_|_$/g, "")

/**
 * Creates an empty migration with the next number in a folder, and the folder if it is missing. Overwrites nothing.
 *
 * @param title What it changes, in a few words, which become the file's name.
 * @errors MigrationRefused, MigrationsUnreadable
 */
export const create = Effect.fn("NewMigration.create")(function* (title: string, folder: string) {
  const words = wordsOf(title)
  if (words === "") return yield* new MigrationRefused({ problems: [`"${title}" has no letter for a file's name`] })
  const files = yield* FileSystem.FileSystem
  const unwritable = (path: string) => (error: PlatformError.PlatformError) =>
    new Migration.MigrationsUnreadable({ path, message: `${path} can't be made: ${whyOf(error)}` })
  yield* files.makeDirectory(folder, { recursive: true }).pipe(Effect.mapError(unwritable(folder)))
  const last = (yield* Migration.read({ folder })).at(-1)?.number ?? 0
  const name = `${String(last + 1).padStart(3, "0")}_${words}`
  const file = `${folder.replace(/\/$/, "")}/${name}.sql`
  yield* files.writeFileString(file, textOf(folder), { flag: "wx" }).pipe(Effect.mapError(unwritable(file)))
  const report: NewMigrationReport = { file, name }
  return report
})
