/** The texts of arrays: as PostgreSQL writes them, another program reads them, and their binary form holds them. */

import { Result } from "effect"
import { parse } from "postgres-array"
import { decodeRows } from "../../../src/data-api/values/PgDecode.ts"
import { readArray, writeArray } from "../../../src/gateway/values/ArrayText.ts"
import { toBinary } from "../../../src/gateway/values/BinaryForms.ts"
import { fromBinary } from "../../../src/gateway/values/ComposedForms.ts"
import { columnOf } from "../../data-api/columnOf.ts"
import { answerTo, isAskable } from "./postgres.ts"
import { firstOf, type Target } from "./Target.ts"

const TEXTS = 1009

const column = columnOf("_text")

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const flat = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value.flatMap(flat) : [value])

/** Elements that the input is made of, one or two levels deep. */
const shapeOf = (text: string) => {
  const elements = text.split("|").map((value) => (value === "" ? null : value))
  const isDeep = elements.length % 2 === 0 && text.startsWith("|")
  const size = isDeep ? elements.length / 2 : elements.length
  return {
    dimensions: [...(isDeep ? [{ size: 2, lower: 1 }] : []), { size, lower: isDeep ? 1 : text.length % 3 }],
    elements
  }
}

const writtenIsRead = (text: string): string | undefined => {
  const shape = shapeOf(text)
  const written = writeArray(shape)
  return firstOf(
    () => (isSame(readArray(written), shape) ? undefined : `${written} is read as another`),
    () => (isSame(flat(parse(written)), shape.elements) ? undefined : `postgres-array reads another of ${written}`),
    () => {
      const binary = toBinary(TEXTS, written)
      return binary !== undefined && fromBinary(TEXTS, binary) === written ? undefined : `${written} has no binary form`
    },
    () => {
      if (shape.dimensions.length > 1 || written.startsWith("[")) return undefined
      const rows = decodeRows([column], [[{ stringValue: written }]])
      return Result.isSuccess(rows) && isSame(rows.success[0]?.["a"], shape.elements)
        ? undefined
        : `the driver reads another of ${written}`
    }
  )
}

/** A text that PostgreSQL takes for an array is read as PostgreSQL reads it, from how it writes it. */
const judge = async (text: string): Promise<string | undefined> => {
  if (!isAskable(text)) return undefined
  const sql = "select a::text, to_json(a)::text from (select $1::text::text[] as a) s"
  for (const one of [text, writeArray(shapeOf(text))]) {
    const [written, json] = (await answerTo(sql, [one])) ?? []
    if (typeof written !== "string" || typeof json !== "string") {
      if (one !== text) return `PostgreSQL refuses ${one}`
      continue
    }
    const { elements } = readArray(written)
    if (!isSame(elements, flat(JSON.parse(json)))) return `${written} is read as ${JSON.stringify(elements)}`
  }
  return undefined
}

export const arrays: Target = {
  name: "arrays",
  round: 5000,
  files: /src\/gateway\/values\/(?:ArrayText|ComposedForms|BinaryForms)|values\/PgDecode/,
  seeds: ['a|b c|NULL||"|\\', "|a|b|c", '{1,NULL,"a b",{}}', '[0:1]={a,"b\\"c"}', "{{a,b},{c,d}}"],
  words: [
    "{",
    "}",
    "{}",
    ",",
    '"',
    "\\",
    "|",
    "||",
    "NULL",
    "null",
    "[0:1]=",
    "[1:2][0:0]=",
    " ",
    "\t",
    "\n",
    "\v",
    "é"
  ],
  run: (input) => writtenIsRead(input.toString("utf8").replaceAll("\0", "")),
  judge: (input) => judge(input.toString("utf8"))
}
