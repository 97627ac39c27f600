import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { inject } from "vitest"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { execute, scalar } from "./calls.ts"

const layer = (dataDir: string, database?: string) =>
  LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), database, durability: "fast" })

describe("a database in memory", () => {
  it.live(
    "has the name that was asked for, and the extension uuid-ossp at hand",
    () =>
      Effect.gen(function* () {
        yield* execute('create extension "uuid-ossp"')
        assert.property(yield* scalar("select uuid_generate_v4()"), "stringValue")
        assert.deepStrictEqual(yield* scalar("select current_database()::text"), { stringValue: 'or"ders' })
      }).pipe(Effect.provide(layer("memory", 'or"ders'))),
    120_000
  )

  it.live(
    "warns once of a time limit for statements, which it can't keep",
    () =>
      Effect.gen(function* () {
        const said: Array<unknown> = []
        const listening = Logger.layer([Logger.make(({ message }) => void said.push(message))])
        const quiet = [
          "set statement_timeout = 0",
          "SET statement_timeout TO DEFAULT",
          "select 'set statement_timeout = 1'",
          "set lock_timeout = 5"
        ]
        yield* Effect.gen(function* () {
          for (const sql of quiet) yield* execute(sql)
          yield* execute("select 1", {}, { continueAfterTimeout: true })
          assert.deepStrictEqual(said, [])
          for (const sql of ["/* a */ set statement_timeout = '5s'", "SET LOCAL transaction_timeout TO 9"])
            yield* execute(sql)
        }).pipe(Effect.provide(listening))
        assert.strictEqual(said.length, 1)
        assert.match(String(said[0]), /statement_timeout and transaction_timeout have no effect/)
      }).pipe(Effect.provide(layer("memory"))),
    120_000
  )

  it.live(
    "refuses any client encoding that is converted, which would stop it for good",
    () =>
      Effect.gen(function* () {
        const others = [
          "set client_encoding = 'latin1'",
          "set local client_encoding to latin1",
          "/* as of old */ -- here\nset names 'sjis'",
          "SET SESSION NAMES 'LATIN1'",
          "select set_config('client_encoding', 'latin1', false)"
        ]
        for (const sql of others) {
          assert.strictEqual((yield* Effect.flip(execute(sql))).sqlState, "0A000", sql)
          assert.deepStrictEqual(yield* scalar("select 'é'"), { stringValue: "é" })
        }
        const innocent = [
          "set client_encoding = 'SQL_ASCII'",
          "select set_config('client_encoding', 'sql-ascii', false), 'é'",
          "SET client_encoding = 'UTF8'",
          "set names default",
          "show client_encoding",
          "create table people (names text, client_encoding text)",
          "insert into people values ('client_encoding = latin1', 'set names latin1')",
          "update people set names = 'é', client_encoding = 'latin1'",
          `${"/**/".repeat(10_000)} select 1`
        ]
        for (const sql of innocent) yield* execute(sql)
      }).pipe(Effect.provide(layer("memory"))),
    120_000
  )
})
