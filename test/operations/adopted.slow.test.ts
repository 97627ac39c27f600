/** What the original module stored and an adopted database refuses: as docs/from-python.md lists it. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { Migrate, Verify } from "../../src/operations/index.ts"
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

/** How a table without one of its keys is adopted: what is in the way, and what the refusal says of it, if anything. */
const withoutKey: Readonly<Record<string, readonly [made: ReadonlyArray<string>, refusal: RegExp | null]>> = {
  "a view that has the key's name": [
    ["alter table jobs drop constraint jobs_pkey", "create view jobs_pkey as select 1 as one"],
    /^view jobs_pkey has the name of the key PRIMARY KEY \(id\), which Alex's table jobs lacks: rename or drop it first$/
  ],
  "an index that has it": [
    [
      "alter table positions drop constraint positions_account_id_symbol_key",
      "create unique index positions_account_id_symbol_key on positions (account_id, symbol)"
    ],
    /^index positions_account_id_symbol_key has the name of the key UNIQUE \(account_id, symbol\)/
  ],
  "a constraint of another table that has it": [
    ["alter table jobs drop constraint jobs_pkey", "alter table accounts rename constraint accounts_pkey to jobs_pkey"],
    /^index jobs_pkey has the name of the key PRIMARY KEY \(id\), which Alex's table jobs lacks/
  ],
  "another primary key": [
    [
      "alter table users drop constraint users_pkey cascade",
      "alter table users add column id serial primary key, add unique (clerk_user_id)"
    ],
    /^users has the PRIMARY KEY \(id\) instead of the PRIMARY KEY \(clerk_user_id\): drop the constraint users_pkey/
  ],
  "a unique constraint of the table that has it": [
    ["alter table jobs drop constraint jobs_pkey", "alter table jobs add constraint jobs_pkey unique (id, status)"],
    null
  ],
  "a foreign key that has the name of a missing one": [
    [
      "alter table positions drop constraint positions_symbol_fkey",
      "alter table positions add constraint positions_symbol_fkey foreign key (id) references positions"
    ],
    null
  ]
}

const keysAre = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>) => {
  it.effect.each(Object.entries(withoutKey))("finds %s before anything is changed", ([, [made, refusal]]) =>
    Effect.gen(function* () {
      yield* execute(...originalDatabase, ...made)
      if (refusal !== null) {
        const refused = yield* Effect.flip(Migrate.migrate({ packed: true }))
        assert.strictEqual(refused._tag, "MigrationRefused")
        assert.match("problems" in refused ? (refused.problems[0] ?? "") : "", refusal)
        assert.isFalse((yield* Migrate.status()).journal)
        return
      }
      yield* Migrate.migrate({ packed: true })
      const { drift } = yield* Verify.verify()
      const lacking = (drift ?? []).filter(({ kind }) => kind === "missing")
      assert.deepStrictEqual(lacking, [])
    }).pipe(Effect.provide(Layer.fresh(database)))
  )

  it.effect("applies the first migration with the keys that the tables lack, or not at all", () =>
    Effect.gen(function* () {
      yield* execute(
        ...originalDatabase,
        "alter table jobs drop constraint jobs_pkey",
        "insert into jobs select * from jobs"
      )
      for (const packed of [true, false]) {
        yield* Effect.flip(Migrate.migrate({ packed }))
        assert.deepStrictEqual((yield* Migrate.status()).applied, [])
      }
      yield* execute("delete from jobs where ctid <> (select min(ctid) from jobs)")
      const { warnings } = yield* Migrate.migrate({ packed: true })
      assert.include(warnings, "jobs had no PRIMARY KEY (id): it was added")
    }).pipe(Effect.provide(Layer.fresh(database)))
  )
}

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
  keysAre(embedded)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("an adopted database on PostgreSQL"),
  () => {
    behaves(postgres)
    keysAre(postgres)
  }
)
