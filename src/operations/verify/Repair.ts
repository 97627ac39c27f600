/** Repairs what differs from the migrations, and validates constraints that no row breaks any more. */
import type { Duration } from "effect"
import { Effect, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { onForeign } from "../database/Advice.ts"
import * as BrokenConstraints from "../database/BrokenConstraints.ts"
import { messageInTransaction } from "../database/DatabaseFailure.ts"
import * as Installation from "../database/Installation.ts"
import { takenNames } from "../database/TakenNames.ts"
import { Target } from "../database/Target.ts"
import * as Journal from "../migrate/applying/Journal.ts"
import * as LockWait from "../migrate/applying/LockWait.ts"
import { compare as compareJournal } from "../migrate/Comparison.ts"
import * as Migration from "../migrate/Migration.ts"
import { MigrationRefused } from "../migrate/MigrationErrors.ts"
import * as Catalogue from "./Catalogue.ts"
import * as Constraints from "./Constraints.ts"
import * as Drift from "./Drift.ts"

/** One difference, the statements that repair it, and why they failed, if they did. */
export const Repaired = Schema.Struct({
  object: Schema.String,
  statements: Schema.Array(Schema.String),
  failure: Schema.NullOr(Schema.String)
})
export type Repaired = typeof Repaired.Type

/**
 * What `repair` did, or with `dryRun` would do. `validated` are the constraints that now hold for all rows, `broken`
 * those that some rows still break, `leftOut` those that `migrate --lenient` left out and that rows still break, and
 * `left` the objects that no migration creates and that stay.
 */
export const RepairReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  dryRun: Schema.Boolean,
  ok: Schema.Boolean,
  repaired: Schema.Array(Repaired),
  validated: Schema.Array(Schema.String),
  broken: Schema.Array(BrokenConstraints.BrokenConstraint),
  leftOut: Schema.Array(BrokenConstraints.BrokenConstraint),
  left: Schema.Array(Schema.String)
})
export type RepairReport = typeof RepairReport.Type

/** Options of `repair`; all members have a default. */
export interface RepairOptions {
  readonly folder?: string | undefined
  /**
   * Also drops objects that no migration creates and that may reject, change or expose Alex's rows: constraints,
   * triggers, rules, policies, and privileges of PUBLIC; and turns row security off. Objects that hold data are never
   * dropped.
   */
  readonly drift?: boolean | undefined
  /** Objects to leave as they are, such as `view:reporting_*`. */
  readonly ignore?: ReadonlyArray<string> | undefined
  /** Reports what would be done, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /** How long to wait for locks in all; 5 minutes by default. */
  readonly patience?: Duration.Input | undefined
}

const attempt = Effect.fnUntraced(function* (
  { object, statements }: Drift.Repairable,
  patience: Duration.Input | undefined
): Effect.fn.Return<Repaired, never, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const run = Effect.gen(function* () {
    yield* Journal.settings(sql)
    for (const statement of statements) yield* sql.unsafe(statement)
  })
  const outcome = yield* Effect.result(
    sql.withTransaction(run).pipe(LockWait.waitForLocks({ operation: "repair", patience }))
  )
  const failure = Result.isSuccess(outcome) ? null : messageInTransaction(outcome.failure)
  return { object, statements, failure }
})

/**
 * Creates objects that are missing and changes those that differ from the migrations, each in a transaction of its own,
 * and validates the constraints that no row breaks. No row is changed. Objects that no migration creates stay, except
 * those that `drift` drops.
 *
 * @errors MigrationRefused, MigrationsUnreadable, ReferenceUnavailable, RepositoryError
 */
export const repair = Effect.fn("Repair.repair")(function* (options: RepairOptions = {}) {
  const { database, location } = yield* Target
  const migrations = yield* Migration.load(options)
  const installation = yield* Installation.inspect(migrations)
  const state = compareJournal(migrations, installation.journal)
  const refuse = (problems: ReadonlyArray<string>) => new MigrationRefused({ problems, undone: "repaired" })
  const inTheWay = [...installation.foreign, ...takenNames(installation.holders, migrations, [])]
  if (inTheWay.length > 0)
    return yield* new MigrationRefused({
      problems: inTheWay,
      undone: "repaired",
      fix: onForeign(installation.misplaced.length > 0).fix
    })
  if (installation.standing === "fresh" || installation.standing === "remade" || state.pending.length > 0) {
    return yield* refuse(["migrations are pending: run alex-db migrate first"])
  }
  const expected = yield* (yield* Catalogue.Reference).catalogue
  const { left, repairable } = Drift.repairs(expected, yield* Catalogue.read(), {
    ignore: options.ignore ?? [],
    removes: options.drift === true
  })
  const place = ({ kind }: (typeof repairable)[number]) => Catalogue.Kind.literals.indexOf(kind)
  const sorted = [...repairable].sort((a, b) => place(a) - place(b))
  const dryRun = options.dryRun === true
  const repaired = yield* Effect.forEach(sorted, (one) =>
    dryRun
      ? Effect.succeed<Repaired>({ object: one.object, statements: one.statements, failure: null })
      : attempt(one, options.patience)
  )
  const constraints = yield* Constraints.validate(dryRun)
  const report: RepairReport = {
    database,
    location,
    dryRun,
    ok:
      constraints.broken.length === 0 &&
      repaired.every(({ failure }) => failure === null) &&
      (!dryRun || repaired.length === 0),
    repaired,
    ...constraints,
    left
  }
  return report
})
