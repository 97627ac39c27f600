/** A folder that can't be opened for want of something is told so, is never called damaged, and has every row after. */
import { spawnSync } from "node:child_process"
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import * as OpenFailure from "../../../src/local/folder/OpenFailure.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { execute } from "../calls.ts"

const isLong = process.env["ALEX_LONG"] === "1"

/** Each case is a process or two. */
const few = <A>(all: ReadonlyArray<A>, short: ReadonlyArray<A>): ReadonlyArray<A> => (isLong ? all : short)

const patience = isLong ? 900_000 : 180_000

const reader = fileURLToPath(new URL("./FolderReader.ts", import.meta.url))
const rows = '{"longValue":500}'

let root = ""
let whole = ""

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "alex-want-"))
  chmodSync(root, 0o755)
  whole = join(root, "whole")
  await Effect.runPromise(
    execute("create table kept as select g as id from generate_series(1, 500) g").pipe(
      Effect.provide(LocalDataApi.layer({ dataDir: whole, snapshot: inject("snapshot"), durability: "fast" }))
    )
  )
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** What the reader says of a folder, when it is started by these words. */
const read = (folder: string, ...before: ReadonlyArray<string>): string => {
  const [command = "", ...args] = [...before, process.execPath, reader, folder, inject("snapshot")]
  const { stderr, stdout } = spawnSync(command, args, { encoding: "utf8" })
  return stdout.trim() || stderr
}

const run = (command: string, ...args: ReadonlyArray<string>): boolean => spawnSync(command, args).status === 0

/** A file system of its own, of so many bytes; where mounting is not allowed there is none. */
const onMount = (size: string, use: (mount: string) => void): void => {
  const mount = mkdtempSync(join(root, "mount-"))
  assert.isTrue(run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", mount), "mounted")
  try {
    use(mount)
  } finally {
    run("umount", mount)
  }
}

const canMount = (() => {
  const mount = mkdtempSync(join(tmpdir(), "alex-mount-"))
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount)
  if (mounted) run("umount", mount)
  rmSync(mount, { recursive: true, force: true })
  return mounted
})()

it(
  "where Node's permission model denies the folder, its options are named, and no copy is asked for",
  () => {
    const only = "NODE_OPTIONS=--permission --allow-fs-read=*"
    for (const folder of [whole, join(root, "denied")]) {
      const message = read(folder, "env", only)
      assert.match(message, /Node's permission model denies it\. Start Node with --allow-fs-write=\S+\.$/, folder)
      assert.include(message, `--allow-fs-write=${folder}.`)
    }
    assert.strictEqual(read(whole, "env", `${only} --allow-fs-write=${whole}`), rows)
    assert.strictEqual(read(whole, "env", `${only} --allow-fs-write=${join(whole, "*")}`), rows)
  },
  patience
)

/** Fills a file system but for so many bytes. */
const fill = (mount: string, spare: number): void => {
  const { bavail, bsize } = statfsSync(mount)
  writeFileSync(join(mount, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - spare)))
}

if (!canMount)
  process.stderr.write("SKIPPED: data folders on a full and on a read-only disk (mount is not allowed here)\n")

describe.skipIf(!canMount)("on a disk of its own", () => {
  it(
    "a new database needs room, says how much, leaves nothing behind, and is made once there is some",
    () => {
      for (const size of few(["512k", "4m", "12m", "20m", "28m"], ["512k", "20m"])) {
        onMount(size, (mount) => {
          const folder = join(mount, "db")
          const message = read(folder)
          assert.match(
            message,
            /there is no room on its disk \(\d+ MB are free\), and it needs about 3\d MB\. Make room/,
            size
          )
          assert.notInclude(message, "damaged")
          assert.notInclude(readdirSync(folder), "pgdata.unfinished")
          assert.isTrue(run("mount", "-o", "remount,size=64m", mount))
          assert.strictEqual(read(folder), '{"longValue":0}', size)
        })
      }
    },
    patience
  )

  it(
    "an existing one on a full disk says so, and has every row once there is room",
    () => {
      for (const spare of few([0, 4096, 16_384, 65_536, 1_000_000], [0, 4096])) {
        onMount("64m", (mount) => {
          const folder = join(mount, "db")
          cpSync(whole, folder, { recursive: true })
          fill(mount, spare)
          const message = read(folder)
          if (message !== rows)
            assert.match(message, /there is no room on its disk|No space left|has stopped/, String(spare))
          assert.notInclude(message, "damaged")
          rmSync(join(mount, "filler"))
          assert.strictEqual(read(folder), rows, String(spare))
        })
      }
    },
    patience
  )

  it(
    "a read-only one says so",
    () => {
      onMount("64m", (mount) => {
        const folder = join(mount, "db")
        cpSync(whole, folder, { recursive: true })
        assert.isTrue(run("mount", "-o", "remount,ro", mount))
        assert.match(read(folder), /^The data folder \S+ can't be (written|locked).*(read-only|can't be written)/)
        assert.isTrue(run("mount", "-o", "remount,rw", mount))
        assert.strictEqual(read(folder), rows)
      })
    },
    patience
  )
})

describe("for want of", () => {
  const limited = (files: number) => ["sh", "-c", `ulimit -n ${files}; exec "$@"`, "sh"]
  const canLimit = process.platform !== "win32" && run("sh", "-c", "ulimit -n 64")
  if (!canLimit) process.stderr.write("SKIPPED: data folders with few open files (ulimit is not allowed here)\n")

  it.skipIf(!canLimit)(
    "files, a folder says so or is opened, and has every row after",
    () => {
      const folder = join(root, "files")
      cpSync(whole, folder, { recursive: true })
      for (const files of few([18, 19, 20, 21, 22, 23, 24, 26, 28, 32, 40], [20, 24])) {
        const message = read(folder, ...limited(files))
        assert.notMatch(message, /damaged|[Rr]emove it|permissions/, String(files))
        assert.strictEqual(read(folder), rows, String(files))
      }
    },
    patience
  )

  it.skipIf(!canLimit)(
    "size of files, a folder says so or is opened, and has every row after",
    () => {
      const folder = join(root, "sizes")
      cpSync(whole, folder, { recursive: true })
      for (const blocks of few([1, 2, 8, 40, 100, 400, 1000, 4000, 20_000, 40_000], [1, 100])) {
        const message = read(folder, "sh", "-c", `ulimit -f ${blocks}; exec "$@"`, "sh")
        assert.match(message, /ulimit -f|^\{"longValue":500\}$/, String(blocks))
        assert.strictEqual(read(folder), rows, String(blocks))
      }
    },
    patience
  )

  const isRoot = process.getuid?.() === 0
  const other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
  const canBeOther = isRoot && spawnSync("setpriv", [...other.slice(1), process.execPath, "--version"]).status === 0
  if (!canBeOther) process.stderr.write("SKIPPED: a data folder of another user (only root can become one)\n")

  it.skipIf(!canBeOther)(
    "permission, a folder names that, and is not touched",
    () => {
      const folder = join(root, "owned")
      cpSync(whole, folder, { recursive: true })
      chmodSync(folder, 0o755)
      assert.match(
        read(folder, ...other),
        /^The data folder \S+ can't be (?:locked|read|written).*[Cc]hange its permissions/
      )
      chmodSync(folder, 0o700)
      assert.match(
        read(folder, ...other),
        /^The data folder \S+ can't be (?:locked|read|written).*[Cc]hange its permissions/
      )
      assert.strictEqual(read(folder), rows)
    },
    patience
  )
})

describe("a failure to open", () => {
  const explained = (cause: unknown, log: ReadonlyArray<string> = []) =>
    Effect.map(OpenFailure.explain({ dataDir: "/d", what: "opened", cause, log }), ({ message }) => message)

  it("of a database in memory says what was missing, PostgreSQL's last words, or what was thrown", () => {
    const enlarged = new RangeError("WebAssembly.Memory(): could not allocate memory")
    const memory = "there is not enough memory, and PostgreSQL takes about 200 MB. Stop programs or raise the limit."
    assert.strictEqual(OpenFailure.reasonOf({ cause: enlarged }), memory)
    const log = ['2026-11-26 01:48:47.250 UTC [42] FATAL:  database "shop" does not exist']
    assert.strictEqual(OpenFailure.reasonOf({ cause: new Error("exit 1"), log }), 'database "shop" does not exist.')
    assert.strictEqual(OpenFailure.reasonOf({ cause: new Error("It\nbroke.") }), "It?broke.")
  })

  it.live("is traced to what was missing, wherever that is said", () =>
    Effect.gen(function* () {
      const coded = (code: string) => Object.assign(new Error("failed"), { code })
      assert.match(yield* explained(coded("EMFILE")), /too many files open. Raise its limit/)
      assert.match(
        yield* explained(new Error("wrapped", { cause: coded("ENFILE") })),
        /this machine has too many files/
      )
      assert.match(yield* explained({ name: "ErrnoError", errno: 51 }), /no room on its disk/)
      assert.match(
        yield* explained(new RangeError("WebAssembly.Memory(): could not allocate memory")),
        /not enough memory/
      )
      assert.match(
        yield* explained(new Error("PGlite failed to initialize properly"), [
          '2026-11-26 01:48:47.250 UTC [42] FATAL:  could not write lock file "postmaster.pid": No space left on device'
        ]),
        /no room on its disk/
      )
      const advice: Readonly<Record<string, RegExp>> = {
        ENOSPC: /no room on its disk.* needs about 10 MB\. Make room/,
        EDQUOT: /quota of the disk is used up.* needs about 10 MB\. Make room/,
        EFBIG: /a file would be larger.* Raise the limit/,
        EACCES: /opened by this user\. Change its permissions/,
        EPERM: /opened by this user\. Change its permissions/,
        EROFS: /file system is read-only\. Mount it for writing/,
        EIO: /Check the disk first/,
        ENOMEM: /not enough memory.* Stop programs/,
        EBUSY: /something is mounted in it\. Mount the folder itself/
      }
      for (const [code, words] of Object.entries(advice)) assert.match(yield* explained(coded(code)), words, code)
      const numbers = {
        2: "EACCES",
        19: "EDQUOT",
        22: "EFBIG",
        29: "EIO",
        48: "ENOMEM",
        51: "ENOSPC",
        63: "EPERM",
        69: "EROFS"
      }
      for (const [errno, code] of Object.entries(numbers)) {
        assert.strictEqual(yield* explained({ errno: Number(errno) }), yield* explained(coded(code)), code)
      }
    })
  )

  it.live("that is unknown is reported without advice to remove anything", () =>
    Effect.gen(function* () {
      const stopped = new Error("Aborted(). Build with -sASSERTIONS for more info.")
      assert.strictEqual(
        yield* explained(stopped),
        "The data folder /d can't be opened. Its files are left as they are: try again, or choose another folder."
      )
      assert.strictEqual(
        yield* explained(stopped, ["2026-11-26 01:44:59 UTC [42] PANIC:  could not\u001b[2J", "Aborted()"]),
        "PostgreSQL refuses the data folder /d: could not?[2J. Its files are left as they are: restore it from a copy, or choose another folder."
      )
    })
  )
})
