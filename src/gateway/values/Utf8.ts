/** Reads octets as text, and names those that are none, as PostgreSQL does. Pure. */
import { isUtf8 } from "node:buffer"

/** The text of octets; undefined if they are none that PostgreSQL holds: not UTF-8, or with a NUL. */
export const readText = (octets: Uint8Array): string | undefined =>
  isUtf8(octets) && !octets.includes(0)
    ? Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString()
    : undefined

/** How many octets a character has by its first one. */
export const lengthOf = (first: number): number => {
  if (first >= 0xc0 && first < 0xe0) return 2
  if (first >= 0xe0 && first < 0xf0) return 3
  return first >= 0xf0 && first < 0xf8 ? 4 : 1
}

/** PostgreSQL's message for octets that are no text: it names the first character that is none, and takes no NUL. */
export const notUtf8Message = (octets: Uint8Array): string => {
  for (let at = 0; at < octets.length; ) {
    const first = octets[at] ?? 0
    const character = octets.subarray(at, at + lengthOf(first))
    if (first === 0 || (first >= 0x80 && !isUtf8(character))) {
      const named = Array.from(character, (octet) => `0x${octet.toString(16).padStart(2, "0")}`)
      return `invalid byte sequence for encoding "UTF8": ${named.join(" ")}`
    }
    at += character.length
  }
  return 'invalid byte sequence for encoding "UTF8"'
}
