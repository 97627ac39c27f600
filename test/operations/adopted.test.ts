/** What the original module stored and an adopted database refuses: as docs/from-python.md lists it. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Layer } from "effect"
import { Migrate } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { originalDatabase } from "./OriginalDatabase.ts"
import { embedded, execute, postgres, undone } from "./TestOperations.ts"

/** Statements as the module sends them, by the constraint that refuses them afterwards. */
const refused: Readonly<Record<string, ReadonlyArray<string>>> = {
  positions_quantity_check: ["update positions set quantity = 0", "update positions set quantity = -1"],
  "NOT NULL": ["update accounts set cash_balance = null", "update accounts set cash_interest = null"],
  accounts_cash_balance_check: ["update accounts set cash_balance = -0.01"],
  accounts_cash_interest_check: ["update accounts set cash_interest = 4.5"],
  users_asset_class_targets_check: [`update users set asset_class_targets = '{"equity": 70}'`],
  users_region_targets_check: [`update users set region_targets = '{"north_america": 101}'`],
  jobs_status_check: ["update jobs set status = 'odd'"],
  instruments_allocation_regions_check: [`update instruments set allocation_regions = '{"europe": 50}'`],
  instruments_allocation_sectors_check: [`update instruments set allocation_sectors = '{"energy": 50}'`],
  instruments_allocation_asset_class_check: [`update instruments set allocation_asset_class = '{"equity": 50}'`],
  accounts_owner_check: ["insert into accounts (account_name) values ('nobody''s')"],
  jobs_owner_check: ["insert into jobs (job_type) values ('x')"],
  positions_owner_check: ["insert into positions (quantity) values (1)"]
}

/** What goes on as before. */
const taken = [
  "insert into accounts (clerk_user_id, account_name) values ('user_1', 'no cash given')",
  "update instruments set allocation_regions = '{}'",
  "update jobs set status = 'failed', job_type = 'a_kind_of_its_own'",
  "update positions set quantity = 0.00000001"
]

const works = (statement: string) => Effect.map(Effect.exit(undone(execute(statement))), Exit.isSuccess)

const behaves = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) =>
  it.effect("takes what the module stores but for what the guide lists", () =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase)
      const all = [...Object.values(refused).flat(), ...taken]
      for (const statement of all) assert.isTrue(yield* works(statement), `before: ${statement}`)
      yield* Migrate.migrate({ packed: true })
      for (const statement of taken) assert.isTrue(yield* works(statement), statement)
      for (const statement of Object.values(refused).flat()) assert.isFalse(yield* works(statement), statement)
    }).pipe(Effect.provide(database))
  )

it("the guide names every constraint", () => {
  const guide = readFileSync(new URL("../../docs/from-python.md", import.meta.url), "utf8")
  const section = guide.slice(
    guide.indexOf("## What the Python module does differently"),
    guide.indexOf("## Method by")
  )
  for (const constraint of Object.keys(refused)) assert.include(section, constraint)
})

describe("an adopted database, embedded,", () => {
  behaves(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("an adopted database on PostgreSQL"),
  () => {
    behaves(postgres)
  }
)
