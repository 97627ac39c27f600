import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { Field } from "../../../src/data-api/DataApi.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { isCursorQuery } from "../../../src/data-api/sql/DataApiStream.ts"
import { columnOf } from "../columnOf.ts"
import { scripted } from "../scripted.ts"

it("a cursor is declared for what only reads", () => {
  const reads = [
    "select 1",
    "  -- a comment\n SELECT 1",
    "with a as (select 1) select * from a",
    "values (1)",
    "table users",
    "select 'for share', \"into\", $$ delete $$ -- update\n",
    "select share, key from for_share",
    "select a.inserted, updates, deletes, merged from a"
  ]
  for (const sql of reads) assert.isTrue(isCursorQuery(sql), sql)
})

it("no cursor is declared for what writes, and for what locks rows, which PostgreSQL refuses to scroll", () => {
  const others = [
    "",
    "insert into a values (1) returning *",
    "update a set b = 1 returning *",
    "delete from a returning *",
    "merge into a using b on true when matched then delete",
    "with gone as (delete from a returning *) select * from gone",
    "WITH a AS (INSERT INTO b VALUES (1) RETURNING *) SELECT * FROM a",
    "select * into b from a",
    "select * from a for update",
    "select * from a for no key update",
    "select * from a FOR SHARE",
    "select * from a for key share",
    "select * from a for\n/* all */ share of a skip locked",
    "select * from a for -- these\n key share",
    "show all",
    "explain select 1",
    "call a()",
    "fetch 1 from c"
  ]
  for (const sql of others) assert.isFalse(isCursorQuery(sql), sql)
})

const column = columnOf("text")

/** How many rows the second page asks for, after a first one of 16 rows like this. */
const secondPage = (field: Field) =>
  Effect.gen(function* () {
    const { layer, said } = scripted(({ sql }) =>
      sql.startsWith("FETCH FORWARD 16 ")
        ? { records: Array.from({ length: 16 }, () => [field]), columnMetadata: [column] }
        : { records: [] }
    )
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Stream.runDrain(sql.unsafe("select a from b").stream)
    }).pipe(Effect.provide(DataApiSql.layer().pipe(Layer.provide(layer))))
    return said()
      .flatMap((sql) => /^FETCH FORWARD (\d+) /.exec(sql)?.[1] ?? [])
      .map(Number)[1]
  })

it.effect(
  "a page has as many rows as take half a result by the service's count, and at most eight times the last",
  () =>
    Effect.gen(function* () {
      const half = 524_288
      const fitting = (octets: number) => Math.floor(half / (2 + 4 + octets))
      const cases: ReadonlyArray<readonly [field: Field, rows: number]> = [
        [{ stringValue: "x".repeat(10_000) }, fitting(10_000)],
        [{ stringValue: "é".repeat(10_000) }, fitting(20_000)],
        [{ blobValue: new Uint8Array(10_000) }, fitting(20_002)],
        [{ arrayValue: { stringValues: ["x".repeat(10_000)] } }, fitting(10_021)],
        [{ stringValue: "x".repeat(600_000) }, 1],
        [{ longValue: 1 }, 128]
      ]
      for (const [field, rows] of cases) {
        assert.strictEqual(yield* secondPage(field), rows, `${Object.keys(field)[0]} ${rows}`)
      }
    })
)
