/** Where there is no `Buffer` of Node's, octets and their texts are the same. */
import { assert, it } from "@effect/vitest"
import * as Octets from "../../../src/data-api/values/Octets.ts"

const withoutBuffer = <A>(run: () => A): A => {
  const buffer = globalThis.Buffer
  try {
    Reflect.deleteProperty(globalThis, "Buffer")
    return run()
  } finally {
    Object.defineProperty(globalThis, "Buffer", {
      value: buffer,
      configurable: true,
      writable: true,
      enumerable: false
    })
  }
}

const all = Uint8Array.from({ length: 256 }, (_, octet) => octet)
const lists = [all, all.subarray(3, 3), all.subarray(5, 6), all.subarray(9, 11), all.subarray(250)]

const everything = () => ({
  hex: lists.map(Octets.toHex),
  base64: lists.map(Octets.toBase64),
  fromHex: ["", "00", "ff7f80", "0aFB"].map(Octets.fromHex),
  fromBase64: ["", "AA==", "/3+A", "AAEC"].map(Octets.fromBase64),
  lengths: ["", "a", "é", "€", "😀", "\ud83d"].map(Octets.lengthOf)
})

it("octets are the same texts and texts the same octets, with Node's Buffer and without it", () => {
  const expected = {
    hex: lists.map((octets) => Buffer.from(octets).toString("hex")),
    base64: lists.map((octets) => Buffer.from(octets).toString("base64")),
    fromHex: [[], [0], [255, 127, 128], [10, 251]].map((octets) => Uint8Array.from(octets)),
    fromBase64: [[], [0], [255, 127, 128], [0, 1, 2]].map((octets) => Uint8Array.from(octets)),
    lengths: [0, 1, 2, 3, 4, 3]
  }
  assert.deepStrictEqual(everything(), expected)
  assert.deepStrictEqual(withoutBuffer(everything), expected)
})
