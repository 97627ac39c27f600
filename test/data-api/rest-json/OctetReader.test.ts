import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { ColumnMemory } from "../../../src/data-api/rest-json/ColumnMemory.ts"
import { decodeAnswer } from "../../../src/data-api/rest-json/ResponseReader.ts"
import { rowsOf } from "../../../src/data-api/sql/DataApiConnection.ts"
import { cellsOf } from "../../../src/data-api/values/Cells.ts"
import { decodeValues } from "../../../src/data-api/values/PgValue.ts"

const answerOf = (body: string | Buffer) => ({ status: 200, headers: {}, body, size: body.length })

const general = (octets: Buffer) => decodeAnswer("ExecuteStatement", answerOf(octets.toString("utf8")))

const direct = (octets: Buffer, memory = new ColumnMemory()) =>
  decodeAnswer("ExecuteStatement", answerOf(octets), { sql: "select", memory })

/** A generator of numbers from 0 to `n` - 1 that gives the same ones for the same seed. */
const below = (seed: number) => {
  let state = seed | 1
  return (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return Math.floor(((state >>> 8) / 2 ** 24) * n)
  }
}

type Random = ReturnType<typeof below>

const oneOf = <A>(random: Random, choices: readonly [A, ...ReadonlyArray<A>]): A =>
  choices[random(choices.length)] ?? choices[0]

const pieces = [
  "a",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '\\"',
  "\\\\",
  "\\n",
  "\\u0000",
  "\\ud800",
  "\\u00e9",
  "\\/",
  "é",
  "😀",
  "\u2028",
  '{\\"a\\": 1}',
  "stringValue",
  "2026-01-02 03:04:05.678",
  "9007199254740993"
] as const
const wrongPieces = ["\n", "\u0001", "\\x", "\\u12", '"', "\\"] as const

const textOf = (random: Random): string => {
  let text = ""
  for (let count = random(4); count > 0; count--) text += oneOf(random, pieces)
  return random(150) === 0 ? `"${text}${oneOf(random, wrongPieces)}"` : `"${text}"`
}

const numbers = [
  "0",
  "-0",
  "7",
  "-7",
  "42",
  "2147483647",
  "999999999999999",
  "-999999999999999",
  "1000000000000000",
  "9007199254740991",
  "9007199254740993",
  "-9223372036854775808",
  "1e3",
  "1.0",
  "12.5",
  "-1.5e-300",
  "1e999"
] as const
const wrongNumbers = ["01", "-", "1.", "+1", "0x1", "00", "-01", "true", '"1"', "null"] as const

const numberOf = (random: Random): string => (random(60) === 0 ? oneOf(random, wrongNumbers) : oneOf(random, numbers))

const fields: readonly [(random: Random) => string, ...ReadonlyArray<(random: Random) => string>] = [
  (random) => `"stringValue":${textOf(random)}`,
  (random) => `"stringValue":${textOf(random)}`,
  (random) => `"longValue":${numberOf(random)}`,
  (random) => `"doubleValue":${random(4) === 0 ? '"NaN"' : numberOf(random)}`,
  (random) => `"booleanValue":${oneOf(random, ["true", "false"])}`,
  () => '"isNull":true',
  () => '"isNull":false',
  () => '"blobValue":"AP8H"',
  (random) => `"arrayValue":{"stringValues":[${textOf(random)},null]}`,
  (random) => `"arrayValue":{"longValues":[${numberOf(random)}]}`,
  () => '"arrayValue":{"arrayValues":[{"doubleValues":[1.5,null]},null]}',
  (random) => `"stringValue":null,"longValue":${numberOf(random)}`,
  (random) => `"unknown":${textOf(random)},"stringValue":"x"`,
  () => ""
]

const types = ["text", "int4", "int8", "bool", "jsonb", "numeric", "timestamptz", "_text", "bytea", "float8"] as const

interface Style {
  /** Between tokens. */
  readonly space: string
  /** One in how many fields is of another kind than its column. */
  readonly odd: number
}

const bodyOf = (random: Random, { odd, space }: Style): string => {
  const list = (values: ReadonlyArray<string>) => `[${space}${values.join(`${space},${space}`)}${space}]`
  const width = 1 + random(4)
  const columns = Array.from({ length: width }, (_, index) => {
    const label = random(20) === 0 ? "__proto__" : `c${index}`
    return `{"name":"a${random(3)}","label":"${label}"${space},"typeName":"${oneOf(random, types)}"}`
  })
  const kinds = columns.map(() => oneOf(random, fields))
  const record = () =>
    list(
      Array.from({ length: odd > 0 && random(odd) === 0 ? width + 1 : width }, (_, index) => {
        const field = odd > 0 && random(odd) === 0 ? oneOf(random, fields) : (kinds[index] ?? oneOf(random, fields))
        return `{${space}${field(random)}${space}}`
      })
    )
  const members = [
    `"columnMetadata"${space}:${space}${list(columns)}`,
    `"numberOfRecordsUpdated":${random(30) === 0 ? numberOf(random) : 0}`,
    `"records":${space}${list(Array.from({ length: random(2) === 0 ? random(5) : 12 }, record))}`
  ]
  if (random(4) === 0) members.push('"generatedFields":[]')
  if (random(10) === 0)
    members.push(oneOf(random, ['"more":{"a":[1]}', '"records":null', '"columnMetadata":[]', '"\\u0061":1']))
  if (random(2) === 0) members.sort(() => random(3) - 1)
  return `{${space}${members.join(`${space},${space}`)}${space}}${space}`
}

/** Some answers are cut off, or an octet of them is another. */
const damaged = (random: Random, octets: Buffer): Buffer => {
  const what = random(12)
  if (what === 0) return octets.subarray(0, random(octets.length))
  if (what > 2) return octets
  const copy = Buffer.from(octets)
  copy[random(copy.length)] = oneOf(random, [0xff, 0xc3, 0x80, 0xe2, 0x22, 0x5c, 0x20, 0x7d, 0x2c, 0x30, 0x0a])
  return copy
}

it("an answer is read from its octets as it is read from its text, whatever is in it and however it is written", () => {
  let [directly, wrong] = [0, 0]
  for (let seed = 1; seed <= 150; seed++) {
    const random = below(seed)
    const memory = new ColumnMemory()
    for (let n = 0; n < 40; n++) {
      const style = { space: oneOf(random, ["", "", "", " ", "\r\n\t"]), odd: oneOf(random, [0, 0, 40, 5]) }
      const octets = damaged(random, Buffer.from(bodyOf(random, style)))
      const [expected, read] = [general(octets), direct(octets, memory)]
      assert.deepStrictEqual(read, expected, octets.toString("latin1"))
      if (Result.isFailure(read) || Result.isFailure(expected)) {
        wrong++
        continue
      }
      assert.deepStrictEqual(rowsOf(read.success), rowsOf(expected.success), octets.toString("latin1"))
      const cells = cellsOf(read.success)
      if (cells === undefined) continue
      directly++
      const columns = read.success.columnMetadata ?? []
      assert.deepStrictEqual(decodeValues(columns, cells), decodeValues(columns, read.success.records ?? []))
    }
  }
  // Neither reader had nothing to do.
  assert.isAbove(directly, 200)
  assert.isAbove(wrong, 500)
})

const column = (label: string, typeName: string) => ({ name: label, label, typeName })
const serviceForm = (label: string, fields: ReadonlyArray<object>): Buffer =>
  Buffer.from(
    JSON.stringify({
      columnMetadata: fields.map(() => column(label, "text")),
      numberOfRecordsUpdated: 0,
      records: Array.from({ length: 100 }, () => fields)
    })
  )

const successOf = (octets: Buffer, memory?: ColumnMemory) => Result.getOrThrow(direct(octets, memory))

it("what the service writes is read without its records, which are there for who asks for them", () => {
  const fields = [
    { stringValue: 'é "😀" \n' },
    { stringValue: "" },
    { longValue: -42 },
    { booleanValue: true },
    { isNull: true },
    { doubleValue: 1.5 },
    { arrayValue: { arrayValues: [{ stringValues: ["a", null] }] } }
  ]
  const response = successOf(serviceForm("a", fields))
  assert.isDefined(cellsOf(response))
  assert.deepStrictEqual(response.records?.slice(98), [fields, fields])
  assert.lengthOf(response.records ?? [], 100)
  assert.strictEqual(response.records, response.records)
})

it("a text is read with any character at any place, and refused where JSON refuses it", () => {
  const characters = [
    "",
    '\\"',
    "\\\\",
    "\\n",
    "\\u00e9",
    "\u007f",
    "é",
    "😀",
    " ",
    "!",
    "\u001f",
    "\u0000",
    '"',
    "\\",
    "["
  ]
  for (let length = 0; length < 12; length++) {
    for (let place = 0; place <= length; place++) {
      for (const character of characters) {
        for (const padding of ["a", "\u007e", "#"]) {
          const text = `${padding.repeat(place)}${character}${padding.repeat(length - place)}`
          const octets = Buffer.from(
            `{"columnMetadata":[${JSON.stringify(column("a", "text"))}],"records":[${`[{"stringValue":"${text}"}],`.repeat(21)}[{"isNull":true}]]}`
          )
          const [expected, read] = [general(octets), direct(octets)]
          assert.deepStrictEqual(Result.isSuccess(read), Result.isSuccess(expected), text)
          if (Result.isFailure(read) || Result.isFailure(expected)) continue
          assert.deepStrictEqual(rowsOf(read.success), rowsOf(expected.success), text)
        }
      }
    }
  }
})

it("the getter of records is the same of every response, so that none holds its values in a hidden class", () => {
  const octets = serviceForm("a", [{ stringValue: "x" }])
  const [one, other] = [successOf(octets), successOf(octets)].map((response) =>
    Object.getOwnPropertyDescriptor(response, "records")
  )
  assert.isFunction(one?.get)
  assert.strictEqual(one?.get, other?.get)
})

it("a copy of a response has its own records only", () => {
  const response = successOf(serviceForm("a", [{ stringValue: "x" }, { isNull: true }]))
  const copy = { ...response, records: [[{ stringValue: "y" }, { isNull: true }]] }
  assert.isUndefined(cellsOf(copy))
  assert.deepStrictEqual(rowsOf(copy), Result.succeed([{ a: null }]))
  assert.deepStrictEqual({ ...response }.records?.at(-1), [{ stringValue: "x" }, { isNull: true }])
})

it("columns are those of the answer, though the statement had others before, and nobody can change them", () => {
  const memory = new ColumnMemory()
  const labels = ["a", "b", "bb", "a"]
  for (const label of labels) {
    const response = successOf(serviceForm(label, [{ stringValue: "x" }]), memory)
    assert.deepStrictEqual(Result.getOrThrow(rowsOf(response)).at(-1), { [label]: "x" })
    assert.isTrue(Object.isFrozen(response.columnMetadata) && response.columnMetadata?.every(Object.isFrozen))
  }
})

it("the columns of a few statements are remembered", () => {
  const memory = new ColumnMemory(2)
  const remembered = { octets: new Uint8Array(2), columns: [] }
  for (const sql of ["a", "b", "c"]) memory.keep(sql, remembered)
  memory.keep("x".repeat(10_000), remembered)
  memory.keep("large", { octets: new Uint8Array(20_000), columns: [] })
  assert.deepStrictEqual(
    ["a", "b", "c", "large", "x".repeat(10_000)].map((sql) => memory.recall(sql) !== undefined),
    [false, true, true, false, false]
  )
})
