/** Parsers with faults that chance alone does not find, and coverage leads to. */

/** Spreads the octets so that none is spelled here, nor compared with what is wanted. */
const mixed = (octet: number, index: number): number => (Math.imul(octet, 167) + index * 59 + 101) & 0xff

/** A fault behind five octets, one after another. */
export const octets = (input: Buffer): string | undefined => {
  for (let index = 0; index < 5; index++) if (mixed(input[index] ?? 0, index) > 0) return undefined
  return "found"
}

/** A fault behind a text that is compared as a whole. */
export const text = (input: Buffer): string | undefined => {
  const magic = Array.from({ length: 8 }, (_, index) => String.fromCharCode(97 + ((index * 11 + 5) % 26))).join("")
  return input.toString("latin1", 0, 8) === magic ? "found" : undefined
}
