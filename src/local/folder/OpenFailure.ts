/** Explains why a data folder can't be opened, and what to do. A missing resource is never reported as damage. */
import { statfs } from "node:fs/promises"
import { join, resolve } from "node:path"
import { Array as Arr, Effect, Option, Predicate } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"

/** A failed operation on a folder. */
export interface Failed {
  readonly dataDir: string
  /** The participle of the message "can't be ...": `created`, `opened`, `read`, `written`, `closed`. */
  readonly what: string
  readonly cause: unknown
  /** The last lines of PostgreSQL's log. */
  readonly log?: ReadonlyArray<string> | undefined
  /** The bytes on the disk that it needs. */
  readonly room?: number | undefined
}

/** Bytes that PostgreSQL needs to run: 8 segments of 1 MB of the write-ahead log, and some for growing tables. */
const workingRoom = 10 * 1024 * 1024

/** The error numbers of PGlite's C library, and Node's codes for them. */
const errnos: Readonly<Record<number, string>> = {
  2: "EACCES",
  19: "EDQUOT",
  22: "EFBIG",
  29: "EIO",
  33: "EMFILE",
  41: "ENFILE",
  48: "ENOMEM",
  51: "ENOSPC",
  63: "EPERM",
  69: "EROFS"
}

/** The messages of that library and of the JavaScript engine for these codes. */
const wordings: ReadonlyArray<readonly [RegExp, string]> = [
  [/No space left on device/, "ENOSPC"],
  [/[Qq]uota exceeded/, "EDQUOT"],
  [/File too large/, "EFBIG"],
  [/No file descriptors available/, "EMFILE"],
  [/Too many open files in system/, "ENFILE"],
  [/Permission denied/, "EACCES"],
  [/Operation not permitted/, "EPERM"],
  [/Read-only file system/, "EROFS"],
  [/I\/O error/, "EIO"],
  [/out of memory|could not allocate memory|cannot enlarge memory|buffer allocation failed/i, "ENOMEM"]
]

const worded = (text: string): string | undefined => wordings.find(([pattern]) => pattern.test(text))?.[1]

/** The system's error code of a failure or of any of its causes. */
const codeOf = (cause: unknown, depth = 0): string | undefined => {
  if (!Predicate.isObject(cause) || depth > 8) return undefined
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && /^E[A-Z]+$/.test(cause.code))
    return cause.code
  if (Predicate.hasProperty(cause, "errno") && typeof cause.errno === "number" && cause.errno in errnos)
    return errnos[cause.errno]
  const said = Predicate.hasProperty(cause, "message") && typeof cause.message === "string" ? cause.message : ""
  return worded(said) ?? codeOf(Predicate.hasProperty(cause, "cause") ? cause.cause : undefined, depth + 1)
}

const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 500)

/** PostgreSQL's last fatal message, with its detail. */
const lastWords = (log: ReadonlyArray<string>): string | undefined => {
  const at = log.findLastIndex((line) => /\b(?:FATAL|PANIC): |^postgres: /.test(line))
  const line = log[at]
  if (line === undefined) return undefined
  const words = line.replace(/^.*?\b(?:FATAL|PANIC):\s+|^postgres: /, "")
  const detail = /\bDETAIL:\s+(.*)/.exec(log[at + 1] ?? "")?.[1]
  return printable(detail === undefined ? words : `${words}: ${detail}`).replace(/\.$/, "")
}

const noMemory = "there is not enough memory, and PostgreSQL takes about 200 MB. Stop programs or raise the limit."

/** The code of a missing resource: of the cause, or of PostgreSQL's log, where an earlier line may be the cause. */
const missing = (cause: unknown, words: string | undefined, log: ReadonlyArray<string>): string | undefined =>
  codeOf(cause) ??
  Option.getOrUndefined(Arr.findFirst([words ?? "", ...log], (line) => Option.fromUndefinedOr(worded(line))))

/** Why a PostgreSQL that needs no folder did not start, as the end of a message. */
export const reasonOf = ({ cause, log = [] }: { readonly cause: unknown; readonly log?: ReadonlyArray<string> }) => {
  const words = lastWords(log)
  if (missing(cause, words, log) === "ENOMEM") return noMemory
  return `${words ?? printable(cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "")}.`
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / (1024 * 1024))} MB`

/** How much room there is on the folder's disk, for a message. PostgreSQL takes a write that was cut short for its end. */
const freeRoom = ({ dataDir, room = workingRoom }: Failed): Effect.Effect<string> =>
  Effect.tryPromise(async () => {
    const { bavail, bsize } = await statfs(dataDir)
    const free = bavail * bsize
    const limited = free > room ? ", so a quota or a limit of the size of files (ulimit -f) may be too low" : ""
    return `${megabytes(free)} are free${limited}`
  }).pipe(Effect.orElseSucceed(() => "it is full"))

const onCode = (code: string, { dataDir, room = workingRoom, what }: Failed, free: string): string | undefined => {
  const cannot = `The data folder ${dataDir} can't be ${what}`
  switch (code) {
    case "ENOSPC":
      return `${cannot}: there is no room on its disk (${free}), and it needs about ${megabytes(room)}. Make room or choose a folder on another disk.`
    case "EDQUOT":
      return `${cannot}: this user's quota of the disk is used up, and it needs about ${megabytes(room)}. Make room or choose a folder on another disk.`
    case "EFBIG":
      return `${cannot}: a file would be larger than this process or the file system allows. Raise the limit, with "ulimit -f unlimited" for example.`
    case "EMFILE":
      return `${cannot}: this process has too many files open. Raise its limit, with "ulimit -n 1024" for example.`
    case "ENFILE":
      return `${cannot}: this machine has too many files open. Stop programs, or raise the limit (sysctl fs.file-max).`
    case "EACCES":
    case "EPERM":
      return `${cannot} by this user. Change its permissions, become its owner or choose another folder.`
    case "EROFS":
      return `${cannot}: its file system is read-only. Mount it for writing or choose another folder.`
    case "EIO":
      return `${cannot}: its disk fails to read or write (I/O error). Check the disk first.`
    case "ENOMEM":
      return `${cannot}: ${noMemory}`
    case "EBUSY":
      return `${cannot}: something is mounted in it. Mount the folder itself, not pgdata.`
    default:
      return undefined
  }
}

/** The message for an error of PostgreSQL that is not about a resource. */
const onWords = (words: string, { dataDir }: Failed): string => {
  const missing = /^database "(.+)" does not exist$/.exec(words)?.[1]
  if (missing !== undefined)
    return `The data folder ${dataDir} holds no database ${missing}. Name the database that it was created with, or choose another folder.`
  return `PostgreSQL refuses the data folder ${dataDir}: ${words}. Its files are left as they are: restore it from a copy, or choose another folder.`
}

/** What Node's permission model (`node --permission`) keeps this process from doing in the folder, as Node's options. */
const denied = ({ dataDir }: Failed): ReadonlyArray<string> =>
  // Without the option there is no `process.permission`, nor in other runtimes.
  (["fs.read", "fs.write"] as const)
    .filter((scope) => process.permission?.has(scope, join(resolve(dataDir), "lock.db")) === false)
    .map((scope) => `--allow-${scope.replace(".", "-")}=${resolve(dataDir)}`)

/** The failure as one line that says what to do. */
export const explain = Effect.fnUntraced(function* (failed: Failed): Effect.fn.Return<LocalDataApiError> {
  const { cause, dataDir, log = [], what } = failed
  const words = lastWords(log)
  const code = missing(cause, words, log)
  const free = code === "ENOSPC" ? yield* freeRoom(failed) : ""
  const options = denied(failed)
  const message =
    (options.length === 0
      ? undefined
      : `The data folder ${dataDir} can't be ${what}: Node's permission model denies it. Start Node with ${options.join(" ")}.`) ??
    (code === undefined ? undefined : onCode(code, failed, free)) ??
    (words === undefined ? undefined : onWords(words, failed)) ??
    `The data folder ${dataDir} can't be ${what}${code === undefined ? "" : ` (${code})`}. Its files are left as they are: try again, or choose another folder.`
  return new LocalDataApiError({ message, cause })
})
