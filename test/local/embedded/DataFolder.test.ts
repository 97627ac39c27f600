import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute, scalar } from "../calls.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-local-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const layer = (dataDir: string, database?: string) =>
  LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), database })

const opens = (dataDir: string, database?: string) => scalar("select 1").pipe(Effect.provide(layer(dataDir, database)))

const refusal = (dataDir: string, database?: string) =>
  Effect.map(Effect.flip(opens(dataDir, database)), ({ _tag, message }) => [_tag, message] as const)

describe("a data folder", () => {
  it.live("is created and keeps its data when it is opened again", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "deep", "er")
      yield* execute("create table kept as select 5 as id").pipe(Effect.provide(layer(folder)))
      assert.deepStrictEqual(yield* scalar("select id from kept").pipe(Effect.provide(layer(folder))), {
        longValue: 5
      })
    }).pipe(Effect.scoped)
  )

  it.live("keeps what was committed before its process was killed", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const child = fileURLToPath(new URL("./KilledProcess.ts", import.meta.url))
      const ended = spawnSync(process.execPath, [child, folder, inject("snapshot")], { encoding: "utf8" })
      assert.strictEqual(ended.signal, "SIGKILL", ended.stderr)
      assert.deepStrictEqual(yield* scalar("select count(*) from written").pipe(Effect.provide(layer(folder))), {
        longValue: 500
      })
    }).pipe(Effect.scoped)
  )

  it.live("is for one holder at a time, whom the message names together with the lock", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function* () {
        yield* scalar("select 1")
        const [tag, message] = yield* refusal(folder)
        assert.strictEqual(tag, "LocalDataApiError")
        assert.match(
          message.replace(folder, "FOLDER"),
          new RegExp(
            `^The data folder FOLDER is in use by this process itself, ${process.pid} \\(.+, since 2\\S+Z\\), which holds its lock, lock.db. Stop that process or choose another folder.$`
          )
        )
      }).pipe(Effect.provide(layer(folder)))
      assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("is refused while a process of an earlier version, which locked with lock.json alone, has it", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.promise(() => writeFile(join(folder, "lock.json"), JSON.stringify({ pid: process.ppid })))
      assert.deepStrictEqual(yield* refusal(folder), [
        "LocalDataApiError",
        `The data folder ${folder} is in use by process ${process.ppid}, which has an earlier version of this package. Stop that process, or remove ${join(folder, "lock.json")} if it is another program's.`
      ])
    }).pipe(Effect.scoped)
  )

  it.live("tells an earlier version that it is in use", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const lock = Effect.promise(() => readFile(join(folder, "lock.json"), "utf8"))
      const named = yield* Effect.provide(lock, layer(folder))
      assert.strictEqual(JSON.parse(named).pid, process.pid)
      assert.isFalse(existsSync(join(folder, "lock.json")), "and no longer once it is not")
    }).pipe(Effect.scoped)
  )

  it.live("whose holder is dead, or whose lock.json is stale or unreadable, is opened", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { pid } = spawnSync(process.execPath, ["--version"])
      const stale = { pid: process.ppid, host: "elsewhere", program: "alex-db", since: "2026-01-01T00:00:00.000Z" }
      for (const lock of [
        JSON.stringify({ pid }),
        JSON.stringify({ pid: process.pid }),
        JSON.stringify(stale),
        "half"
      ]) {
        yield* Effect.promise(() => writeFile(join(folder, "lock.json"), lock))
        assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
      }
    }).pipe(Effect.scoped)
  )

  it.live("that a first start left half made is made again", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.promise(async () => {
        await mkdir(join(folder, "pgdata"))
        await writeFile(join(folder, "pgdata", "PG_VERSION"), "18\n")
      })
      assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("that is damaged, of another version or of another database is refused with one line", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* opens(folder)
      assert.deepStrictEqual(yield* refusal(folder, "other"), [
        "LocalDataApiError",
        `The data folder ${folder} holds the database alex, not other. Choose another folder.`
      ])
      yield* Effect.promise(() => truncate(join(folder, "pgdata", "global", "pg_control"), 10))
      const damaged = `The data folder ${folder} is damaged. Restore it from a copy, or remove it to start afresh.`
      assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", damaged])
      const description = join(folder, "database.json")
      yield* Effect.promise(() => writeFile(description, '{"postgres": 17, "database": "alex"}'))
      assert.match((yield* refusal(folder))[1], /was made by PostgreSQL 17, this is 18/)
      yield* Effect.promise(() => writeFile(description, "{"))
      assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", damaged])
    }).pipe(Effect.scoped)
  )

  it.live("that can't be made or written is refused with one line, at once", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "file")
      yield* Effect.promise(() => writeFile(file, ""))
      for (const folder of [file, join(file, "db"), join(file, "new", "db")]) {
        const message = `The data folder can't be ${folder}: ${file} is a file. Choose another folder.`
        assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", message])
      }
      if (existsSync("/proc/self")) {
        const message = "The data folder /proc/x can't be written. Choose another one or change its permissions."
        assert.deepStrictEqual(yield* refusal("/proc/x"), ["LocalDataApiError", message])
      }
    }).pipe(Effect.scoped)
  )

  it.live("whose description can't be read is refused, and nothing in it is touched", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const precious = join(folder, "pgdata", "precious")
      yield* Effect.promise(() => mkdir(precious, { recursive: true }))
      yield* Effect.promise(() => mkdir(join(folder, "database.json")))
      const message = `The data folder ${folder} can't be read. Choose another one or change its permissions.`
      assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", message])
      assert.isTrue(existsSync(precious))
    }).pipe(Effect.scoped)
  )
})
