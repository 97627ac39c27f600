/** Checks the options of COPY as PostgreSQL does, with its messages and in its order. Pure. */
import type { CopyOptions } from "./CopyStatement.ts"

/** Why a COPY can't be run: an SQLSTATE and a message. */
export interface CopyRefusal {
  readonly code: string
  readonly message: string
  /** The index of the statement's word that PostgreSQL points at; undefined if it points at none. */
  readonly word?: number
}

const UNSUPPORTED = "0A000"
const INVALID = "22023"
const SYNTAX = "42601"

const isOneByte = (text: string): boolean => Buffer.byteLength(text) === 1

/** Options of CSV alone, and their names in messages. */
const ofCsv: ReadonlyArray<readonly [option: string, name: string]> = [
  ["quote", "quote"],
  ["escape", "escape"],
  ["force_quote", "force quote"],
  ["force_not_null", "force not null"],
  ["force_null", "force null"]
]

/**
 * The first fault of the options; undefined if there is none.
 *
 * @param given the names of the options that the statement gives
 */
export const copyRefusal = (
  { delimiter, escapeWith, format, header, nullText, quote }: CopyOptions,
  given: ReadonlySet<string>,
  direction: "in" | "out"
): CopyRefusal | undefined => {
  const csv = format === "csv"
  const binary = format === "binary"
  const outOnly = given.has("force_quote") && direction === "in"
  const inOnly = ofCsv.slice(3).find(([option]) => given.has(option) && direction === "out")
  const foreign = csv ? undefined : ofCsv.find(([option]) => given.has(option))
  const refused: ReadonlyArray<readonly [applies: boolean, code: string, message: string]> = [
    [header === "match" && direction === "out", UNSUPPORTED, 'cannot use "match" with HEADER in COPY TO'],
    [binary && given.has("delimiter"), SYNTAX, "cannot specify DELIMITER in BINARY mode"],
    [binary && given.has("null"), SYNTAX, "cannot specify NULL in BINARY mode"],
    [!isOneByte(delimiter), UNSUPPORTED, "COPY delimiter must be a single one-byte character"],
    [/[\r\n]/.test(delimiter), INVALID, "COPY delimiter cannot be newline or carriage return"],
    [/[\r\n]/.test(nullText), INVALID, "COPY null representation cannot use newline or carriage return"],
    [!csv && /^[\\.a-z0-9]$/.test(delimiter), INVALID, `COPY delimiter cannot be "${delimiter}"`],
    [binary && header !== false, UNSUPPORTED, "cannot specify HEADER in BINARY mode"],
    [foreign !== undefined, UNSUPPORTED, `COPY ${foreign?.[1]} available only in CSV mode`],
    [csv && !isOneByte(quote), UNSUPPORTED, "COPY quote must be a single one-byte character"],
    [csv && delimiter === quote, INVALID, "COPY delimiter and quote must be different"],
    [csv && !isOneByte(escapeWith), UNSUPPORTED, "COPY escape must be a single one-byte character"],
    [outOnly, UNSUPPORTED, "COPY force quote only available using COPY TO"],
    [inOnly !== undefined, UNSUPPORTED, `COPY ${inOnly?.[1]} only available using COPY FROM`],
    [!binary && nullText.includes(delimiter), UNSUPPORTED, "COPY delimiter must not appear in the NULL specification"],
    [csv && nullText.includes(quote), UNSUPPORTED, "CSV quote character must not appear in the NULL specification"]
  ]
  const [, code, message] = refused.find(([applies]) => applies) ?? []
  return code === undefined || message === undefined ? undefined : { code, message }
}
