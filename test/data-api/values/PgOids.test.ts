import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { oidOf, pgElementByOid, pgTypeByName, pgTypeByOid, pgTypes } from "../../../src/data-api/values/PgOids.ts"
import * as TestDatabase from "../../TestDatabase.ts"

/** The codes of `java.sql.Types` that PostgreSQL's JDBC driver gives its types; 1111 (OTHER) for any that is not here. */
const jdbcTypes: Readonly<Record<number, string>> = {
  [-7]: "bool bit",
  [-5]: "int8 oid",
  [-2]: "bytea",
  1: "char bpchar",
  2: "numeric",
  4: "int4",
  5: "int2",
  7: "float4",
  8: "float8 money",
  12: "name text varchar",
  91: "date",
  92: "time timetz",
  93: "timestamp timestamptz"
}

it("each type has the code of PostgreSQL's JDBC driver, uuid and json that of no type of JDBC's", () => {
  const codes = Object.entries(jdbcTypes).flatMap(([code, names]) =>
    names.split(" ").map((name) => [name, Number(code)] as const)
  )
  const expected = new Map(codes)
  for (const { jdbcType, name } of pgTypes) assert.strictEqual(jdbcType, expected.get(name) ?? 1111, name)
  for (const [name] of codes) assert.isTrue(pgTypeByName.has(name), name)
  assert.strictEqual(pgTypeByName.get("uuid")?.jdbcType, 1111)
})

it("each type is found by its name, its object id and that of its array", () => {
  for (const type of pgTypes) {
    assert.strictEqual(pgTypeByName.get(type.name), type)
    assert.strictEqual(pgTypeByOid.get(type.oid), type)
    if (type.arrayOid !== 0) assert.strictEqual(pgElementByOid.get(type.arrayOid), type)
  }
  assert.isFalse(pgElementByOid.has(0))
})

layer(Layer.suspend(() => TestDatabase.layer()))((it) => {
  it.effect("names and object ids are those of PostgreSQL's catalogue", () =>
    Effect.gen(function* () {
      const api = yield* DataApi
      const { records } = yield* api.executeStatement({
        sql: "select oid::int8, typarray::int8, typname::text from pg_type where typnamespace = 'pg_catalog'::regnamespace"
      })
      const catalogue = new Map(records?.map(([oid, array, name]) => [JSON.stringify(name), [oid, array]]))
      for (const { arrayOid, name, oid } of pgTypes) {
        const found = catalogue.get(JSON.stringify({ stringValue: name }))
        assert.deepStrictEqual(found, [{ longValue: oid }, { longValue: arrayOid }], name)
      }
    })
  )
})

it("the object id of a column's type is that of a built-in type, or 0", () => {
  const expected = { int4: 23, serial: 23, bigserial: 20, smallserial: 21, _int4: 1007, jsonb: 3802, _uuid: 2951 }
  for (const [name, oid] of Object.entries(expected)) assert.strictEqual(oidOf(name), oid, name)
  for (const name of ["mood", "_mood", ""]) assert.strictEqual(oidOf(name), 0, name)
})
