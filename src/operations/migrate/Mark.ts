/** Records in the journal what was applied or undone by other means than `migrate`. Runs nothing. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { onForeign } from "../database/Advice.ts"
import * as Installation from "../database/Installation.ts"
import * as Journal from "./applying/Journal.ts"
import * as Migration from "./Migration.ts"
import { MigrationRefused } from "./MigrationErrors.ts"

/** The migrations that now count as applied, or as pending. */
export const MarkReport = Schema.Struct({ marked: Schema.Array(Schema.String), applied: Schema.Boolean })
export type MarkReport = typeof MarkReport.Type

/** How to mark; all members have a default. */
export interface MarkOptions extends Migration.Source {
  /** The version written into the journal. */
  readonly version?: string | undefined
}

const refuse = (problems: ReadonlyArray<string>, advice: { readonly fix?: string } = {}) =>
  new MigrationRefused({ problems, undone: "written into the journal", ...advice })

const write = Effect.fnUntraced(function* (
  migrations: ReadonlyArray<Migration.Migration>,
  options: MarkOptions & { readonly applied: boolean }
) {
  const sql = yield* SqlClient.SqlClient
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* Journal.create()
      if (options.applied) yield* Journal.mark(migrations, options.version ?? "unknown")
      else yield* Effect.forEach(migrations, Journal.unmark, { discard: true })
    })
  )
  const report: MarkReport = { marked: migrations.map(({ name }) => name), applied: options.applied }
  return report
})

const refuseForeign = Effect.fnUntraced(function* (
  migrations: ReadonlyArray<Migration.Migration>,
  options: Migration.Source
) {
  const installation = yield* Installation.inspect(migrations, options)
  const { foreign, misplaced } = installation
  if (foreign.length > 0) return yield* refuse(foreign, { fix: onForeign(misplaced.length > 0).fix })
  return installation
})

/**
 * Records one migration as applied, with the checksum of its file, or as pending.
 *
 * @param name The migration's name, `003_constraints`, or its number.
 * @errors MigrationRefused, MigrationsUnreadable, RepositoryError
 */
export const mark = Effect.fn("Mark.mark")(function* (
  name: string,
  options: MarkOptions & { readonly applied: boolean }
) {
  // One of Alex's may have the same words.
  if (Migration.isOwn(name) && options.own !== true)
    return yield* refuse([`${name} is one of your own migrations: name their folder with --folder`])
  const migrations = yield* Migration.read(options)
  const { journal } = yield* refuseForeign(migrations, options)
  const plain = Migration.plainName(name).replace(/\.sql$/, "")
  const found = migrations.find(
    (one) => Migration.plainName(one.name) === plain || String(one.number) === plain.replace(/^0+/, "")
  )
  if (found !== undefined) return yield* write([found], options)
  const gone = journal?.find((entry) => entry.name === name)
  if (gone === undefined || options.applied) {
    const names = migrations.map((one) => one.name).join(", ")
    return yield* refuse([`there is no migration ${name}: there are ${names}`])
  }
  // Its file is gone: the name is enough to remove it from the journal.
  return yield* write([{ ...gone, number: 0, transactional: true, statements: [], text: "" }], options)
})

/**
 * Writes a journal for a database that has the tables and no journal: all migrations up to a number count as applied.
 *
 * @param to The number of the last one; by default all.
 * @errors MigrationRefused, MigrationsUnreadable, RepositoryError
 */
export const baseline = Effect.fn("Mark.baseline")(function* (
  options: MarkOptions & { readonly to?: number | undefined } = {}
) {
  const migrations = yield* Migration.load(options)
  const installation = yield* refuseForeign(migrations, options)
  const { to = Number.POSITIVE_INFINITY } = options
  if ((installation.journal ?? []).length > 0) {
    return yield* refuse(["there is a journal already; alex-db migrate mark changes single lines of it"])
  }
  if (options.own !== true && installation.tables.length === 0)
    return yield* refuse(["there is no table yet: alex-db migrate makes them"])
  if (to !== Number.POSITIVE_INFINITY && !migrations.some(({ number }) => number === to)) {
    return yield* refuse([`there is no migration ${to}`])
  }
  return yield* write(
    migrations.filter(({ number }) => number <= to),
    { ...options, applied: true }
  )
})
