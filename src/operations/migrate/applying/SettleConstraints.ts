/** Validates the constraints that the rows from before a migration keep, and settles what becomes of the others. */
import { type Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as BrokenConstraints from "../../database/BrokenConstraints.ts"
import * as LeftOut from "../../database/LeftOut.ts"
import * as Journal from "./Journal.ts"
import * as LockWait from "./LockWait.ts"

const brokenText = (constraint: BrokenConstraints.BrokenConstraint): string =>
  `${BrokenConstraints.describe(constraint)}. Until they keep it, no column of these rows can be changed: correct them, and alex-db repair validates the constraint; or alex-db migrate --lenient leaves it out`

const leftOutText = (constraint: BrokenConstraints.BrokenConstraint): string =>
  `${BrokenConstraints.describe(constraint)}. The constraint is left out, for old rows and new ones; alex-db repair brings it back when they keep it`

/**
 * Validates the constraints that no row breaks; drops the others if `lenient`, else they hold for new rows only. Returns
 * the names of the dropped ones, and a warning for each that is not validated.
 */
export const settleConstraints = Effect.fnUntraced(function* (lenient: boolean, patience: Duration.Input | undefined) {
  const found = yield* BrokenConstraints.find()
  const validated = yield* Effect.forEach(
    found.filter(({ rows }) => rows === 0),
    BrokenConstraints.validate
  )
  const broken = found.filter((constraint) => !validated.includes(BrokenConstraints.nameOf(constraint)))
  if (!lenient || broken.length === 0) return { leftOut: [], warnings: broken.map(brokenText) }
  const sql = yield* SqlClient.SqlClient
  const names = broken.map(BrokenConstraints.nameOf)
  const leaveOut = Effect.gen(function* () {
    yield* Journal.settings(sql)
    for (const { constraint, table } of broken) yield* sql`alter table ${sql(table)} drop constraint ${sql(constraint)}`
    yield* LeftOut.write([...(yield* LeftOut.find()), ...names])
  })
  yield* sql.withTransaction(leaveOut).pipe(LockWait.waitForLocks({ operation: "migrate", patience }))
  return { leftOut: names, warnings: broken.map(leftOutText) }
})
