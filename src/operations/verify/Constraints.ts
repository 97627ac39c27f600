/**
 * Validates constraints of Alex's tables that do not hold for all rows yet: not validated, or left out by `migrate
 * --lenient`.
 */
import { Data, Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as BrokenConstraints from "../database/BrokenConstraints.ts"
import * as LeftOut from "../database/LeftOut.ts"
import * as Catalogue from "./Catalogue.ts"
import * as RepairSql from "./RepairSql.ts"

/**
 * The outcome: the constraints in `validated` hold for all rows now, those in `broken` and `leftOut` are broken by
 * some.
 */
export interface Outcome {
  readonly validated: ReadonlyArray<string>
  readonly broken: ReadonlyArray<BrokenConstraints.BrokenConstraint>
  readonly leftOut: ReadonlyArray<BrokenConstraints.BrokenConstraint>
}

/** Carries a constraint that rows still break out of the transaction that added it. */
class StillBroken extends Data.TaggedError("StillBroken")<{
  readonly broken: BrokenConstraints.BrokenConstraint | undefined
}> {}

/** Adds a constraint that was left out, unless rows still break it; returns those rows then. */
const bringBack = Effect.fnUntraced(function* (object: Catalogue.CatalogueObject, dryRun: boolean) {
  const sql = yield* SqlClient.SqlClient
  const name = `${object.table}.${object.name}`
  const attempt = Effect.gen(function* () {
    for (const statement of RepairSql.make(object, { expected: [], found: [] })) yield* sql.unsafe(statement)
    const found = (yield* BrokenConstraints.find()).find((broken) => BrokenConstraints.nameOf(broken) === name)
    if (dryRun || found === undefined || found.rows > 0) return yield* new StillBroken({ broken: found })
    yield* BrokenConstraints.validate(found)
    yield* LeftOut.write((yield* LeftOut.find()).filter((other) => other !== name))
    return { name, broken: undefined }
  })
  return yield* sql
    .withTransaction(attempt)
    .pipe(Effect.catchTag("StillBroken", ({ broken }) => Effect.succeed({ name: undefined, broken })))
})

/**
 * Validates the constraints that no row breaks, adds back those that were left out and that no row breaks any more, and
 * lists the others with their rows. No row is changed.
 *
 * @param dryRun Lists, and changes nothing.
 * @errors ReferenceUnavailable, RepositoryError
 */
export const validate = Effect.fn("Constraints.validate")(function* (dryRun: boolean) {
  const open = yield* BrokenConstraints.find()
  const kept = dryRun ? [] : open.filter(({ rows }) => rows === 0)
  const validated = yield* Effect.forEach(kept, BrokenConstraints.validate)
  const leftOut = yield* LeftOut.find()
  const expected = leftOut.length === 0 ? [] : yield* (yield* Catalogue.Reference).catalogue
  const constraints = expected.filter(
    ({ kind, name, table }) => kind === "constraint" && leftOut.includes(`${table}.${name}`)
  )
  const tried = yield* Effect.forEach(constraints, (constraint) => bringBack(constraint, dryRun))
  const outcome: Outcome = {
    validated: [...validated, ...tried.map(({ name }) => name)].filter((name) => name !== undefined),
    broken: dryRun ? open : open.filter((constraint) => !validated.includes(BrokenConstraints.nameOf(constraint))),
    leftOut: tried.flatMap(({ broken }) => broken ?? [])
  }
  return outcome
})
