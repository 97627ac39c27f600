/**
 * The process that has a data folder open, in `lock.json`, for messages to other processes. The lock itself is a kernel
 * lock.
 *
 * Earlier versions had only this file as a lock, with only a process id in it. They respect the file of this version,
 * and this version respects theirs if the process is alive.
 */
import { readFile, rm, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { basename } from "node:path"
import { Clock, Effect, Option, Predicate, Result, Schema } from "effect"

const Printable = Schema.String.pipe(Schema.check(Schema.isPattern(/^[\x20-\x7e]{1,200}$/)))

/** A process that has the folder open. */
export const Holder = Schema.Struct({
  pid: Schema.Int,
  host: Printable,
  /** The file of the program, or a command such as `alex-db serve`. */
  program: Printable,
  /** When it opened the folder, as an ISO date and time. */
  since: Printable,
  /**
   * When its thread began, in milliseconds since 1970. Containers on one volume may have the same host and process id.
   */
  began: Schema.optionalKey(Schema.Finite),
  /** The socket for other commands: a name in the folder or an absolute path; absent if there is none. */
  socket: Schema.optionalKey(Schema.String)
})
export type Holder = typeof Holder.Type

const HolderText = Schema.fromJsonString(Holder)
const EarlierText = Schema.fromJsonString(Schema.Struct({ pid: Schema.Int }))

const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200) || "?"

/** This process as a holder. */
export const self = Effect.fnUntraced(function* (
  program = basename(process.argv[1] ?? process.execPath)
): Effect.fn.Return<Holder> {
  const now = yield* Clock.currentTimeMillis
  return {
    pid: process.pid,
    host: printable(hostname()),
    program: printable(program),
    since: new Date(now).toISOString(),
    began: performance.timeOrigin
  }
})

const text = (path: string): Effect.Effect<string> =>
  Effect.orElseSucceed(
    Effect.tryPromise(() => readFile(path, "utf8")),
    () => ""
  )

/** The holder in a file; `None` if the file does not exist or is not complete yet. */
export const read = (path: string): Effect.Effect<Option.Option<Holder>> =>
  Effect.map(text(path), Schema.decodeOption(HolderText))

/** Signal 0 only checks. EPERM means that the process exists and belongs to another user. */
const isAlive = (pid: number): boolean => {
  const asked = Result.try(() => process.kill(pid, 0))
  if (Result.isSuccess(asked)) return true
  return Predicate.hasProperty(asked.failure, "code") && asked.failure.code === "EPERM"
}

/** The id of a live process of an earlier version that holds the folder. */
export const earlier = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Option.Option<number>> {
  const found = yield* text(path)
  if (Option.isSome(Schema.decodeOption(HolderText)(found))) return Option.none()
  return Schema.decodeOption(EarlierText)(found).pipe(
    Option.map(({ pid }) => pid),
    Option.filter((pid) => pid !== process.pid && isAlive(pid))
  )
})

/** Replaces the holder in the file. Only the process that has the lock may call it. */
export const write = (path: string, holder: Holder): Effect.Effect<void> =>
  Effect.tryPromise(async () => {
    await rm(path, { force: true })
    await writeFile(path, `${JSON.stringify(holder)}\n`, { flag: "wx" })
  }).pipe(
    // Without the file, only the message to other processes is less precise.
    Effect.catch(({ cause }) =>
      Effect.logDebug("lock.json, which names the holder of the data folder, can't be written", cause)
    )
  )

export const remove = (path: string): Effect.Effect<void> =>
  Effect.ignore(Effect.tryPromise(() => rm(path, { force: true })))

const isHere = ({ host }: Holder): boolean => host === printable(hostname())

/** Whether a holder is this process, and this thread of it. */
export const isSelf = (holder: Holder): boolean =>
  isHere(holder) && holder.pid === process.pid && holder.began === performance.timeOrigin

/** A holder for messages, such as `process 123 (alex-db, since 2026-11-26T10:00:00.000Z)`. */
export const nameOf = (holder: Holder): string => {
  const { host, pid, program, since } = holder
  const who = isSelf(holder) ? `this process itself, ${pid}` : `process ${pid}`
  return `${who}${isHere(holder) ? "" : ` on ${host}`} (${program}, since ${since})`
}
