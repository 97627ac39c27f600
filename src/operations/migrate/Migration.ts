/** Reads the migrations of a folder: plain SQL files, numbered, applied in order. */
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Effect, FileSystem, type PlatformError, Schema } from "effect"
import { type ScriptStatement, splitStatements } from "../../data-api/statement/SqlLexer.ts"
import { type NotText, readText, whyOf } from "../TextFile.ts"

/** One file of the folder, read and split. */
export interface Migration {
  /** The number at the beginning of the file's name. */
  readonly number: number
  /** The file's name without `.sql`, for example `001_schemas`, or `own/001_reports` if it is the user's own. */
  readonly name: string
  /** SHA-256, in hex, of the text with line ends made `\n` and without white space at the ends of lines and file. */
  readonly checksum: string
  /** False if the first line is `-- alex: no transaction`, which concurrent index builds need. */
  readonly transactional: boolean
  readonly statements: ReadonlyArray<ScriptStatement>
  /** The file's text without a byte-order mark. */
  readonly text: string
}

/** The folder or a file in it can't be read, or a file's name is not `001_words.sql`. */
export class MigrationsUnreadable extends Schema.TaggedError<MigrationsUnreadable>()("MigrationsUnreadable", {
  path: Schema.String,
  message: Schema.String
}) {}

/** The folder of the package's own migrations; `migrations` in a CommonJS bundle, which has no `import.meta.url`. */
export const packagedFolder = (): string => {
  const url = URL.parse("../../../migrations/", import.meta.url)
  return url === null ? "migrations" : fileURLToPath(url)
}

const fileName = /^(\d{3,})_([a-z0-9_]+)\.sql$/

const normalize = (text: string): string =>
  text
    .replaceAll("\r\n", "\n")
    .replaceAll(/(?<![ \t])[ \t]+$/gm, "")
    .trim()

/** Reads one migration out of its file's name and text; `undefined` when the name is not `NNN_words.sql`. */
export const parse = (file: string, text: string): Migration | undefined => {
  const match = fileName.exec(file)
  if (match === null) return undefined
  // The text runs without normalization: white space inside a string literal is data.
  const script = text.replace(/^\uFEFF/, "")
  const normalized = normalize(script)
  return {
    number: Number(match[1]),
    name: file.slice(0, -".sql".length),
    checksum: createHash("sha256").update(normalized).digest("hex"),
    transactional: !/^--\s*alex:\s*no transaction\s*(\n|$)/.test(normalized),
    statements: splitStatements(script),
    text: script
  }
}

/** The prefix of the names of the user's own migrations, which share the journal with Alex's. */
const ownPrefix = "own/"

/** Whether a migration of this name is the user's own. */
export const isOwn = (name: string): boolean => name.startsWith(ownPrefix)

/** A migration's name without the prefix of the user's own. */
export const plainName = (name: string): string => (isOwn(name) ? name.slice(ownPrefix.length) : name)

/** The number in a migration's name. */
export const numberOf = (name: string): number => Number.parseInt(plainName(name), 10)

/** Where migrations are. */
export interface Source {
  /** The folder of the migrations; by default the package's own. */
  readonly folder?: string | undefined
  /** Whether they are the user's own, which the journal records beside Alex's. */
  readonly own?: boolean | undefined
}

/**
 * Reads every migration of a folder, in order of number; none if the folder has none.
 *
 * @errors MigrationsUnreadable
 */
export const read = Effect.fn("Migration.read")(function* ({ folder = packagedFolder(), own = false }: Source = {}) {
  const files = yield* FileSystem.FileSystem
  const unreadable = (path: string) => (error: NotText | PlatformError.PlatformError) =>
    new MigrationsUnreadable({ path, message: `${path} can't be read: ${whyOf(error)}` })
  const names = yield* files.readDirectory(folder).pipe(Effect.mapError(unreadable(folder)))
  const migrations: Array<Migration> = []
  // Hidden files belong to editors or file systems.
  for (const name of names.filter((file) => /^[^.].*\.sql$/i.test(file)).sort()) {
    const path = `${folder.replace(/\/$/, "")}/${name}`
    const parsed = parse(name, yield* readText(path).pipe(Effect.mapError(unreadable(path))))
    if (parsed === undefined) {
      return yield* new MigrationsUnreadable({ path, message: `${path} must be named like 001_words.sql` })
    }
    const migration = own ? { ...parsed, name: ownPrefix + parsed.name } : parsed
    const same = migrations.find((other) => other.number === migration.number)
    if (same !== undefined) {
      return yield* new MigrationsUnreadable({ path, message: `${name} has the same number as ${same.name}.sql` })
    }
    migrations.push(migration)
  }
  return migrations.sort((a, b) => a.number - b.number)
})

/**
 * Reads every migration of a folder, in order of number. A folder without any is the wrong one.
 *
 * @errors MigrationsUnreadable
 */
export const load = Effect.fn("Migration.load")(function* (source: Source = {}) {
  const migrations = yield* read(source)
  if (migrations.length > 0) return migrations
  const path = source.folder ?? packagedFolder()
  const message = `${path} has no migration; folders inside it are not read`
  return yield* new MigrationsUnreadable({ path, message })
})

/** The first words of a statement on one line, at most `width` characters, for progress and plans. */
export const firstWords = (sql: string, width = 60): string => {
  const line = sql.replaceAll(/\s+/g, " ")
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`
}
