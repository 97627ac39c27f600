/**
 * The format of a backup, which `docs/backup.md` describes: JSON lines with a header, a line for each row, and a
 * trailer with counts and hashes. Pure.
 */
import { constants } from "node:buffer"
import { hash } from "node:crypto"
import { crc32 } from "node:zlib"
import { Option, Schema } from "effect"
import type { Values } from "./RecordText.ts"

/** The format's name in the first line. */
export const formatName = "alex-db backup"

/** The version of the format; a reader refuses versions that it does not know. */
export const formatVersion = 1

/** The most octets of a line: a reader makes one string of it, and a string in JavaScript holds no more. */
export const longestLine = constants.MAX_STRING_LENGTH

/** A column, with its type as PostgreSQL prints it: `numeric(12,2)`, `"app"."mood"[]`. */
export const Column = Schema.Struct({ name: Schema.String, type: Schema.String })
export type Column = typeof Column.Type

/** A table, with its columns in the order of the rows' values. Generated columns are not among them. */
export const Table = Schema.Struct({
  name: Schema.String,
  columns: Schema.Array(Column),
  /** Constraints that were not validated: rows older than such a constraint may break it. */
  notValidated: Schema.Array(Schema.String)
})
export type Table = typeof Table.Type

/** The position of a sequence, also of an identity column's. The value is text, since it may exceed 2^53. */
export const Sequence = Schema.Struct({ name: Schema.String, value: Schema.String, called: Schema.Boolean })
export type Sequence = typeof Sequence.Type

/** The columns that were replaced by pseudonyms; `key` is a hash that tells keys apart. */
export const Anonymized = Schema.Struct({ columns: Schema.Array(Schema.String), key: Schema.String })
export type Anonymized = typeof Anonymized.Type

/** The first line. */
export const Header = Schema.Struct({
  format: Schema.Literal(formatName),
  version: Schema.Literal(formatVersion),
  /** Identifies this backup, so that a restore is resumed only with the same backup. */
  id: Schema.String,
  /** The program that wrote it, with its version. */
  tool: Schema.String,
  /** When the backup began: ISO 8601, in UTC. */
  at: Schema.String,
  /** The version of PostgreSQL. */
  server: Schema.String,
  backend: Schema.String,
  consistency: Schema.String,
  /** `alex`: the tables of Alex, whichever schema they are in. `schema`: all tables of the schema. */
  scope: Schema.Literals(["alex", "schema"]),
  schema: Schema.String,
  /** Parents before those that refer to them. */
  tables: Schema.Array(Table),
  sequences: Schema.Array(Sequence),
  /** The migrations that were applied, by name. */
  migrations: Schema.Array(Schema.String),
  /** Objects of the schema that are not in the backup, each with the reason. */
  leftOut: Schema.Array(Schema.String),
  anonymized: Schema.NullOr(Anonymized)
})
export type Header = typeof Header.Type

/** The rows of a table: their number, and in `sum` the sum of their SHA-256 hashes modulo 2^256, in hex. */
export const TableSum = Schema.Struct({ name: Schema.String, rows: Schema.Int, sum: Schema.String })
export type TableSum = typeof TableSum.Type

/** The last line. */
export const Trailer = Schema.Struct({ end: Schema.Literal(true), tables: Schema.Array(TableSum) })
export type Trailer = typeof Trailer.Type

/** A row: `table` is the index of its table in the header, from 0. */
export interface Row {
  readonly table: number
  readonly values: Values
}

const RowLine = Schema.Struct({ table: Schema.Int, row: Schema.Array(Schema.NullOr(Schema.String)) })

const Line = Schema.Union([RowLine, Trailer])

/** The end of every line: `,"crc":"9f3c2a11"}`. */
const sealLength = 18

/** Seals lines: each ends in a CRC-32 that continues that of the line before, and so covers all lines so far. */
export class Seal {
  #crc = 0

  /** The line of an object, without the line's end. */
  write(document: object): string {
    const body = JSON.stringify(document).slice(0, -1)
    return `${body},"crc":"${this.#next(body)}"}`
  }

  /** The object's text of a line; `None` if the line is not the one that was written at this place. */
  read(line: string): Option.Option<string> {
    const body = line.slice(0, -sealLength)
    return line === `${body},"crc":"${this.#next(body)}"}` ? Option.some(`${body}}`) : Option.none()
  }

  #next(body: string): string {
    this.#crc = crc32(body, this.#crc)
    return this.#crc.toString(16).padStart(8, "0")
  }
}

const modulus = 2n ** 256n

/** Counts the rows of tables and sums their hashes; the sum does not depend on the order of the rows. */
export class Tally {
  readonly #tables: ReadonlyArray<{ readonly name: string; rows: number; sum: bigint }>

  constructor(names: ReadonlyArray<string>) {
    this.#tables = names.map((name) => ({ name, rows: 0, sum: 0n }))
  }

  add({ table, values }: Row): void {
    const tally = this.#tables[table]
    if (tally === undefined) return
    tally.rows++
    tally.sum = (tally.sum + BigInt(`0x${hash("sha256", JSON.stringify(values))}`)) % modulus
  }

  /** The rows of one table so far, or of all. */
  rows(table?: number): number {
    if (table !== undefined) return this.#tables[table]?.rows ?? 0
    return this.#tables.reduce((sum, { rows }) => sum + rows, 0)
  }

  sums(): ReadonlyArray<TableSum> {
    return this.#tables.map(({ name, rows, sum }) => ({ name, rows, sum: sum.toString(16).padStart(64, "0") }))
  }
}

/** The octets of a character, by its code unit, in a string of JSON. Each half of a pair has two of the pair's four. */
const octetsOf = (unit: number): number => {
  if (unit === 0x22 || unit === 0x5c || (unit >= 0x08 && unit <= 0x0d && unit !== 0x0b)) return 2
  if (unit < 0x20) return 6
  if (unit < 0x80) return 1
  return unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3
}

/** More than a line has besides its values. */
const around = 64

/** Whether the line of a row with these values would have more octets than a line may have. */
export const isTooLong = (values: Values, longest = longestLine): boolean => {
  let most = around
  for (const value of values) most += 6 * (value?.length ?? 0) + 5
  if (most <= longest) return false
  let octets = around
  for (const value of values) {
    octets += 5
    for (let at = 0; at < (value?.length ?? 0); at++) octets += octetsOf(value?.charCodeAt(at) ?? 0)
    if (octets > longest) return true
  }
  return false
}

/** The line of a row, to be sealed. */
export const rowLine = ({ table, values }: Row) => ({ table, row: values })

export const decodeHeader = Schema.decodeUnknownEffect(Schema.fromJsonString(Header))
export const decodeLine = Schema.decodeUnknownOption(Schema.fromJsonString(Line))
