/** Files of text that people write: in UTF-8, or in UTF-16 with a byte-order mark, as shells of Windows write them. */
import { isUtf8 } from "node:buffer"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"

/**
 * Why a file can't be read or written, in the words of the operating system: `ENOENT: no such file or directory`.
 * Those of Effect's own errors are the names of its functions.
 */
export const whyOf = (error: NotText | PlatformError): string => {
  const cause: unknown = error._tag === "PlatformError" ? error.reason.cause : undefined
  return cause instanceof Error ? cause.message : error.message
}

/** Octets that are no text. */
export class NotText extends Schema.TaggedError<NotText>()("NotText", { message: Schema.String }) {}

const encodingOf = ([first, second]: Uint8Array): string => {
  if (first === 0xff && second === 0xfe) return "utf-16le"
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8"
}

/** The first line that is not UTF-8. */
const brokenLine = (bytes: Uint8Array): number => {
  let start = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}

/** PostgreSQL has no text with a NUL, and reads a statement up to it. */
const withoutNul = (text: string): Effect.Effect<string, NotText> => {
  const at = text.indexOf("\0")
  if (at < 0) return Effect.succeed(text)
  const line = text.slice(0, at).split("\n").length
  const message = `line ${line} has a NUL, as UTF-16 without a byte-order mark has: save the file in UTF-8`
  return Effect.fail(new NotText({ message }))
}

/**
 * The text of a file's octets, without a byte-order mark.
 *
 * @errors NotText
 */
export const textOf = (bytes: Uint8Array): Effect.Effect<string, NotText> => {
  const encoding = encodingOf(bytes)
  const decoded = Effect.try({
    try: () => new TextDecoder(encoding, { fatal: true }).decode(bytes),
    catch: () =>
      new NotText({
        message:
          encoding === "utf-8"
            ? `line ${brokenLine(bytes)} is not UTF-8: save the file in that encoding`
            : "it is not UTF-16, as its first octets say: save the file in UTF-8"
      })
  })
  return Effect.flatMap(decoded, withoutNul)
}

/**
 * Reads a file of text.
 *
 * @errors NotText, PlatformError
 */
export const readText = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => Effect.flatMap(files.readFile(path), textOf))
