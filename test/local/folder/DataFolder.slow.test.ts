import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { inject, vi } from "vitest"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute, scalar } from "../calls.ts"

// Most of these start processes, which takes long on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-local-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** The files that rows are in, each with a hash of its bytes. */
const tablesOf = async (pgdata: string): Promise<ReadonlyArray<string>> => {
  const found = await readdir(pgdata, { recursive: true, withFileTypes: true })
  const files = found
    .filter((entry) => entry.isFile() && /^\d/.test(entry.name))
    .map(({ name, parentPath }) => join(parentPath, name))
    .filter((path) => !path.includes("pg_wal"))
  const hash = async (path: string) =>
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex")
  return (await Promise.all(files.map(async (path) => `${path} ${await hash(path)}`))).toSorted()
}

const layer = (dataDir: string, database?: string) =>
  LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), database, durability: "fast" })

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
            `^The data folder FOLDER is in use by this process itself, ${process.pid} \\(.+, since 2\\S+Z\\), which holds its lock, lock.db. Provide one layer to all that use it, as a ManagedRuntime does, or choose another folder.$`
          )
        )
      }).pipe(Effect.provide(layer(folder)))
      assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
    }).pipe(Effect.scoped)
  )

  it.live(
    "whose holder has this process's id in another container, or is another thread, is not called this process's own",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        yield* Effect.gen(function* () {
          yield* scalar("select 1")
          const path = join(folder, "lock.json")
          const { began, ...holder } = JSON.parse(readFileSync(path, "utf8"))
          for (const other of [{ ...holder, began: began + 1 }, holder]) {
            writeFileSync(path, JSON.stringify(other))
            const [, message] = yield* refusal(folder)
            assert.include(message, `is in use by process ${process.pid} (`)
            assert.include(message, "or let your programs share it: run alex-db serve")
          }
        }).pipe(Effect.provide(layer(folder)))
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
        '{"pid":12',
        "\0\0\0"
      ]) {
        yield* Effect.promise(() => writeFile(join(folder, "lock.json"), lock))
        assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
      }
    }).pipe(Effect.scoped)
  )

  it.live("that an interrupted first start left behind is filled from the start", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.promise(async () => {
        await mkdir(join(folder, "pgdata.unfinished", "global"), { recursive: true })
        await writeFile(join(folder, "pgdata.unfinished", "PG_VERSION"), "18\n")
      })
      assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
      assert.isFalse(existsSync(join(folder, "pgdata.unfinished")))
    }).pipe(Effect.scoped)
  )

  it.live("of another version or of another database is refused with one line", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* opens(folder)
      assert.deepStrictEqual(yield* refusal(folder, "other"), [
        "LocalDataApiError",
        `The data folder ${folder} holds the database alex, not other. Choose another folder.`
      ])
      const description = join(folder, "database.json")
      yield* Effect.promise(() => writeFile(description, '{"postgres": 17, "database": "alex"}'))
      assert.match((yield* refusal(folder))[1], /was made by PostgreSQL 17, but this is PostgreSQL 18/)
      yield* Effect.promise(() => rm(description))
      assert.deepStrictEqual(yield* refusal(folder, "other"), [
        "LocalDataApiError",
        `The data folder ${folder} holds no database other. Name the database that it was created with, or choose another folder.`
      ])
      assert.isFalse(existsSync(description), "what could not be opened is not described")
      yield* Effect.promise(() => writeFile(join(folder, "pgdata", "PG_VERSION"), "17\n"))
      assert.match((yield* refusal(folder))[1], /was made by PostgreSQL 17, but this is PostgreSQL 18/)
    }).pipe(Effect.scoped)
  )

  it.live(
    "on which PGlite itself was opened, instead of pgdata, keeps every row, and says what the other files are",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        yield* execute("create table kept as select 5 as id").pipe(Effect.provide(layer(folder)))
        const bare = ["PG_VERSION", "base", "global"]
        yield* Effect.promise(async () => {
          for (const name of bare) await cp(join(folder, "pgdata", name), join(folder, name), { recursive: true })
        })
        const said: Array<unknown> = []
        const logger = Logger.layer([Logger.make(({ message }) => said.push(message))])
        const kept = scalar("select id from kept").pipe(Effect.provide(layer(folder).pipe(Layer.provideMerge(logger))))
        assert.deepStrictEqual(yield* kept, { longValue: 5 })
        assert.match(String(said), /also has files of PGlite's own.*name .*pgdata\.$/)
        assert.includeMembers(readdirSync(folder), bare)
        yield* Effect.promise(() => rm(join(folder, "pgdata"), { recursive: true }))
        assert.match((yield* refusal(folder))[1], /is one of PGlite's own/)
      }).pipe(Effect.scoped)
  )

  it.live("with another program's lock.json or lock.db is refused, and stays as it is", () =>
    Effect.gen(function* () {
      const parent = yield* temporaryFolder
      const others = [
        ["lock.json", '{"packages": {"left-pad": "1.3.0"}}'],
        ["lock.json", "locked"],
        ["lock.json", "[1]"],
        ["lock.db", "a database of locks"],
        ["lock.db", "SQLite format 3\0"]
      ] as const
      for (const [index, [name, text]] of others.entries()) {
        const folder = join(parent, String(index))
        mkdirSync(folder)
        writeFileSync(join(folder, name), text)
        const message = `The data folder can't be ${folder}: its ${name} is another program's, and would be overwritten. Choose another folder.`
        assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", message])
        assert.deepStrictEqual(readdirSync(folder), [name])
        assert.strictEqual(readFileSync(join(folder, name), "utf8"), text)
      }
    }).pipe(Effect.scoped)
  )

  it.live("with another program's database.json is refused, and stays as it is", () =>
    Effect.gen(function* () {
      const parent = yield* temporaryFolder
      const others = [
        '{"dev": {"driver": "pg"}}',
        "[]",
        '"text"',
        "# a note",
        '{"database": "alex"}',
        "{ dev: 1 }",
        "\u00ff"
      ]
      for (const [index, text] of others.entries()) {
        const folder = join(parent, String(index))
        mkdirSync(folder)
        writeFileSync(join(folder, "database.json"), text)
        const message = `The data folder can't be ${folder}: its database.json is another program's, and would be overwritten. Choose another folder.`
        assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", message])
        assert.deepStrictEqual(readdirSync(folder), ["database.json"])
        assert.strictEqual(readFileSync(join(folder, "database.json"), "utf8"), text)
      }
    }).pipe(Effect.scoped)
  )

  it.live("whose database.json is missing, empty or half written keeps every row, and is described again", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* execute("create table kept as select 5 as id").pipe(Effect.provide(layer(folder)))
      const description = join(folder, "database.json")
      const whole = yield* Effect.promise(() => readFile(description, "utf8"))
      const spoil = [
        () => rm(description),
        () => writeFile(description, ""),
        () => truncate(description, 9),
        () => writeFile(description, "\0\0\0")
      ]
      for (const one of spoil) {
        yield* Effect.promise(one)
        assert.deepStrictEqual(yield* scalar("select id from kept").pipe(Effect.provide(layer(folder))), {
          longValue: 5
        })
        assert.strictEqual(yield* Effect.promise(() => readFile(description, "utf8")), whole)
      }
    }).pipe(Effect.scoped)
  )

  /** What is done to the files of a database, and what is then said. */
  const losses: ReadonlyArray<readonly [string, (pgdata: string) => Promise<unknown>, RegExp]> = [
    [
      "PG_VERSION is missing",
      (pgdata) => rm(join(pgdata, "PG_VERSION")),
      /is incomplete: pgdata\/PG_VERSION is missing\./
    ],
    ["PG_VERSION is empty", (pgdata) => truncate(join(pgdata, "PG_VERSION")), /pgdata\/PG_VERSION names no version\./],
    [
      "global is missing",
      (pgdata) => rm(join(pgdata, "global"), { recursive: true }),
      /global\/pg_control is missing\./
    ],
    [
      "pg_control is too short",
      (pgdata) => truncate(join(pgdata, "global", "pg_control"), 10),
      /PostgreSQL refuses the data folder .*: could not read file "global\/pg_control": read 10 of 296\. Its files are left/
    ],
    [
      "pg_filenode.map is missing",
      (pgdata) => rm(join(pgdata, "global", "pg_filenode.map")),
      /refuses .*: could not open file "global\/pg_filenode\.map": No such file or directory\. Its files are left/
    ],
    [
      "the log is missing",
      (pgdata) => rm(join(pgdata, "pg_wal"), { recursive: true }),
      /refuses .*: required WAL directory "pg_wal" does not exist\. Its files are left/
    ],
    [
      "the database's files are missing",
      (pgdata) => rm(join(pgdata, "base"), { recursive: true }),
      /refuses .*: database "alex" does not exist: The database subdirectory "base\/5" is missing\. Its files are left/
    ],
    [
      "postgresql.conf is wrong",
      (pgdata) => appendFile(join(pgdata, "postgresql.conf"), "nonsense = 3\n"),
      /refuses .*: configuration file .* contains errors\. Its files are left/
    ]
  ]

  it.live(
    "that is not whole is refused with what is wrong, described or not, and no row of it is touched",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const whole = join(folder, "whole")
        yield* opens(whole)
        for (const [what, lose, message] of losses) {
          const spoilt = join(folder, "spoilt")
          yield* Effect.promise(async () => {
            await cp(join(whole, "pgdata"), join(spoilt, "pgdata"), { recursive: true })
            await cp(join(whole, "database.json"), join(spoilt, "database.json"))
            await lose(join(spoilt, "pgdata"))
          })
          const before = yield* Effect.promise(() => tablesOf(join(spoilt, "pgdata")))
          assert.match((yield* refusal(spoilt))[1], message, what)
          if (what === "PG_VERSION is missing" || what === "pg_control is too short") {
            yield* Effect.promise(() => rm(join(spoilt, "database.json")))
            assert.match((yield* refusal(spoilt))[1], message, `${what}, not described`)
          }
          assert.deepStrictEqual(yield* Effect.promise(() => tablesOf(join(spoilt, "pgdata"))), before, what)
          yield* Effect.promise(() => rm(spoilt, { recursive: true }))
        }
      }).pipe(Effect.scoped),
    120_000
  )

  it.live("whose pgdata is gone is not filled again without its owner's knowledge", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* opens(folder)
      yield* Effect.promise(() => rm(join(folder, "pgdata"), { recursive: true }))
      assert.match(
        (yield* refusal(folder))[1],
        /had a database, and pgdata is gone\. Restore it from a copy; to start with an empty one/
      )
      yield* Effect.promise(() => rm(join(folder, "database.json")))
      assert.deepStrictEqual(yield* opens(folder), { longValue: 1 })
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
        const message =
          "The data folder /proc/x can't be written (ENOENT). Its files are left as they are: try again, or choose another folder."
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
      const message = `The data folder ${folder} can't be read (EISDIR). Its files are left as they are: try again, or choose another folder.`
      assert.deepStrictEqual(yield* refusal(folder), ["LocalDataApiError", message])
      assert.isTrue(existsSync(precious))
    }).pipe(Effect.scoped)
  )
})
