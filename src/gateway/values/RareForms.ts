/** Reads binary values of the rarer built-in types as text that PostgreSQL parses under any settings. Pure. */
import { textOfInterval } from "../../data-api/values/Intervals.ts"
import { floatText } from "../statement/FieldText.ts"
import { textOfTime } from "./DateTimes.ts"
import type { ReadText } from "./Encodings.ts"

/** Reads a binary value as text, with `readText` for what is text in it; undefined if the bytes are not a value of the type. */
export type Read = (bytes: Buffer, readText: ReadText) => string | undefined

const sized =
  (size: number, read: (bytes: Buffer) => string): Read =>
  (bytes) =>
    bytes.length === size ? read(bytes) : undefined

const interval: Read = sized(16, (bytes) =>
  textOfInterval(
    { months: bytes.readInt32BE(12), days: bytes.readInt32BE(8), microseconds: bytes.readBigInt64BE(0) },
    textOfTime
  )
)

const timeWithZone: Read = sized(12, (bytes) => {
  // Seconds west of Greenwich.
  const west = bytes.readInt32BE(8)
  const seconds = Math.abs(west)
  const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60]
  const zone = parts.map((part) => String(Math.floor(part)).padStart(2, "0")).join(":")
  return `${textOfTime(bytes.readBigInt64BE(0))}${west > 0 ? "-" : "+"}${zone}`
})

const money: Read = sized(8, (bytes) => {
  const cents = bytes.readBigInt64BE(0)
  const digits = String(cents < 0n ? -cents : cents).padStart(3, "0")
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`
})

const bits: Read = (bytes) => {
  if (bytes.length < 4) return undefined
  const count = bytes.readInt32BE(0)
  const text = [...bytes.subarray(4)].map((byte) => byte.toString(2).padStart(8, "0")).join("")
  return count >= 0 && Math.ceil(count / 8) === bytes.length - 4 ? text.slice(0, count) : undefined
}

/** Family (2 is IPv4), bits of the netmask, whether it is a cidr, length of the address, address. */
const network: Read = (bytes) => {
  const size = bytes[3] ?? 0
  if (bytes.length !== 4 + size || (size !== 4 && size !== 16)) return undefined
  const address =
    size === 4
      ? bytes.subarray(4).join(".")
      : Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(4 + index * 2).toString(16)).join(":")
  return `${address}/${bytes[1]}`
}

const hardware =
  (size: number): Read =>
  (bytes) =>
    bytes.length === size ? (bytes.toString("hex").match(/../g) ?? []).join(":") : undefined

const doubles = (bytes: Buffer, from = 0): ReadonlyArray<string> =>
  Array.from({ length: (bytes.length - from) / 8 }, (_, index) => floatText(bytes.readDoubleBE(from + index * 8)))

const points = (bytes: Buffer, from = 0): ReadonlyArray<string> => {
  const values = doubles(bytes, from)
  return Array.from({ length: values.length / 2 }, (_, index) => `(${values[index * 2]},${values[index * 2 + 1]})`)
}

const path: Read = (bytes) => {
  if (bytes.length < 5 || bytes.length !== 5 + bytes.readInt32BE(1) * 16) return undefined
  const text = points(bytes, 5).join(",")
  return bytes[0] === 0 ? `[${text}]` : `(${text})`
}

const polygon: Read = (bytes) =>
  bytes.length >= 4 && bytes.length === 4 + bytes.readInt32BE(0) * 16 ? `(${points(bytes, 4).join(",")})` : undefined

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, "$&$&")}'`

/** Lexemes with their positions; the two highest bits of a position are its weight. */
const textVector: Read = (bytes, readText) => {
  if (bytes.length < 4) return undefined
  const lexemes: Array<string> = []
  let at = 4
  for (let left = bytes.readInt32BE(0); left > 0; left--) {
    const end = bytes.indexOf(0, at)
    if (end === -1 || end + 3 > bytes.length) return undefined
    const count = bytes.readUInt16BE(end + 1)
    const lexeme = readText(bytes.subarray(at, end))
    if (lexeme === undefined || end + 3 + count * 2 > bytes.length) return undefined
    const positions = Array.from({ length: count }, (_, index) => {
      const entry = bytes.readUInt16BE(end + 3 + index * 2)
      return `${entry & 0x3fff}${["", "C", "B", "A"][entry >> 14]}`
    })
    lexemes.push(quoted(lexeme) + (count === 0 ? "" : `:${positions.join(",")}`))
    at = end + 3 + count * 2
  }
  return at === bytes.length ? lexemes.join(" ") : undefined
}

const unsigned32: Read = sized(4, (bytes) => String(bytes.readUInt32BE()))
const plainText: Read = (bytes, readText) => readText(bytes)
const versioned: Read = (bytes, readText) => (bytes[0] === 1 ? readText(bytes.subarray(1)) : undefined)

const logPosition: Read = sized(
  8,
  (bytes) => `${bytes.readUInt32BE(0).toString(16)}/${bytes.readUInt32BE(4).toString(16)}`
)

/** Readers by type object id, without the types of `BinaryForms`. */
export const readers: ReadonlyMap<number, Read> = new Map<number, Read>([
  [27, sized(6, (bytes) => `(${bytes.readUInt32BE(0)},${bytes.readUInt16BE(4)})`)],
  [28, unsigned32],
  [29, unsigned32],
  [142, plainText],
  [600, sized(16, (bytes) => points(bytes)[0] ?? "")],
  [601, sized(32, (bytes) => `[${points(bytes).join(",")}]`)],
  [602, path],
  [603, sized(32, (bytes) => points(bytes).join(","))],
  [604, polygon],
  [628, sized(24, (bytes) => `{${doubles(bytes).join(",")}}`)],
  [650, network],
  [718, sized(24, (bytes) => `<${points(bytes.subarray(0, 16))[0]},${doubles(bytes, 16)[0]}>`)],
  [774, hardware(8)],
  [790, money],
  [829, hardware(6)],
  [869, network],
  [1186, interval],
  [1266, timeWithZone],
  [1560, bits],
  [1562, bits],
  [2275, plainText],
  [3220, logPosition],
  [3614, textVector],
  [4072, versioned],
  [5069, sized(8, (bytes) => String(bytes.readBigUInt64BE()))],
  // Types such as regclass: object ids in binary, which their text form also accepts.
  ...[24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191].map((oid) => [oid, unsigned32] as const)
])
