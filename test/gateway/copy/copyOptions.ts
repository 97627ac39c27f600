/** What COPY statements ask for, read from the statements, and what is read by it. */
import { Result } from "effect"
import type { CopyFault } from "../../../src/gateway/copy/CopyLines.ts"
import { type CopyOptions, copyOf } from "../../../src/gateway/copy/CopyStatement.ts"
import { type CopyRecord, recordReader } from "../../../src/gateway/copy/CopyText.ts"
import { statementOf } from "../../../src/gateway/statement/ClientStatement.ts"

const optionsOf = (sql: string): CopyOptions => {
  const copy = Result.getOrThrowWith(copyOf(statementOf(sql)), ({ message }) => new Error(message))
  if (copy === undefined) throw new Error(`no COPY from or to the client: ${sql}`)
  return copy.options
}

export const text = optionsOf("copy notes from stdin")
export const csv = optionsOf("copy notes from stdin with (format csv)")

/** The records of an input that comes in pieces, or why it is refused. */
export const readPieces = (
  options: CopyOptions,
  names: ReadonlyArray<string>,
  pieces: ReadonlyArray<string>
): ReadonlyArray<CopyRecord> | CopyFault => {
  const reader = recordReader(options, names)
  const records: Array<CopyRecord> = []
  for (const read of [...pieces.map((piece) => () => reader.read(piece)), reader.end]) {
    const found = read()
    if ("message" in found) return found
    records.push(...found)
  }
  return records
}

/** The records of an input that is not refused. */
export const recordsOf = (
  options: CopyOptions,
  names: ReadonlyArray<string>,
  pieces: ReadonlyArray<string>
): ReadonlyArray<CopyRecord> => {
  const read = readPieces(options, names, pieces)
  if ("message" in read) throw new Error(`line ${read.line}: ${read.message}`)
  return read
}
