/** Takes a data folder for this process: its lock, and `lock.json`, which names this process to others. */
import { randomUUID } from "node:crypto"
import { open, readdir, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { Data, Effect, Option, type Scope } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import * as FolderLock from "./FolderLock.ts"
import * as Holder from "./Holder.ts"
import * as NetworkFileSystem from "./NetworkFileSystem.ts"
import * as OpenFailure from "./OpenFailure.ts"

/** Another process has the folder open. */
export class FolderInUse extends Data.TaggedError("FolderInUse")<{
  readonly message: string
  readonly holder: Option.Option<Holder.Holder>
}> {}

/** What a holder writes about itself for other processes. */
export interface Share {
  readonly program: string
  /** The name of its socket; `undefined` if it has none. */
  readonly socket: string | undefined
}

const inUse = Effect.fnUntraced(function* (dataDir: string, lockJson: string): Effect.fn.Return<never, FolderInUse> {
  const holder = yield* Holder.read(lockJson)
  const by = Option.match(holder, { onNone: () => "another process", onSome: Holder.nameOf })
  const isOwn = Option.exists(holder, Holder.isSelf)
  const way = isOwn
    ? "Provide one layer to all that use it, as a ManagedRuntime does, or choose another folder."
    : "Stop that process, choose another folder, or let your programs share it: run alex-db serve and set the variables that it prints."
  const message = `The data folder ${dataDir} is in use by ${by}, which holds its lock, lock.db. ${way}`
  return yield* new FolderInUse({ message, holder })
})

const earlierInUse = (dataDir: string, lockJson: string, pid: number): LocalDataApiError =>
  new LocalDataApiError({
    message: `The data folder ${dataDir} is in use by process ${pid}, which has an earlier version of this package. Stop that process, or remove ${lockJson} if it is another program's.`
  })

/** The error of creating and reading files in a folder, if any; SQLite does not report it. */
const obstacle = (dataDir: string): Effect.Effect<unknown> =>
  Effect.tryPromise(async () => {
    await readdir(dataDir)
    const probe = join(dataDir, `probe-${randomUUID()}`)
    await (await open(probe, "wx")).close()
    await rm(probe)
  }).pipe(Effect.match({ onFailure: ({ cause }) => cause, onSuccess: () => undefined }))

/** Why the lock can't be taken, if no other process holds it. */
const notLockable = Effect.fnUntraced(function* (
  dataDir: string,
  lockDb: string,
  { cause, why }: FolderLock.NotLocked
): Effect.fn.Return<LocalDataApiError> {
  const cannot = `The data folder ${dataDir} can't be locked`
  switch (why) {
    case "read-only":
      return new LocalDataApiError({
        message: `${cannot}: ${lockDb} can't be written. Change its permissions or choose another folder.`,
        cause
      })
    case "foreign":
      return new LocalDataApiError({
        message: `${cannot}: ${lockDb} is another program's. Choose another folder.`,
        cause
      })
    case "no-sqlite":
      return new LocalDataApiError({
        message: `${cannot}: this runtime has neither node:sqlite nor bun:sqlite. Use Node 22.19 or newer, or Bun.`
      })
    default: {
      const found = yield* obstacle(dataDir)
      if (found !== undefined) return yield* OpenFailure.explain({ dataDir, what: "written", cause: found })
      return new LocalDataApiError({
        message: `${cannot}: its file system refuses the lock. Choose a folder on a local disk.`,
        cause
      })
    }
  }
})

const warnOfNetwork = Effect.fnUntraced(function* (dataDir: string): Effect.fn.Return<void> {
  const network = yield* NetworkFileSystem.find(dataDir)
  if (Option.isNone(network)) return
  yield* Effect.logWarning(
    `The data folder ${dataDir} is on a network file system (${network.value}). Its lock excludes other processes on this machine, but perhaps not those on other machines: open it on one machine only, or choose a folder on a local disk.`
  )
})

/**
 * Locks an existing folder for this process until the scope closes.
 *
 * @param share How other processes can use the folder; without it only this process can.
 * @returns Whether the folder is still at its path.
 * @errors LocalDataApiError, FolderInUse
 */
export const take = Effect.fnUntraced(function* (
  dataDir: string,
  share: Share | undefined
): Effect.fn.Return<FolderLock.IsThere, LocalDataApiError | FolderInUse, Scope.Scope> {
  const lockJson = join(resolve(dataDir), "lock.json")
  const lockDb = join(dataDir, "lock.db")
  yield* warnOfNetwork(dataDir)
  const isThere = yield* FolderLock.take(lockDb).pipe(
    Effect.catch(
      (failure): Effect.Effect<never, LocalDataApiError | FolderInUse> =>
        failure.why === "held"
          ? inUse(dataDir, lockJson)
          : Effect.flatMap(notLockable(dataDir, lockDb, failure), Effect.fail)
    )
  )
  const earlier = yield* Holder.earlier(lockJson)
  if (Option.isSome(earlier)) return yield* earlierInUse(dataDir, lockJson, earlier.value)
  yield* Effect.acquireRelease(
    Effect.flatMap(Holder.self(share?.program), (holder) =>
      Holder.write(lockJson, share?.socket === undefined ? holder : { ...holder, socket: share.socket })
    ),
    // In another folder at this path the file names another holder.
    () => Effect.suspend(() => (isThere() ? Holder.remove(lockJson) : Effect.void))
  )
  return isThere
})
