/** A copy onto its own source, by whatever name, is refused at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { CopyDatabase } from "../../../src/operations/index.ts"
import * as PostgresSql from "../../../src/PostgresSql.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { around, execute } from "../TestOperations.ts"

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("a copy onto itself"), () => {
  it.live("is refused, and the database is as it was", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(TestDatabase.postgresUrl ?? "")
      const other = new URL(Redacted.value(url))
      other.searchParams.set("application_name", "other")
      const open = (url: Redacted.Redacted) => Layer.build(Layer.fresh(Layer.merge(PostgresSql.layer({ url }), around)))
      const [from, to] = [yield* open(url), yield* open(Redacted.make(other.href))]
      yield* execute("create schema app", "create table app.one (a integer)", "insert into app.one values (1)").pipe(
        Effect.provideContext(from)
      )
      const { message } = yield* Effect.flip(
        CopyDatabase.copy(from, { schema: "app", replace: true }).pipe(Effect.provideContext(to))
      )
      assert.include(message, "it is the database that the rows are read from. Name another one")
    })
  )
})
