/**
 * The lock of a data folder: a kernel lock on `lock.db`. It excludes other processes, threads and process namespaces on
 * the same machine, whatever path they use, and ends with its process.
 *
 * Node has no call for such a lock, but SQLite, which is part of Node and of Bun, takes one on its database file. A
 * POSIX lock is released when its process opens the file again and closes it, for example with `fs.readFile`. SQLite
 * handles this among its own connections, so only SQLite may open `lock.db`. The file is never deleted: a process that
 * has it open would then hold the lock of a file that no other process finds.
 */
import { statSync } from "node:fs"
import { resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { Data, Effect, Predicate, Random, Result, type Scope } from "effect"

/** Why the lock was not taken. */
export class NotLocked extends Data.TaggedError("NotLocked")<{
  /**
   * - `held`: another process or thread has it
   * - `read-only`: the file can't be written, and such a file can't be locked exclusively
   * - `foreign`: the file is not an SQLite database
   * - `unopened`: it can't be opened or created
   * - `refused`: the file system refuses to lock
   * - `no-sqlite`: this runtime has no SQLite
   */
  readonly why: "held" | "read-only" | "foreign" | "unopened" | "refused" | "no-sqlite"
  readonly cause?: unknown
}> {}

interface Connection {
  readonly exec: (sql: string) => unknown
  readonly close: () => void
}

type Connect = (path: string) => Connection

/** SQLite's primary result codes. */
const reasons: Readonly<Record<number, NotLocked["why"]>> = {
  3: "unopened",
  5: "held",
  6: "held",
  8: "read-only",
  11: "foreign",
  14: "unopened",
  26: "foreign"
}

/** SQLite's code: `errcode` in Node, `errno` in Bun. The upper bits, for sub-cases, are removed. */
const codeOf = (error: unknown): number => {
  if (Predicate.hasProperty(error, "errcode") && typeof error.errcode === "number") return error.errcode & 0xff
  if (Predicate.hasProperty(error, "errno") && typeof error.errno === "number") return error.errno & 0xff
  return 0
}

const isSqliteWarning = ([text, type]: ReadonlyArray<unknown>): boolean =>
  type === "ExperimentalWarning" && typeof text === "string" && text.startsWith("SQLite ")

/** Loads `node:sqlite` without the warning of Node 22 and 24, about which users can do nothing. */
const nodeSqlite = () => {
  const { emitWarning } = process
  process.emitWarning = new Proxy(emitWarning, {
    apply: (target, self, args) => (isSqliteWarning(args) ? undefined : Reflect.apply(target, self, args))
  })
  try {
    return process.getBuiltinModule("node:sqlite")
  } finally {
    process.emitWarning = emitWarning
  }
}

const hasDatabase = (module: unknown): module is { readonly Database: new (path: string) => Connection } =>
  Predicate.hasProperty(module, "Database") && typeof module.Database === "function"

/** The runtime's SQLite, loaded on the first call. */
const sqlite = Effect.suspend((): Effect.Effect<Connect, NotLocked> => {
  const node = nodeSqlite()
  if (node?.DatabaseSync !== undefined) return Effect.succeed((path) => new node.DatabaseSync(path))
  const bun: unknown = process.getBuiltinModule("bun:sqlite")
  if (hasDatabase(bun)) return Effect.succeed((path) => new bun.Database(path))
  return Effect.fail(new NotLocked({ why: "no-sqlite" }))
})

/**
 * The transaction writes, so that it fails on a read-only file, on which SQLite would silently take a shared lock
 * instead of the exclusive one. It is never committed, and its journal is in memory, so the file stays empty.
 */
const lock = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version=1"

const tryOnce = (connect: Connect, path: string): Result.Result<Connection, NotLocked> => {
  let connection: Connection | undefined
  try {
    connection = connect(path)
    connection.exec(lock)
    return Result.succeed(connection)
  } catch (cause) {
    connection?.close()
    return Result.fail(new NotLocked({ why: reasons[codeOf(cause)] ?? "refused", cause }))
  }
}

/** Open connections. The garbage collector would close one without references, and so release the lock. */
const held = new Set<Connection>()

/**
 * Attempts, at intervals of up to 30 ms: two concurrent attempts may refuse each other, so that neither gets the lock.
 */
const tries = 8

const connected = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Connection, NotLocked> {
  const connect = yield* sqlite
  for (let left = tries; ; left--) {
    const connection = tryOnce(connect, path)
    if (Result.isSuccess(connection)) {
      held.add(connection.success)
      return connection.success
    }
    if (connection.failure.why !== "held" || left === 1) return yield* connection.failure
    const wait = yield* Random.nextBetween(5, 30)
    // Real time, not Effect's clock, because this waits for other processes.
    yield* Effect.promise(() => setTimeout(wait))
  }
})

/**
 * Whether the path of a lock still leads to the locked file. After its folder was moved, deleted or replaced it does
 * not, and then the lock excludes nobody from what is at that path.
 */
export type IsThere = () => boolean

/** No other file has the identity of one that is open, deleted or not. `undefined` if there is no file. */
const identity = (path: string): string | undefined =>
  Result.getOrUndefined(
    Result.try(() => {
      const { dev, ino } = statSync(path, { bigint: true })
      return `${dev} ${ino}`
    })
  )

/**
 * Takes the lock until the scope closes.
 *
 * @param path The file `lock.db`, created if missing; its folder must exist.
 */
export const take = (path: string): Effect.Effect<IsThere, NotLocked, Scope.Scope> =>
  Effect.acquireRelease(connected(path), (connection) =>
    Effect.sync(() => {
      held.delete(connection)
      connection.close()
    })
  ).pipe(
    Effect.map(() => {
      // Absolute, because the working folder may change.
      const absolute = resolve(path)
      const locked = identity(absolute)
      return () => locked !== undefined && identity(absolute) === locked
    })
  )
