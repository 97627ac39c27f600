/** Backups: what was written is read, and nothing that differs from it in an octet is. */
import { rowLine, Seal, Tally } from "../../../src/operations/backup/BackupFormat.ts"
import * as BackupReader from "../../../src/operations/backup/BackupReader.ts"
import { textOf, valuesOf } from "../../../src/operations/backup/RecordText.ts"
import { backupHeader } from "../../operations/backup/backupHeader.ts"
import { answerTo, isAskable } from "./postgres.ts"
import { jsonWords, settled, type Target } from "./Target.ts"

type Values = ReadonlyArray<string | null>

const pieces = async function* (input: Uint8Array): AsyncGenerator<Uint8Array> {
  const half = input.length >> 1
  yield input.subarray(0, half)
  yield input.subarray(half)
}

const read = (octets: Uint8Array) => settled(BackupReader.check("file", pieces(octets)))

/** A backup of one table with these rows. */
const backupOf = (rows: ReadonlyArray<Values>): Buffer => {
  const seal = new Seal()
  const tally = new Tally(["one"])
  const columns = Array.from({ length: 2 }, (_, index) => ({ name: `c${index}`, type: "text" }))
  const header = backupHeader([{ name: "one", columns, notValidated: [] }])
  const lines = [seal.write(header)]
  for (const values of rows) {
    const row = { table: 0, values }
    tally.add(row)
    lines.push(seal.write(rowLine(row)))
  }
  lines.push(seal.write({ end: true, tables: tally.sums() }))
  return Buffer.from(`${lines.join("\n")}\n`)
}

const valuesIn = (text: string): Values => text.split(",").map((value) => (value === "" ? null : value))

/** Written and read; and with an octet changed, or cut off, refused. */
const wholeOrRefused = async (input: Buffer): Promise<string | undefined> => {
  const values = valuesIn(input.toString("utf8"))
  const rows = Array.from({ length: values.length >> 1 }, (_, index) => values.slice(index * 2, index * 2 + 2))
  const whole = backupOf(rows)
  const good = await read(whole)
  if (good.value?.contents[0]?.rows !== rows.length) return good.complaint ?? "what was written is not read"
  const place = input.reduce((sum, octet) => (sum * 31 + octet) % 0x7fffffff, 7) % whole.length
  const changed = Buffer.from(whole)
  changed[place] = (changed[place] ?? 0) ^ (1 + ((input[0] ?? 0) % 255))
  const bad = await read(changed)
  if (bad.value !== undefined) return `it was read with its octet ${place} changed`
  const cut = await read(whole.subarray(0, place))
  return bad.complaint ?? cut.complaint ?? (cut.value === undefined ? undefined : `it was read up to octet ${place}`)
}

export const backup: Target = {
  name: "backup",
  round: 500,
  files: /src\/operations\/backup\/(?:BackupReader|BackupFormat|RecordText)/,
  seeds: [
    `{"format":"alex-db backup","version":1,"id":"b1","tool":"test","at":"2026-01-01T00:00:00.000Z","server":"18","backend":"embedded","consistency":"one","scope":"schema","schema":"s","tables":[{"name":"one","columns":[{"name":"a","type":"text"}],"notValidated":[]}],"sequences":[],"migrations":[],"leftOut":[],"anonymized":null}\n{"table":0,"row":["a"],"crc":"00000000"}\n{"end":true,"tables":[{"name":"one","rows":1,"sum":"00"}]}\n`,
    '(a,"b ""c""",,"",\\\\)'
  ],
  words: [...jsonWords, "\n", '"table":', '"row":', '"crc":"', '"end":true', '"tables":', "(", ")", '""', "\\"],
  run: async (input) => {
    const values = valuesIn(input.toString("utf8"))
    if (valuesOf(textOf(values), values.length).join("\0") !== values.join("\0")) return "a row does not come back"
    return (await read(input)).complaint ?? wholeOrRefused(input)
  },
  judge: async (input) => {
    const text = input.toString("utf8")
    if (!isAskable(text)) return undefined
    const three = [...valuesIn(text), null, null, null].slice(0, 3)
    const [row] = (await answerTo("select row($1::text, $2::text, $3::text)::text", three)) ?? []
    if (typeof row !== "string") return "PostgreSQL has no row of it"
    return JSON.stringify(valuesOf(row, 3)) === JSON.stringify(three) ? undefined : `the row ${row} is read as another`
  }
}
