import * as node from "node:assert"
import { assert, expect, it } from "@effect/vitest"
import { Arbitrary, BigDecimal, Equal, Schema } from "effect"
import { formatDecimal, parseDecimal, printable } from "../../src/domain/Decimal.ts"

/** The same by patterns and by Effect's own reading. */
const slowly = (text: string): BigDecimal.BigDecimal | undefined =>
  /^-?\d+(\.\d+)?$/u.test(text) ? printable(BigDecimal.fromStringUnsafe(text)) : undefined

const isAsSlowly = (text: string) => {
  const own = slowly(text)
  const read = parseDecimal(text)
  assert.deepStrictEqual(
    read === undefined ? undefined : [read.value, read.scale, JSON.stringify(read), Reflect.ownKeys(read)],
    own === undefined ? undefined : [own.value, own.scale, JSON.stringify(own), Reflect.ownKeys(own)],
    text
  )
  if (read !== undefined)
    assert.strictEqual(JSON.stringify(read), `"${formatDecimal(BigDecimal.fromStringUnsafe(text))}"`)
}

it("a decimal's text is read as by its pattern, up to every number of digits and with every number of zeros", () => {
  for (const digits of ["0", "7", "1234567", "99999999999999", "123456789012345", "9007199254740993", "9".repeat(40)]) {
    for (const zeros of ["", "0", "00000"]) {
      for (const sign of ["", "-"]) {
        for (const fraction of [
          "",
          ".0",
          ".5",
          ".50",
          ".51",
          ".000",
          ".00012",
          `.${"3".repeat(20)}`,
          `.${"0".repeat(20)}`
        ]) {
          isAsSlowly(`${sign}${zeros}${digits}${zeros}${fraction}`)
        }
      }
    }
  }
})

it("a text that is no decimal is none", () => {
  for (const text of [
    "",
    "-",
    ".",
    "-.",
    ".5",
    "-.5",
    "5.",
    "1.2.3",
    "1..2",
    "+1",
    "--1",
    "1-",
    " 1",
    "1 ",
    "1\n",
    "1e3"
  ]) {
    assert.isUndefined(parseDecimal(text), text)
    isAsSlowly(text)
  }
  for (const text of ["NaN", "Infinity", "0x1", "1_0", "1,0", "١", "1/2", "1:2"]) isAsSlowly(text)
})

it.prop(
  "any text of a decimal's characters is read as by its pattern",
  { parts: Arbitrary.schema(Schema.Array(Schema.Literals(["-", ".", "0", "1", "9", "00", "25", "a"]))) },
  ({ parts }) => isAsSlowly(parts.join(""))
)

it("decimals that were read are structurally equal to Effect's in its shortest form, before and after they are compared", () => {
  const pairs: ReadonlyArray<readonly [BigDecimal.BigDecimal | undefined, BigDecimal.BigDecimal]> = [
    [parseDecimal("12.50"), BigDecimal.normalize(BigDecimal.fromStringUnsafe("12.5"))],
    [parseDecimal("1200"), BigDecimal.normalize(BigDecimal.make(1200n, 0))],
    [parseDecimal("12345678901234567.80"), BigDecimal.normalize(BigDecimal.fromStringUnsafe("12345678901234567.8"))],
    [parseDecimal("-0.00"), BigDecimal.normalize(BigDecimal.make(0n, 0))],
    [printable(BigDecimal.fromStringUnsafe("0.0")), BigDecimal.normalize(BigDecimal.fromStringUnsafe("0"))]
  ]
  for (const [read, other] of pairs) {
    node.deepStrictEqual(read, other)
    assert.isTrue(Equal.equals(read, other))
    node.deepStrictEqual(read, other)
    expect(read).toStrictEqual(other)
  }
})
