import { spawnSync } from "node:child_process"
import { chmodSync, copyFileSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inject, vi } from "vitest"
import * as FolderLock from "../../../src/local/folder/FolderLock.ts"
import { networkName } from "../../../src/local/folder/NetworkFileSystem.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute } from "../calls.ts"
import { hasBun, hasNamespaces, type Kind, start } from "./starters.ts"

// Most of these start processes, which takes long on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-lock-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const moduleUrl = new URL("../../../src/local/folder/FolderLock.ts", import.meta.url)

/** Why an attempt of this thread failed. */
const why = (lock: typeof FolderLock, path: string) =>
  Effect.map(Effect.flip(Effect.scoped(lock.take(path))), (failure) => failure.why)

/** What Node prints that runs a script with the lock of `path`. */
const printed = (path: string, script: string) => {
  const source = `
    import { Effect } from "effect"
    import * as FolderLock from ${JSON.stringify(moduleUrl)}
    const taken = await Effect.runPromise(Effect.scoped(FolderLock.take(${JSON.stringify(path)})).pipe(Effect.result))
    ${script}`
  const file = join(import.meta.dirname, "FolderLock.slow.test.ts")
  return spawnSync(process.execPath, ["--input-type=module", "--eval", source], {
    encoding: "utf8",
    cwd: join(file, "..")
  })
}

describe("the lock of a folder", () => {
  it.live("excludes every other way to it in the process, and none of them ends it for others", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const real = join(folder, "real")
      mkdirSync(real)
      symlinkSync(real, join(folder, "link"))
      const lock = join(real, "lock.db")
      const outside = yield* start("process")
      const seen = Effect.promise(() => outside.ask(`take ${lock}`))
      yield* FolderLock.take(lock)
      linkSync(lock, join(folder, "hard"))
      const spellings = [
        lock,
        `${real}/../real//lock.db`,
        relative(process.cwd(), lock),
        join(folder, "link", "lock.db"),
        join(folder, "hard")
      ]
      const again: typeof FolderLock = yield* Effect.promise(() => import(`${moduleUrl.href}?again`))
      assert.notStrictEqual(again.take, FolderLock.take)
      const threads = yield* Effect.all([start("thread"), start("thread")])
      for (const path of spellings) {
        assert.strictEqual(yield* why(FolderLock, path), "held", path)
        assert.strictEqual(yield* why(again, path), "held", path)
        for (const { ask } of threads)
          assert.strictEqual(yield* Effect.promise(() => ask(`take ${path}`)), "not held", path)
        assert.strictEqual(yield* seen, "not held", `still after it was tried by ${path}`)
      }
      for (const { kill } of threads) yield* Effect.promise(kill)
      assert.strictEqual(yield* seen, "not held", "still after the threads have ended")
    }).pipe(Effect.scoped)
  )

  it.live("is still held after all that a database in the folder does", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const outside = yield* start("process")
      const seen = Effect.promise(() => outside.ask(`take ${join(folder, "lock.db")}`))
      const database = (dataDir: string, name?: string) =>
        LocalDataApi.layer({ dataDir, database: name, snapshot: inject("snapshot"), durability: "fast" })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* seen, "not held")
        yield* execute("create table t as select g from generate_series(1, 10000) g")
        yield* execute("checkpoint")
        assert.strictEqual(yield* seen, "not held")
        yield* Effect.flip(Effect.provide(Effect.void, database(folder)))
        yield* Effect.flip(Effect.provide(Effect.void, database(`${folder}/.`, "other")))
        assert.strictEqual(yield* seen, "not held")
      }).pipe(Effect.provide(database(folder)))
      assert.strictEqual(yield* seen, "held")
    }).pipe(Effect.scoped)
  )

  it.live("would end if this process itself opened and closed the file, which is why nothing does", () =>
    Effect.gen(function* () {
      const lock = join(yield* temporaryFolder, "lock.db")
      const outside = yield* start("process")
      yield* FolderLock.take(lock)
      assert.strictEqual(yield* Effect.promise(() => outside.ask(`take ${lock}`)), "not held")
      if (process.platform === "win32") return
      readFileSync(lock)
      assert.strictEqual(yield* Effect.promise(() => outside.ask(`take ${lock}`)), "held")
    }).pipe(Effect.scoped)
  )

  const skipped: Partial<Record<Kind, string>> = {
    ...(hasNamespaces ? {} : { namespace: "unshare is not allowed here" }),
    ...(hasBun ? {} : { bun: "there is no bun" })
  }
  for (const kind of ["process", "thread", "namespace", "bun"] as const) {
    const reason = skipped[kind]
    if (reason !== undefined) process.stderr.write(`SKIPPED: the lock of a ${kind} (${reason})\n`)
    it.live.skipIf(reason !== undefined)(`ends with the ${kind} that has it, however that ends`, () =>
      Effect.gen(function* () {
        const lock = join(yield* temporaryFolder, "lock.db")
        const holder = yield* start(kind)
        assert.strictEqual(yield* Effect.promise(() => holder.ask(`take ${lock}`)), "held")
        assert.strictEqual(yield* why(FolderLock, lock), "held")
        yield* Effect.promise(holder.kill)
        const next = yield* start(kind)
        yield* Effect.scoped(
          Effect.andThen(
            FolderLock.take(lock),
            Effect.promise(async () => assert.strictEqual(await next.ask(`take ${lock}`), "not held"))
          )
        )
      }).pipe(Effect.scoped)
    )
  }

  it.live("is not taken on what can't be locked, and each cause has its own message", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const lock = join(folder, "lock.db")
      assert.strictEqual(yield* why(FolderLock, join(folder, "missing", "lock.db")), "unopened")
      writeFileSync(lock, "Somebody's notes")
      assert.strictEqual(yield* why(FolderLock, lock), "foreign")
      assert.strictEqual(readFileSync(lock, "utf8"), "Somebody's notes")
    }).pipe(Effect.scoped)
  )

  const isRoot = process.getuid?.() === 0
  const canDrop = !isRoot || spawnSync("setpriv", ["--reuid=65534", "true"]).status === 0
  if (!canDrop) process.stderr.write("SKIPPED: a lock that can't be written (root, and setpriv is missing)\n")
  it.live.skipIf(!canDrop)("is not taken on a file that can't be written, where it would be a shared one", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      chmodSync(folder, 0o755)
      const lock = join(folder, "lock.db")
      writeFileSync(lock, "", { mode: 0o444 })
      if (!isRoot) {
        assert.strictEqual(yield* why(FolderLock, lock), "read-only")
        return
      }
      // Root may write everything; another user may not, nor read this project perhaps.
      const node = join(folder, "node")
      copyFileSync(process.execPath, node)
      const source = readFileSync(moduleUrl, "utf8")
      const pragmas = /const lock = ("PRAGMA[^\n]+")/.exec(source)?.[1] ?? assert.fail("the lock's statement has moved")
      const script = `const { DatabaseSync } = require("node:sqlite"); new DatabaseSync(${JSON.stringify(lock)}).exec(${pragmas})`
      const { status, stderr } = spawnSync("setpriv", ["--reuid=65534", "--clear-groups", node, "-e", script], {
        encoding: "utf8"
      })
      assert.notStrictEqual(status, 0)
      assert.include(stderr, "errcode: 8")
    }).pipe(Effect.scoped)
  )

  it.live("keeps SQLite's warning from users, and no other", () =>
    Effect.gen(function* () {
      const lock = join(yield* temporaryFolder, "lock.db")
      const quiet = printed(lock, "console.log(taken._tag)")
      assert.deepStrictEqual([quiet.stdout, quiet.stderr], ["Success\n", ""])
      const other = printed(lock, `process.emitWarning("Something else", "ExperimentalWarning")`)
      assert.include(other.stderr, "ExperimentalWarning: Something else")
    }).pipe(Effect.scoped)
  )
})

describe("a network file system", () => {
  const mounts = [
    "36 35 98:0 / /mnt rw,noatime shared:1 - ext4 /dev/root rw",
    "37 35 0:49 / /mnt/far rw - fuse.sshfs me@far: rw",
    "38 35 0:50 / /mnt/own rw - fuse.gocryptfs /home rw"
  ].join("\n")

  it("is known by its number, and one outside the kernel by the table of mounts", () => {
    assert.strictEqual(networkName(0x6969, 0n, ""), "nfs")
    assert.strictEqual(networkName(0xff534d42, 0n, ""), "cifs")
    assert.strictEqual(networkName(0x01021997, 0n, ""), "9p")
    assert.strictEqual(networkName(0x65735546, 49n, mounts), "fuse.sshfs")
    assert.isUndefined(networkName(0x65735546, 50n, mounts))
    assert.isUndefined(networkName(0x65735546, 51n, mounts))
    assert.isUndefined(networkName(0xef53, 0n, mounts), "ext4")
    assert.isUndefined(networkName(0x01021994, 0n, mounts), "tmpfs")
  })
})
