/** Reads binary values of any type as text: arrays, ranges, composites and domains by their parts' types. Pure. */
import * as Result from "effect/Result"
import { MAX_REQUEST_BYTES } from "../../data-api/Limits.ts"
import { pgElementByOid } from "../../data-api/values/PgOids.ts"
import { writeArray } from "./ArrayText.ts"
import { readBinaryForm } from "./BinaryForms.ts"
import { type ReadText, utf8 } from "./Encodings.ts"
import { type Read, readers } from "./RareForms.ts"
import { noShapes, type TypeShape, type TypeShapes } from "./TypeShape.ts"

const BOX = 603

/** How deep records may be nested. The types of a database end long before; those that a value itself names need not. */
const DEEPEST = 32

/** The most characters that the fields of a value may have: a few bytes can stand for many. No request holds so many. */
const LONGEST_TEXT = MAX_REQUEST_BYTES

const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '""')}"`

const array =
  (element: Read, delimiter: string): Read =>
  (bytes, readText) => {
    if (bytes.length < 12) return undefined
    const count = bytes.readInt32BE(0)
    if (count < 0 || count > 6 || bytes.length < 12 + count * 8) return undefined
    const dimensions = Array.from({ length: count }, (_, index) => ({
      size: bytes.readInt32BE(12 + index * 8),
      lower: bytes.readInt32BE(16 + index * 8)
    }))
    const elements = fieldsOf(bytes, 12 + count * 8, readText, () => element)
    if (elements === undefined || dimensions.some(({ size }) => size < 0)) return undefined
    // The sizes are the sender's, and each element that they claim would be written.
    const claimed = count === 0 ? 0 : dimensions.reduce((product, { size }) => product * size, 1)
    if (claimed !== elements.length) return undefined
    return claimed === 0 ? "{}" : writeArray({ dimensions, elements }, delimiter)
  }

/** Reads values up to the end of the bytes: each is `before` bytes for `readerAt`, its size, and the value itself. */
const fieldsOf = (
  bytes: Buffer,
  from: number,
  readText: ReadText,
  readerAt: (at: number) => Read | undefined,
  before = 0
): ReadonlyArray<string | null> | undefined => {
  const fields: Array<string | null> = []
  let length = 0
  for (let at = from; at < bytes.length; ) {
    if (at + before + 4 > bytes.length) return undefined
    const read = readerAt(at)
    const size = bytes.readInt32BE(at + before)
    at += before + 4
    if (read === undefined || size > bytes.length - at) return undefined
    const field = size < 0 ? null : read(bytes.subarray(at, at + size), readText)
    length += field?.length ?? 0
    if (field === undefined || length > LONGEST_TEXT) return undefined
    fields.push(field)
    at += Math.max(0, size)
  }
  return fields
}

/** Flags: 1 empty; 2 and 4 inclusive lower and upper bound; 8 and 16 infinite lower and upper bound. */
const range =
  (bound: Read): Read =>
  (bytes, readText) => {
    const flags = bytes[0]
    if (flags === undefined) return undefined
    if ((flags & 1) !== 0) return "empty"
    const bounds = fieldsOf(bytes, 1, readText, () => bound)
    const [hasLower, hasUpper] = [(flags & 8) === 0, (flags & 16) === 0]
    if (bounds?.length !== Number(hasLower) + Number(hasUpper)) return undefined
    const lower = hasLower ? quoted(bounds[0] ?? "") : ""
    const upper = hasUpper ? quoted(bounds.at(-1) ?? "") : ""
    return `${(flags & 2) === 0 ? "(" : "["}${lower},${upper}${(flags & 4) === 0 ? ")" : "]"}`
  }

const multirange =
  (one: Read): Read =>
  (bytes, readText) => {
    const ranges = bytes.length < 4 ? undefined : fieldsOf(bytes, 4, readText, () => one)
    return ranges === undefined ? undefined : `{${ranges.join(",")}}`
  }

/** The object id of a column's type precedes each value. */
const record =
  (shapes: TypeShapes, depth: number): Read =>
  (bytes, readText) => {
    if (bytes.length < 4 || depth > DEEPEST) return undefined
    const fields = fieldsOf(bytes, 4, readText, (at) => readerOf(bytes.readUInt32BE(at), shapes, depth), 4)
    return fields === undefined
      ? undefined
      : `(${fields.map((field) => (field === null ? "" : quoted(field))).join(",")})`
  }

const composed = (shape: TypeShape, shapes: TypeShapes, depth: number): Read | undefined => {
  if (shape.kind === "text") return (bytes, readText) => readText(bytes)
  if (shape.kind === "record") return record(shapes, depth + 1)
  const inner = readerOf(shape.of, shapes, depth)
  if (inner === undefined) return undefined
  switch (shape.kind) {
    case "domain":
      return inner
    case "array":
      return array(inner, shape.of === BOX ? ";" : ",")
    case "range":
      return range(inner)
    case "multirange":
      return multirange(inner)
  }
}

const readerOf = (typeOid: number, shapes: TypeShapes, depth = 0): Read | undefined => {
  const read = readBinaryForm(typeOid) ?? readers.get(typeOid)
  if (read !== undefined) return read
  const element = pgElementByOid.get(typeOid)?.oid
  const shape = element === undefined ? shapes.get(typeOid) : ({ kind: "array", of: element } as const)
  return shape === undefined ? undefined : composed(shape, shapes, depth)
}

/** Whether binary values of a type can be read, given the known shapes. */
export const isReadable = (typeOid: number, shapes: TypeShapes = noShapes): boolean =>
  readerOf(typeOid, shapes) !== undefined

/** The text of a binary value; undefined if it can't be read. */
export const fromBinary = (
  typeOid: number,
  value: Uint8Array,
  shapes: TypeShapes = noShapes,
  encoding = utf8
): string | undefined =>
  readerOf(typeOid, shapes)?.(Buffer.from(value.buffer, value.byteOffset, value.byteLength), (octets) =>
    Result.getOrUndefined(encoding.decode(octets))
  )
