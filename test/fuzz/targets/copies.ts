/** Data of COPY: rows that are written are read, however they are cut into pieces. */
import type { CopyOptions } from "../../../src/gateway/copy/CopyStatement.ts"
import { rowWriter } from "../../../src/gateway/copy/CopyText.ts"
import { csv, readPieces, recordsOf, text } from "../../gateway/copy/copyOptions.ts"
import { firstOf, type Target } from "./Target.ts"

const names = ["a", "b"]

const rowsOf = (input: string) => {
  const values = input.split("|").map((value) => (value === "" ? null : value))
  return Array.from({ length: values.length >> 1 }, (_, index) => values.slice(index * 2, index * 2 + 2))
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const check = (options: CopyOptions, input: string): string | undefined =>
  firstOf(
    () => {
      const rows = rowsOf(input)
      const written = rows.map(rowWriter(options, names)).join("")
      const read = recordsOf(options, names, [written]).map(({ values }) => values)
      return isSame(read, rows)
        ? undefined
        : `${options.format}: rows come back as others from ${JSON.stringify(written)}`
    },
    () =>
      isSame(readPieces(options, names, [input]), readPieces(options, names, [...input]))
        ? undefined
        : `${options.format}: pieces are read as another text`
  )

export const copies: Target = {
  name: "copies",
  round: 5000,
  files: /src\/gateway\/copy\/Copy(?:Text|Lines)/,
  seeds: ["a|b|c d|", "a\tb\n\\N\t\\x41\\101\\t\n\\.\n", 'a,"b ""c"\r\n,""\n', "\\\\|\r|\n|\\."],
  words: ["\t", "\n", "\r", "\r\n", "\\", "\\N", "\\.", "\\.\n", '"', '""', ",", "|", "||", "\\x4", "\\12"],
  run: (input) =>
    firstOf(
      () => check(text, input.toString("utf8")),
      () => check(csv, input.toString("utf8"))
    )
}
