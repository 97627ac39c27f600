/** Writes the output of this process: all of it or a failure, with no control sequences but its own colours. */
import type * as Console from "effect/Console"
import { visibleOutput } from "./visible.ts"

/** stdout and stderr, as a console for the program and a way to wait until all is written. */
export interface Output {
  readonly console: Console.Console
  /** Resolves when everything is written: with the error, if part of stdout could not be. */
  readonly settled: () => Promise<NodeJS.ErrnoException | undefined>
}

/** A reader that has seen enough, such as `head`, closes its pipe: no failure. */
const isClosed = (error: NodeJS.ErrnoException): boolean => error.code === "EPIPE"

const writerOf = (stream: NodeJS.WritableStream) => {
  let failure: NodeJS.ErrnoException | undefined
  const note = (error: NodeJS.ErrnoException | null | undefined) => {
    if (error != null && !isClosed(error)) failure ??= error
  }
  // Without a listener a failed write would end the process with a stack trace.
  stream.on("error", note)
  return {
    write: (text: string) => stream.write(text, note),
    // Writes complete in order: when the last one is done, all are.
    settled: () =>
      new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
        stream.write("", (error) => {
          note(error)
          resolve(failure)
        })
      })
  }
}

export const make = (stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): Output => {
  const out = writerOf(stdout)
  const err = writerOf(stderr)
  const to =
    ({ write }: { readonly write: (text: string) => unknown }) =>
    (...args: ReadonlyArray<unknown>) => {
      write(`${visibleOutput(args.map(String).join(" "))}\n`)
    }
  return {
    console: { ...globalThis.console, log: to(out), info: to(out), error: to(err), warn: to(err), debug: to(err) },
    settled: async () => {
      const failure = await out.settled()
      await err.settled()
      return failure
    }
  }
}
