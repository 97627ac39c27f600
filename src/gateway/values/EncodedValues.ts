/** Values in the client's encoding, as text and in binary; a character that it lacks is refused. Pure. */
import * as Result from "effect/Result"
import { type Refused, refusal, refusedText } from "../statement/Refused.ts"
import { isText, toBinary } from "./BinaryForms.ts"
import type { Encoding } from "./Encodings.ts"

type Sent = Uint8Array | string | null

export const encodedText = (text: string, encoding: Encoding): Result.Result<Uint8Array | string, Refused> =>
  encoding.isUtf8 ? Result.succeed(text) : Result.mapError(encoding.encode(text), refusedText)

/** A row in text. */
export const encodedRow = (
  row: ReadonlyArray<string | null>,
  encoding: Encoding
): Result.Result<ReadonlyArray<Sent>, Refused> => {
  if (encoding.isUtf8) return Result.succeed(row)
  const values: Array<Sent> = []
  for (const value of row) {
    const text = value === null ? Result.succeed(value) : encodedText(value, encoding)
    if (Result.isFailure(text)) return Result.fail(text.failure)
    values.push(text.success)
  }
  return Result.succeed(values)
}

/** What PostgreSQL has written in binary, whose texts are in UTF-8: those within other values are not found. */
const converted = (typeOid: number, bytes: Buffer, encoding: Encoding): Result.Result<Uint8Array, Refused> => {
  if (encoding.isUtf8 || isFree(typeOid) || bytes.every((octet) => octet < 0x80)) return Result.succeed(bytes)
  if (isText(typeOid)) return Result.mapError(encoding.encode(bytes.toString()), refusedText)
  const message = `the gateway does not convert binary values of the type ${typeOid} to the client encoding ${encoding.name}`
  return Result.fail(refusal("0A000", message, "Ask for the column as text, or set client_encoding to UTF8."))
}

/** PostgreSQL's own types that hold no text; arrays and records, and those of extensions, may. */
const isFree = (typeOid: number): boolean => free.has(typeOid)

const free: ReadonlySet<number> = new Set([
  16, 17, 20, 21, 23, 26, 27, 28, 29, 600, 601, 602, 603, 604, 628, 650, 700, 701, 718, 774, 790, 829, 869, 1082, 1083,
  1114, 1184, 1186, 1266, 1560, 1562, 1700, 2950, 3220, 3904, 3906, 3908, 3910, 3912, 3926, 5069
])

/**
 * A value in binary.
 *
 * @param isWritten PostgreSQL has written its binary form, as the text of a bytea
 */
export const binaryValue = (
  typeOid: number,
  value: string,
  isWritten: boolean,
  encoding: Encoding
): Result.Result<Uint8Array, Refused> => {
  if (isWritten) return converted(typeOid, Buffer.from(value.slice(2), "hex"), encoding)
  const lacking = encoding.isUtf8 ? Result.succeed(value) : encodedText(value, encoding)
  if (Result.isFailure(lacking)) return Result.fail(lacking.failure)
  const bytes = toBinary(typeOid, value, encoding)
  return bytes === undefined
    ? Result.fail(
        refusal("0A000", `the gateway has no binary form of the type ${typeOid}`, "Ask for the column as text.")
      )
    : Result.succeed(bytes)
}
