import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { brotliCompressSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { inject } from "vitest"
import type { DataApi } from "../../src/data-api/DataApi.ts"
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
    "sees nothing of others that started from the same snapshot, before it or beside it",
    () =>
      Effect.gen(function* () {
        const changed = Effect.gen(function* () {
          yield* execute("create table mine (a integer)")
          yield* execute("insert into mine select generate_series(1, 1000)")
          yield* execute("alter database alex set work_mem = '5MB'")
          yield* execute("checkpoint")
        }).pipe(Effect.andThen(scalar("select count(*) from mine")))
        const within = <A, E>(use: Effect.Effect<A, E, DataApi>) => Effect.provide(use, Layer.fresh(layer("memory")))
        assert.deepStrictEqual(yield* within(changed), { longValue: 1000 })
        const beside = Effect.gen(function* () {
          assert.deepStrictEqual(yield* changed, { longValue: 1000 })
          assert.deepStrictEqual(yield* within(changed), { longValue: 1000 })
          return yield* scalar("select sum(a) from mine")
        })
        assert.deepStrictEqual(yield* within(beside), { longValue: 500_500 })
      }),
    120_000
  )

  it.live(
    "does not start from an archive without a database, instead of making one",
    () =>
      Effect.gen(function* () {
        const snapshot = join(mkdtempSync(join(tmpdir(), "alex-snapshot-")), "empty.tar.br")
        writeFileSync(snapshot, brotliCompressSync(Buffer.alloc(1024)))
        const started = Layer.build(LocalDataApi.layer({ dataDir: "memory", snapshot }))
        const error = yield* Effect.flip(Effect.scoped(started))
        assert.match(error.message, /^The database in memory can't be started: \S.+\.$/)
        rmSync(dirname(snapshot), { recursive: true })
      }),
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
