/**
 * The lock of a data folder: the kernel's own, on `lock.db`. It excludes other processes, other threads and other
 * process namespaces on the same machine, by whatever path they come, and ends with its process, however that ends.
 *
 * Node has no call for such a lock; SQLite, which is part of Node and of Bun, takes one on its database file. A POSIX
 * lock ends as soon as its process opens the file once more and closes it, with `fs.readFile` for example. SQLite respects
 * that among all its connections in a process, so `lock.db` is opened by SQLite alone, and it is never deleted: a process
 * that had it open would then hold the lock of a file that no other process finds.
 */
import { setTimeout } from "node:timers/promises"
import { Data, Effect, Predicate, Random, Result, type Scope } from "effect"

/** Why the lock was not taken. */
export class NotLocked extends Data.TaggedError("NotLocked")<{
  /**
   * - `held`: somebody else has it
   * - `read-only`: the file can't be written, and such a file can't be locked exclusively
   * - `foreign`: the file is not one that SQLite made
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

/** Node has the code as `errcode`, Bun as `errno`; the upper bits tell sub-cases apart. */
const codeOf = (error: unknown): number => {
  if (Predicate.hasProperty(error, "errcode") && typeof error.errcode === "number") return error.errcode & 0xff
  if (Predicate.hasProperty(error, "errno") && typeof error.errno === "number") return error.errno & 0xff
  return 0
}

const isSqliteWarning = ([text, type]: ReadonlyArray<unknown>): boolean =>
  type === "ExperimentalWarning" && typeof text === "string" && text.startsWith("SQLite ")

/** Loads `node:sqlite` without the warning that Node 22 and 24 print at that: its users can do nothing about it. */
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
 * Only a transaction that writes is refused where the file is read-only; without that, SQLite would make a shared lock
 * of the exclusive one, and say nothing. It is never committed, and its journal is in memory: the file stays empty.
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

/** A connection without references is closed by the garbage collector, and the lock goes with it. */
const held = new Set<Connection>()

/** Tries, at intervals of up to 30 ms: two that come at the same moment keep each other out, and neither would have it. */
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
    // By the clock of the machine: it is other processes that are waited for.
    yield* Effect.promise(() => setTimeout(wait))
  }
})

/**
 * Takes the lock until the scope closes.
 *
 * @param path The file `lock.db`, created when missing; its folder exists.
 */
export const take = (path: string): Effect.Effect<void, NotLocked, Scope.Scope> =>
  Effect.acquireRelease(connected(path), (connection) =>
    Effect.sync(() => {
      held.delete(connection)
      connection.close()
    })
  )
