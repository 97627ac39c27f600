/** The files that backups are in: gzip by their name, and whole or named as what is not. */
import { createReadStream, createWriteStream, type WriteStream } from "node:fs"
import { open, rename, rm } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { PassThrough, pipeline, Readable, type Writable } from "node:stream"
import { finished } from "node:stream/promises"
import { createGunzip, createGzip } from "node:zlib"
import { Effect, Exit, Schema, Stream } from "effect"

/** A file can't be read or written. */
export class BackupFileError extends Schema.TaggedError<BackupFileError>()("BackupFileError", {
  file: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** The name for stdout and stdin. */
export const standard = "-"

/** What a file is called until it is complete. */
export const partialOf = (file: string): string => `${file}.partial`

/** From what the system says of a file to a failure that names it. */
export const failed = (file: string, what: string) => (cause: unknown) =>
  new BackupFileError({
    file,
    message: `${file} can't be ${what}: ${cause instanceof Error ? cause.message : what}`,
    cause
  })

const isGzip = (octets: Uint8Array): boolean => octets[0] === 0x1f && octets[1] === 0x8b

async function* unpacked(file: string): AsyncGenerator<Uint8Array> {
  const octets: AsyncIterable<Uint8Array> =
    file === standard ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 })
  const iterator = octets[Symbol.asyncIterator]()
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
  // Who reads hears of the failure.
  pipeline(Readable.from(whole()), gunzip, () => {})
  yield* gunzip
}

/** The octets of a file, which is opened when the first are asked for, or of stdin for `-`; unpacked where they are gzip's, whatever the name says. */
export const octetsOf = (file: string): AsyncIterable<Uint8Array> => unpacked(file)

interface Sink {
  /** Takes the text. */
  readonly first: Writable
  /** Has written everything when it is finished. */
  readonly last: Writable
}

const sinkTo = (file: string, last: WriteStream | PassThrough): Sink => {
  if (!file.endsWith(".gz")) return { first: last, last }
  const gzip = createGzip()
  // A failure of either ends both, and is heard of by who writes or waits.
  pipeline(gzip, last, () => {})
  return { first: gzip, last }
}

const write =
  ({ first }: Sink, file: string) =>
  (text: string) =>
    Effect.callback<void, BackupFileError>((resume) => {
      first.write(text, (error) => resume(error == null ? Effect.void : Effect.fail(failed(file, "written")(error))))
    })

/** Writes blocks of text one after the other, and waits until the last one is written. Nothing is kept in memory. */
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

const toStandard = <E, R>(blocks: Stream.Stream<string, E, R>) => {
  // stdout can't be ended, and is not destroyed.
  const through = new PassThrough()
  through.pipe(process.stdout, { end: false })
  return writeTo({ first: through, last: through }, "stdout", blocks)
}

/** Makes the renaming last. */
const syncFolder = async (folder: string) => {
  const handle = await open(folder, "r")
  await handle.sync().finally(() => handle.close())
}

/**
 * Writes a file, or to stdout for `-`. It has its name only once it is complete and on the disk; until then, and where
 * it was interrupted, it is called `FILE.partial`. Only its owner can read it.
 *
 * @errors BackupFileError
 */
export const save = Effect.fn("BackupFile.save")(function* <E, R>(file: string, blocks: Stream.Stream<string, E, R>) {
  if (file === standard) {
    yield* toStandard(blocks)
    return
  }
  const partial = partialOf(file)
  const last = createWriteStream(partial, { mode: 0o600, flush: true })
  yield* Effect.callback<void, BackupFileError>((resume) => {
    last.once("open", () => resume(Effect.void))
    last.once("error", (cause) => resume(Effect.fail(failed(partial, "written")(cause))))
  })
  yield* writeTo(sinkTo(file, last), partial, blocks).pipe(
    Effect.onExit((exit) => {
      if (Exit.isSuccess(exit)) return Effect.void
      if (Exit.hasInterrupts(exit)) return Effect.logWarning(`${partial} is incomplete, and ${file} is as it was`)
      return Effect.ignore(Effect.tryPromise(() => rm(partial, { force: true })))
    })
  )
  yield* Effect.tryPromise({
    try: async () => {
      await rename(partial, file)
      await syncFolder(dirname(resolve(file)))
    },
    catch: failed(file, "written")
  })
})
