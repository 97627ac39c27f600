/** Escapes that name octets of UTF-8 one by one, such as `\303\251` and `\xc3\xa9` for é. Pure. */
import { readText } from "./Utf8.ts"

/** A run of such escapes, in the syntax of a regular expression. */
export const octetEscapes = String.raw`(?:\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}))+`

/** The text that a run names; undefined where the octets are none that PostgreSQL holds. */
export const textOfOctets = (run: string): string | undefined => {
  const octets = Buffer.from(
    Array.from(run.matchAll(/\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))/g), ([, hex, octal = ""]) =>
      hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16)
    )
  )
  return readText(octets)
}
