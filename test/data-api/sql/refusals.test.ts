/** What a program reads of a refusal by PostgreSQL, as it is written for `@effect/sql-pg`, on every backend. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Predicate } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"

const schema = [
  "create table owners (id int primary key, name text constraint owners_name unique)",
  `create table pets (id int primary key, owner int constraint pets_owner references owners, age int not null,
    constraint pets_age check (age > 0), constraint pets_once exclude (owner with =))`,
  `create table "odd ""table" (a int constraint "odd "" constraint" unique)`,
  `create table odder (a int constraint "x"" on table ""y" check (a > 0),
    "constraint ""z" int not null constraint "column ""z" unique)`,
  "insert into odder values (1, 1)",
  "create domain positive as int constraint positive_only check (value > 0)",
  "create domain present as int not null",
  "insert into owners values (1, 'Ann'), (2, 'Bob')",
  "insert into pets values (1, 1, 3)",
  `insert into "odd ""table" values (1)`
]

const statements = [
  "insert into owners values (1, 'Cid')",
  "insert into owners values (3, 'Ann')",
  "insert into pets values (2, 9, 1)",
  "insert into pets values (2, 2, 0)",
  "insert into pets values (2, 1, 1)",
  "insert into pets values (2, 2, null)",
  "update pets set age = null",
  "delete from owners where id = 1",
  `insert into "odd ""table" values (1)`,
  "select (-1)::positive",
  "select null::present",
  "alter table pets add constraint pets_old check (age > 10)",
  "alter table pets add constraint pets_one unique (owner), add constraint pets_two check (age < 3)",
  "alter table pets alter owner set not null, add other int not null",
  "with twice as (insert into owners values (5, null), (6, null)) select 1",
  "create unique index owners_none on owners ((1))",
  "alter table pets add constraint pets_none exclude ((1) with =)",
  "select 1/0",
  "select * from nowhere",
  "selekt",
  "select 'x'::int",
  "do $$ begin raise exception 'no' using errcode = 'AB123'; end $$",
  "do $$ begin raise unique_violation; end $$",
  `do $$ begin raise unique_violation using message = 'the constraint "fake" of column "no" violates'; end $$`,
  `do $$ begin raise exception 'duplicate key value violates unique constraint "fake"'; end $$`,
  "insert into odder values (0, 2)",
  "insert into odder values (2, 1)",
  "insert into odder values (2, null)",
  "create table a (a int); select 1"
]

/** The members of a cause that programs decide by. */
const members = ["code", "constraint", "column"] as const

const told = ({ isRetryable, reason }: SqlError.SqlError) => ({
  reason: reason._tag,
  isRetryable,
  constraint: reason._tag === "UniqueViolation" ? reason.constraint : undefined,
  ...Object.fromEntries(
    members.map((name) => [name, Predicate.hasProperty(reason.cause, name) ? reason.cause[name] : undefined])
  )
})

const refusals = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const statement of schema) yield* sql.unsafe(statement)
  const refusalOf = (statement: string, query: Effect.Effect<unknown, SqlError.SqlError>) =>
    Effect.match(query, {
      onFailure: (error) => [statement, told(error)] as const,
      onSuccess: () => [statement, "no refusal"] as const
    })
  const undecided = "select date '2026-01-01' + $1"
  const day = sql.unsafe(undecided, ["1"])
  // The second run takes what the first one has learnt.
  const ambiguous = yield* Effect.all([day, day, sql.withTransaction(day)].map((query) => refusalOf(undecided, query)))
  const others = yield* Effect.forEach(statements, (statement) =>
    refusalOf(statement, sql.withTransaction(sql.unsafe(statement)))
  )
  return [...ambiguous, ...others]
})

const { postgresUrl } = TestDatabase
const dataApi = (api: Layer.Layer<DataApi, unknown>) => DataApiSql.layer().pipe(Layer.provide(api))

describe.skipIf(postgresUrl === undefined)(TestDatabase.onPostgres("refusals as on @effect/sql-pg"), () => {
  it.live(
    "reason, SQLSTATE, constraint and column are the same",
    () =>
      Effect.gen(function* () {
        const url = TestDatabase.freshDatabase(postgresUrl ?? "")
        const run = (client: Layer.Layer<SqlClient.SqlClient, unknown>) => Effect.provide(refusals, client)
        const expected = yield* run(PgClient.layer({ url: yield* url }))
        assert.deepStrictEqual(yield* run(PostgresSql.layer({ url: yield* url })), expected)
        const several = expected.length - 1
        for (const api of [TestDatabase.layerPostgres(postgresUrl ?? ""), TestDatabase.layer()]) {
          const found = yield* run(dataApi(api))
          assert.deepStrictEqual(found.slice(0, several), expected.slice(0, several))
          // The service itself refuses several statements in one, and has no SQLSTATE for that.
          assert.deepInclude(found[several]?.[1], { reason: "SqlSyntaxError", isRetryable: false })
        }
      }),
    120_000
  )
})
