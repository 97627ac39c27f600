/** What PostgreSQL sends for a value (`encode(point_send('(1.5,-2)'), 'hex')`), and a text that it reads as that value. */
import { assert, describe, it } from "@effect/vitest"
import { readers } from "../../../src/gateway/values/RareForms.ts"
import { readText } from "../../../src/gateway/values/Utf8.ts"

const values: ReadonlyArray<readonly [type: string, oid: number, hex: string, text: string]> = [
  ["tid", 27, "0000002a0007", "(42,7)"],
  ["xid", 28, "ffffffff", "4294967295"],
  ["point", 600, "3ff8000000000000c000000000000000", "(1.5,-2)"],
  ["point", 600, "80000000000000007ff0000000000000", "(-0,Infinity)"],
  ["lseg", 601, "3ff0000000000000400000000000000040080000000000004010000000000000", "[(1,2),(3,4)]"],
  ["path", 602, "00000000023ff0000000000000400000000000000040080000000000004010000000000000", "[(1,2),(3,4)]"],
  ["path", 602, "01000000023ff0000000000000400000000000000040080000000000004010000000000000", "((1,2),(3,4))"],
  ["box", 603, "400800000000000040100000000000003ff00000000000004000000000000000", "(3,4),(1,2)"],
  [
    "polygon",
    604,
    "000000033ff000000000000040000000000000004008000000000000401000000000000040140000000000004018000000000000",
    "((1,2),(3,4),(5,6))"
  ],
  ["line", 628, "3ff0000000000000c000000000000000400c000000000000", "{1,-2,3.5}"],
  ["cidr", 650, "021001040a010000", "10.1.0.0/16"],
  ["cidr", 650, "0320011020010db8000000000000000000000000", "2001:db8:0:0:0:0:0:0/32"],
  ["inet", 869, "021800040a000001", "10.0.0.1/24"],
  ["circle", 718, "3ff000000000000040000000000000004008000000000000", "<(1,2),3>"],
  ["macaddr8", 774, "08002b0102030405", "08:00:2b:01:02:03:04:05"],
  ["macaddr", 829, "08002b010203", "08:00:2b:01:02:03"],
  ["money", 790, "fffffffffffffffb", "-0.05"],
  ["money", 790, "0000000000000000", "0.00"],
  ["money", 790, "fffffffffffe1dc0", "-1234.56"],
  ["interval", 1186, "000000036c97ca88fffffffd0000000e", "+14 mons -3 days +04:05:06.789"],
  ["interval", 1186, "fffffffffff85ee00000000000000000", "+0 mons +0 days -00:00:00.5"],
  ["interval", 1186, "00000000000000000000000000000000", "+0 mons +0 days +00:00:00"],
  ["timetz", 1266, "000000036c97ca8800003138", "04:05:06.789-03:30:00"],
  ["timetz", 1266, "000000036c8bc080ffffb299", "04:05:06+05:30:15"],
  ["bit", 1560, "00000005a8", "10101"],
  ["varbit", 1562, "00000009aa80", "101010101"],
  ["pg_lsn", 3220, "00000016b374d848", "16/b374d848"],
  ["jsonpath", 4072, "01242e2261225b2a5d", '$."a"[*]'],
  ["xid8", 5069, "ffffffffffffffff", "18446744073709551615"],
  ["regclass", 2205, "000004eb", "1259"]
]

const read = (oid: number, hex: string) => readers.get(oid)?.(Buffer.from(hex, "hex"), readText)

describe("the binary form of a rare type", () => {
  for (const [type, oid, hex, text] of values) {
    it(`is read as text: ${type} ${text}`, () => {
      assert.strictEqual(read(oid, hex), text)
    })
  }

  it("is refused where octets are missing or too many, where their number is that of the type", () => {
    const fixed = values.filter(([type]) => !/^(?:cidr|inet|jsonpath)$/.test(type))
    for (const [type, oid, hex] of fixed) {
      assert.isUndefined(read(oid, hex.slice(2)), `${type} without its first octet`)
      assert.isUndefined(read(oid, `${hex}00`), `${type} with an octet more`)
    }
  })
})
