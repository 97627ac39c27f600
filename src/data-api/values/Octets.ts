/** Converts octets to text and back, with Node's `Buffer` if there is one, else with the web's functions. Pure. */

/**
 * Octets whose text can be read, such as Node's `Buffer`: a type of its own, since programs for other runtimes have no types
 * of Node.
 */
export interface TextOctets extends Uint8Array {
  readonly toString: (encoding?: "utf8" | "latin1", start?: number, end?: number) => string
  readonly compare: (other: Uint8Array, otherStart?: number, otherEnd?: number, start?: number, end?: number) => number
  readonly subarray: (start?: number, end?: number) => TextOctets
}

const isNode = (): boolean => typeof Buffer !== "undefined"

/**
 * The length of a text in UTF-8, in octets.
 *
 * @example
 * ```ts
 * import { lengthOf } from "./Octets.ts"
 *
 * lengthOf("é") // 2
 * ```
 */
export const lengthOf = (text: string): number =>
  isNode() ? Buffer.byteLength(text) : new TextEncoder().encode(text).length

/** Decodes base64. */
export const fromBase64 = (base64: string): Uint8Array => {
  if (!isNode()) return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const { buffer, byteLength, byteOffset } = Buffer.from(base64, "base64")
  return new Uint8Array(buffer, byteOffset, byteLength)
}

const binary = (octets: Uint8Array): string => Array.from(octets, (octet) => String.fromCharCode(octet)).join("")

export const toBase64 = (octets: Uint8Array): string =>
  isNode() ? Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("base64") : btoa(binary(octets))

export const toHex = (octets: Uint8Array): string =>
  isNode()
    ? Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("hex")
    : Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("")

/** Decodes pairs of hexadecimal digits. */
export const fromHex = (hex: string): Uint8Array =>
  isNode()
    ? Uint8Array.from(Buffer.from(hex, "hex"))
    : Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

/** Decodes octets in PostgreSQL's older form, `a\\b\000`; undefined if the text has another form. */
export const fromEscaped = (escaped: string): Uint8Array | undefined => {
  const parts = escaped.match(/\\\\|\\[0-3][0-7]{2}|[ -[\]-~]/g) ?? []
  if (parts.join("") !== escaped) return undefined
  return Uint8Array.from(parts, (part) =>
    part.length === 4 ? Number.parseInt(part.slice(1), 8) : part.charCodeAt(part.length - 1)
  )
}
