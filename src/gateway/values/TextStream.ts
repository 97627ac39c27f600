/** Decodes a text that comes in pieces, of which each may end within a character. Pure. */
import type * as Result from "effect/Result"
import type { Encoding, TextFault } from "./Encodings.ts"
import { lengthOf } from "./Utf8.ts"

/** How many octets at the end are the beginning of a character of UTF-8. */
const unfinished = (octets: Uint8Array): number => {
  for (let count = 1; count <= 3 && count <= octets.length; count++) {
    const octet = octets[octets.length - count] ?? 0
    if (octet >= 0x80 && octet < 0xc0) continue
    return lengthOf(octet) > count ? count : 0
  }
  return 0
}

export class TextStream {
  readonly #encoding: Encoding
  #held: Uint8Array = new Uint8Array(0)

  constructor(encoding: Encoding) {
    this.#encoding = encoding
  }

  /** The text of a piece. */
  read(piece: Uint8Array): Result.Result<string, TextFault> {
    if (!this.#encoding.isUtf8) return this.#encoding.decode(piece)
    const octets = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    const whole = octets.length - unfinished(octets)
    this.#held = octets.subarray(whole)
    return this.#encoding.decode(octets.subarray(0, whole))
  }

  /** What is left of a character at the end, which is an error. */
  end(): Result.Result<string, TextFault> {
    return this.#encoding.decode(this.#held)
  }
}
