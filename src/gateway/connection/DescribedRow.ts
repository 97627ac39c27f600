/** The description of a row in the client's encoding. */
import * as Result from "effect/Result"
import * as Backend from "../protocol/BackendMessages.ts"
import type { Format } from "../protocol/FrontendMessages.ts"
import { type Refused, refusedText } from "../statement/Refused.ts"
import type { Encoding } from "../values/Encodings.ts"

/** A RowDescription; a failure if the encoding lacks a character of a name. Without formats every column is in text. */
export const describedRow = (
  columns: ReadonlyArray<Backend.FieldDescription>,
  encoding: Encoding,
  formats?: (column: number) => Format
): Result.Result<Uint8Array, Refused> => {
  const checked = encoding.isUtf8 ? undefined : encoding.encode(columns.map(({ name }) => name).join(""))
  if (checked !== undefined && Result.isFailure(checked)) return Result.fail(refusedText(checked.failure))
  return Result.succeed(
    formats === undefined
      ? Backend.rowDescriptionOfText(columns, encoding)
      : Backend.rowDescription(columns, formats, encoding)
  )
}
