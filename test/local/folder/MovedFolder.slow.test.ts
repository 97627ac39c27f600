import { existsSync, readFileSync, symlinkSync } from "node:fs"
import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { inject } from "vitest"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { defaultLimits } from "../../../src/local/EngineLimits.ts"
import * as EmbeddedPostgres from "../../../src/local/embedded/EmbeddedPostgres.ts"
import { Unclosed } from "../../../src/local/folder/Unclosed.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { begin, execute, failure, scalar } from "../calls.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-moved-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** Opens a folder for as long as the test needs it; `close` ends it, and returns what could not be closed. */
const open = (dataDir: string, share?: { readonly program: string }) =>
  Effect.gen(function* () {
    const unclosed: Array<string> = []
    const scope = yield* Scope.fork(yield* Scope.Scope)
    const layer = LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), durability: "fast", share })
    const built = yield* Layer.buildWithScope(Layer.fresh(layer), scope).pipe(
      Effect.provideService(Unclosed, ({ message }) => Effect.sync(() => unclosed.push(message)))
    )
    return {
      use: <A, F>(calls: Effect.Effect<A, F, DataApi>) =>
        Effect.provideService(calls, DataApi, Context.get(built, DataApi)),
      close: Effect.as(Scope.close(scope, Exit.void), unclosed)
    }
  })

const lost = (folder: string) =>
  `The data folder ${folder} was moved, deleted or replaced while this process had it open, and is used no more. Move it back, or start this process again.`

/** How a folder goes from its path, and another one comes there. */
const ways: ReadonlyArray<readonly [what: string, go: (folder: string) => Promise<void>]> = [
  ["deleted", (folder) => rm(folder, { recursive: true })],
  ["moved", (folder) => rename(folder, `${folder}.old`)],
  [
    "reached by a link that then leads elsewhere",
    async (folder) => {
      await rename(folder, `${folder}.old`)
      symlinkSync(await mkdtemp(`${folder}.new`), folder)
    }
  ]
]

describe("a folder that goes while it is open", () => {
  for (const [what, go] of ways) {
    it.live(`${what}: the database that comes to its path is another one, and is left alone`, () =>
      Effect.gen(function* () {
        const folder = join(yield* temporaryFolder, "data")
        const old = yield* open(folder)
        yield* old.use(execute("create table old as select generate_series(1, 1000) as n"))
        yield* Effect.promise(() => go(folder))
        const next = yield* open(folder)
        yield* next.use(execute("create table next as select generate_series(1, 2000) as n"))
        for (const sql of ["select count(*) from old", "create table other as select 1 as n"]) {
          const { _tag, message } = yield* old.use(failure(execute(sql)))
          assert.deepStrictEqual([_tag, message], ["DatabaseUnavailable", lost(folder)])
        }
        assert.deepStrictEqual(yield* old.close, [lost(folder)])
        assert.strictEqual(JSON.parse(readFileSync(join(folder, "lock.json"), "utf8")).pid, process.pid)
        assert.deepStrictEqual(yield* next.close, [])
        assert.isFalse(existsSync(join(folder, "lock.json")))
        const again = yield* open(folder)
        assert.deepStrictEqual(yield* again.use(scalar("select count(*) from next")), { longValue: 2000 })
        assert.deepStrictEqual(yield* again.use(scalar("select to_regclass('old') is null")), { booleanValue: true })
      }).pipe(Effect.scoped)
    )
  }

  it.live("and comes back is used again, and an open transaction says that it is lost", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "data")
      const { close, use } = yield* open(folder)
      yield* use(execute("create table t as select 1 as n"))
      const transactionId = yield* use(begin)
      yield* use(execute("insert into t values (2)", {}, { transactionId }))
      yield* Effect.promise(() => rename(folder, `${folder}.old`))
      const { message } = yield* use(failure(execute("insert into t values (3)", {}, { transactionId })))
      assert.include(message, "its folder was moved, deleted or replaced")
      yield* Effect.promise(() => rename(`${folder}.old`, folder))
      assert.deepStrictEqual(yield* use(scalar("select count(*) from t")), { longValue: 1 })
      assert.deepStrictEqual(yield* close, [])
    }).pipe(Effect.scoped)
  )

  it.live("in the middle of a statement loses no file at its path", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "data")
      yield* Effect.scoped(open(folder))
      const dataDir = join(folder, "pgdata")
      let isThere = true
      const pglite = yield* EmbeddedPostgres.start({
        dataDir,
        isThere: () => isThere,
        database: "alex",
        limits: defaultLimits
      })
      const tables = async () =>
        Promise.all(
          (await readdir(join(dataDir, "base", "5"))).map(async (name) => [
            name,
            (await readFile(join(dataDir, "base", "5", name))).toString("base64")
          ])
        )
      const before = yield* Effect.promise(tables)
      isThere = false
      const run = Effect.tryPromise(() => pglite.exec("create table t as select 1 as n; checkpoint"))
      assert.match(String((yield* Effect.flip(run)).cause), /No such file or directory/)
      yield* Effect.ignore(Effect.tryPromise(() => pglite.close()))
      assert.deepStrictEqual(yield* Effect.promise(tables), before)
    }).pipe(Effect.scoped)
  )
})
