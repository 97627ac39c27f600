/** Reads and writes the files of backups: gzip by their name, and called `FILE.partial` until they are complete. */
import * as Fs from "node:fs"
import { lstat, readlink, rename, rm, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { pipeline, Readable, type Writable } from "node:stream"
import { finished } from "node:stream/promises"
import { promisify } from "node:util"
import { createGunzip, createGzip } from "node:zlib"
import { Effect, Exit, Schema, Stream } from "effect"

/** A file can't be read or written. */
export class BackupFileError extends Schema.TaggedError<BackupFileError>()("BackupFileError", {
  file: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** Files are opened by number: the handles of Yarn's Plug'n'Play have no `sync`, and streams refuse them. */
const open = (path: string, flags: string, mode?: number) => promisify(Fs.open)(path, flags, mode)

/** The name for stdout and stdin. */
export const standard = "-"

/** The name of a file until it is complete. */
export const partialOf = (file: string): string => `${file}.partial`

/** Turns an error of the file system into a failure that names the file. */
export const failed = (file: string, what: string) => (cause: unknown) =>
  new BackupFileError({
    file,
    message: `${file} can't be ${what}: ${cause instanceof Error ? cause.message : what}`,
    cause
  })

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

async function* unpacked(file: string): AsyncGenerator<Uint8Array> {
  const bytes: AsyncIterable<Uint8Array> =
    file === standard ? process.stdin : Fs.createReadStream(file, { highWaterMark: 256 * 1024 })
  const iterator = bytes[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) return
  const whole = async function* () {
    yield first.value
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  if (!isGzip(first.value)) {
    yield* whole()
    return
  }
  const gunzip = createGunzip()
  // The reader of `gunzip` gets the failure.
  pipeline(Readable.from(whole()), gunzip, () => {})
  yield* gunzip
}

/**
 * The bytes of a file, or of stdin for `-`, decompressed if they are gzip, whatever the name is. The file is opened on
 * the first read.
 */
export const bytesOf = (file: string): AsyncIterable<Uint8Array> => unpacked(file)

interface Sink {
  /** Takes the text. */
  readonly first: Writable
  /** Has written everything when it is finished. */
  readonly last: Writable
}

const sinkTo = (file: string, last: Fs.WriteStream): Sink => {
  if (!file.endsWith(".gz")) return { first: last, last }
  const gzip = createGzip()
  // A failure of either stream ends both, and is reported by the next write or by the wait for the end.
  pipeline(gzip, last, () => {})
  return { first: gzip, last }
}

const write =
  ({ first, last }: Sink, file: string) =>
  (text: string) =>
    Effect.callback<void, BackupFileError>((resume) => {
      first.write(text, (error) => {
        // If the file failed, the stream before it reports only that it was ended.
        const cause = last.errored ?? first.errored ?? error
        resume(cause == null ? Effect.void : Effect.fail(failed(file, "written")(cause)))
      })
    })

/**
 * Writes blocks of text one after the other, and waits until the last one is written, so that no block stays in memory.
 */
const writeTo = <E, R>(sink: Sink, file: string, blocks: Stream.Stream<string, E, R>) =>
  Effect.gen(function* () {
    sink.last.on("error", () => {})
    let characters = 0
    yield* Stream.runForEach(blocks, (block) => {
      characters += block.length
      return write(sink, file)(block)
    })
    yield* Effect.tryPromise({
      try: () => {
        const done = finished(sink.last, { readable: false })
        sink.first.end()
        return done
      },
      catch: failed(file, "written")
    })
    return characters
  }).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit)) {
          sink.first.destroy()
          sink.last.destroy()
        }
      })
    )
  )

/** Writes to stdout, which other output may follow: it is neither ended nor destroyed. */
const toStandard = <E, R>(blocks: Stream.Stream<string, E, R>) => {
  const said = (block: string) =>
    Effect.callback<void, BackupFileError>((resume) => {
      process.stdout.write(block, (cause) => {
        resume(cause == null ? Effect.void : Effect.fail(failed("stdout", "written")(cause)))
      })
    })
  // The write has the failure; without a listener its event would end the process.
  const ignore = () => {}
  return Effect.acquireUseRelease(
    Effect.sync(() => process.stdout.on("error", ignore)),
    () => Stream.runForEach(blocks, said),
    // The event follows the write's own failure.
    (stdout) => Effect.sync(() => setImmediate(() => stdout.off("error", ignore)))
  )
}

/** Makes the renaming durable. */
const syncFolder = async (folder: string) => {
  const descriptor = await open(folder, "r")
  await promisify(Fs.fsync)(descriptor).finally(() => promisify(Fs.close)(descriptor))
}

/** The file or device behind a name. */
interface Place {
  /** The final path of the file: its name, or the target of a link of that name. */
  readonly path: string
  /** Whether the name is that of a pipe or a device, which is written to directly. */
  readonly isThrough: boolean
}

const unlessAbsent = (cause: NodeJS.ErrnoException) => (cause.code === "ENOENT" ? undefined : Promise.reject(cause))

const mostLinks = 40

/** Follows links; the target of the last one need not exist. */
const followed = async (path: string, links = 0): Promise<string> => {
  const found = await lstat(path).catch(unlessAbsent)
  if (found?.isSymbolicLink() !== true || links === mostLinks) return path
  return followed(resolve(dirname(path), await readlink(path)), links + 1)
}

const placeOf = Effect.fnUntraced(function* (file: string) {
  const attempt = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: failed(file, "written") })
  const found = yield* attempt(() => stat(file).catch(unlessAbsent))
  const isFolder = found?.isDirectory() === true || (found === undefined && /[/\\]$/.test(file))
  if (file === "" || isFolder) {
    const why = file === "" ? "the name is empty" : "that is a folder"
    return yield* new BackupFileError({ file, message: `${file || '""'} can't be written: ${why}` })
  }
  const place: Place = { path: yield* attempt(() => followed(file)), isThrough: found?.isFile() === false }
  return place
})

/** A file that was made under a name, and whether the name still leads to it. */
interface Made {
  readonly stream: Fs.WriteStream
  readonly isStill: () => Promise<boolean>
}

/**
 * Creates a file. An existing one of that name was left by a run that was cut off, or belongs to another run: it is
 * removed, not written into.
 */
const make = async (path: string): Promise<Made> => {
  await rm(path, { force: true })
  const descriptor = await open(path, "wx", 0o600)
  const { dev, ino } = await promisify(Fs.fstat)(descriptor)
  return {
    stream: Fs.createWriteStream("", { fd: descriptor, flush: true }),
    isStill: async () => {
      const found = await stat(path).catch(unlessAbsent)
      return found?.ino === ino && found.dev === dev
    }
  }
}

/** Writes a file under its partial name, and renames it when it is complete. */
const toFile = Effect.fnUntraced(function* <E, R>(file: string, path: string, blocks: Stream.Stream<string, E, R>) {
  const partial = partialOf(path)
  const made = yield* Effect.tryPromise({ try: () => make(partial), catch: failed(partial, "written") })
  yield* writeTo(sinkTo(file, made.stream), partial, blocks).pipe(
    Effect.onExit((exit) => {
      if (Exit.isSuccess(exit)) return Effect.void
      if (Exit.hasInterrupts(exit)) return Effect.logWarning(`${partial} is incomplete, and ${file} is as it was`)
      const remove = async () => {
        if (await made.isStill()) await rm(partial, { force: true })
      }
      return Effect.ignore(Effect.tryPromise(remove))
    })
  )
  const isComplete = yield* Effect.tryPromise({
    try: async () => {
      if (!(await made.isStill())) return false
      await rename(partial, path)
      await syncFolder(dirname(resolve(path)))
      return true
    },
    catch: failed(file, "written")
  })
  if (isComplete) return
  const message = `${file} can't be written: another backup began to write it meanwhile, and continues`
  return yield* new BackupFileError({ file, message })
})

const toPipe = Effect.fnUntraced(function* <E, R>(file: string, blocks: Stream.Stream<string, E, R>) {
  const handle = yield* Effect.tryPromise({ try: () => open(file, "w"), catch: failed(file, "written") })
  yield* writeTo(sinkTo(file, Fs.createWriteStream("", { fd: handle })), file, blocks)
})

/**
 * Writes a file, or to stdout for `-`. The file gets its name only once it is complete and on the disk; before that,
 * and after an interruption, it is called `FILE.partial`. Only its owner can read it. A link's target is written; a
 * pipe or a device is written to directly.
 *
 * @errors BackupFileError
 */
export const save = Effect.fn("BackupFile.save")(function* <E, R>(file: string, blocks: Stream.Stream<string, E, R>) {
  if (file === standard) {
    yield* toStandard(blocks)
    return
  }
  const { isThrough, path } = yield* placeOf(file)
  yield* isThrough ? toPipe(file, blocks) : toFile(file, path, blocks)
})
