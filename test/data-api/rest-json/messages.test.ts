import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import type { ArrayValue, ExecuteStatementResponse, Field, SqlParameter } from "../../../src/data-api/DataApi.ts"
import { Operation } from "../../../src/data-api/Operation.ts"
import { fieldText, isPlain, parseExact } from "../../../src/data-api/rest-json/ExactJson.ts"
import { paths } from "../../../src/data-api/rest-json/Operations.ts"
import { decodeCall } from "../../../src/data-api/rest-json/RequestReader.ts"
import { requestWriter } from "../../../src/data-api/rest-json/RequestWriter.ts"
import { decodeAnswer } from "../../../src/data-api/rest-json/ResponseReader.ts"
import { encodeResponse } from "../../../src/data-api/rest-json/ResponseWriter.ts"

const cluster = {
  resourceArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
  secretArn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf",
  database: "alex"
}

/** Values at the edges of JavaScript's JSON. */
const integers = [0, -1, 2 ** 53 - 1, -(2 ** 53 - 1), 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]
const doubles = [0.1, -1.5e300, 5e-324, 1e21, 1e19, 2 ** 63, Number.NaN, Infinity, -Infinity]
const texts = ["", 'a "longValue": 9007199254740993, \\', "\u2028 😀 \ud800", "[9007199254740993]", "NaN"]
const arrays: ReadonlyArray<ArrayValue> = [
  { stringValues: [...texts, null] },
  { longValues: [...integers, null] },
  { doubleValues: [...doubles, null] },
  { booleanValues: [true, false, null] },
  { arrayValues: [{ longValues: [2n ** 62n] }, null, { doubleValues: [Number.NaN] }] },
  { stringValues: [] }
]
const fields: ReadonlyArray<Field> = [
  ...integers.map((longValue) => ({ longValue })),
  ...doubles.map((doubleValue) => ({ doubleValue })),
  ...texts.map((stringValue) => ({ stringValue })),
  ...arrays.map((arrayValue) => ({ arrayValue })),
  { isNull: true },
  { booleanValue: true },
  { booleanValue: false },
  { blobValue: new Uint8Array([0, 255, 7]) },
  { blobValue: new Uint8Array() }
]

const bytesAsList = (_key: string, value: unknown) =>
  value instanceof Uint8Array
    ? { bytes: [...value] }
    : typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))
      ? `${typeof value} ${value}`
      : value
const shown = (value: unknown): unknown => JSON.parse(JSON.stringify(value, bytesAsList))

const answered = (body: string) =>
  decodeAnswer("ExecuteStatement", { status: 200, headers: {}, body, size: body.length })

it("each operation has a path of its own", () => {
  assert.deepStrictEqual(Object.keys(paths), [...Operation.literals])
  assert.strictEqual(new Set(Object.values(paths)).size, 5)
})

it("a client reads every field that a server writes", () => {
  for (const field of fields) {
    const response: ExecuteStatementResponse = { records: [[field], [{ isNull: true }]], numberOfRecordsUpdated: 0 }
    assert.deepStrictEqual(shown(Result.getOrThrow(answered(encodeResponse(response)))), shown(response))
  }
})

it("a server reads every parameter that a client writes", () => {
  for (const typeHint of [undefined, "UUID"] as const) {
    for (const value of fields) {
      const parameter: SqlParameter = { name: 'a"b', value, ...(typeHint === undefined ? {} : { typeHint }) }
      const statement = requestWriter(cluster)({ sql: "select", parameters: [parameter] })
      const call = Result.getOrThrow(decodeCall("ExecuteStatement", statement))
      assert.deepStrictEqual(shown("parameters" in call.request ? call.request.parameters : []), shown([parameter]))
      const batch = requestWriter(cluster)({ sql: "select", parameterSets: [[], [parameter]] })
      const batched = Result.getOrThrow(decodeCall("BatchExecuteStatement", batch))
      const sets = "parameterSets" in batched.request ? batched.request.parameterSets : []
      assert.deepStrictEqual(shown(sets), shown([[], [parameter]]))
    }
  }
})

it("a server reads values that JSON does not hold beside others", () => {
  const parameters = fields.map((value, index) => ({ name: `p${index}`, value }))
  const statement = requestWriter(cluster)({ sql: "select", parameters })
  const call = Result.getOrThrow(decodeCall("ExecuteStatement", statement))
  assert.deepStrictEqual(shown("parameters" in call.request ? call.request.parameters : []), shown(parameters))
})

it("white space between the tokens changes nothing, integers beyond 2^53 included", () => {
  const spaces = ["", " ", "\n\t  "]
  for (const space of spaces) {
    const field = `{"longValue"${space}:${space}9007199254740993${space}}`
    const array = `{"arrayValue":{"longValues":[${space}1${space},${space}-9223372036854775808${space}]}}`
    const body = `{"records":${space}[[${field},${space}${array}]]${space}}`
    assert.deepStrictEqual(Result.getOrThrow(answered(body)).records, [
      [{ longValue: 9007199254740993n }, { arrayValue: { longValues: [1, -9223372036854775808n] } }]
    ])
    const { database: _, ...arns } = cluster
    const request = JSON.stringify({ ...arns, sql: "select", parameters: [] })
    const call = decodeCall("ExecuteStatement", request.replace("[]", `[{"name":"a","value":${field}}]`))
    const parameters = Result.map(call, ({ request }) => ("parameters" in request ? request.parameters : undefined))
    assert.deepStrictEqual(Result.getOrThrow(parameters), [{ name: "a", value: { longValue: 9007199254740993n } }])
  }
})

it("only integers beyond 2^53 are bigints, and only those of 64 bits", () => {
  const read = {
    "9007199254740991": 9007199254740991,
    "9007199254740993": 9007199254740993n,
    "-9223372036854775808": -9223372036854775808n,
    "0.30000000000000004": 0.30000000000000004,
    "-1.2345678901234568e-300": -1.2345678901234568e-300,
    "1000000000000000000000": 1e21,
    '"9007199254740993"': "9007199254740993"
  }
  for (const [text, value] of Object.entries(read)) assert.deepStrictEqual(parseExact(`[${text}]`), [value], text)
  for (const [text, value] of Object.entries(read)) assert.deepStrictEqual(parseExact(text), value, text)
})

it("a field that JSON.stringify writes well is written so, and no other", () => {
  for (const field of fields) {
    if (isPlain(field)) assert.strictEqual(JSON.stringify(field), fieldText(field))
    else assert.deepInclude(["longValue", "doubleValue", "blobValue", "arrayValue"], Object.keys(field)[0])
  }
})

it("the cluster's database is that of requests that name none, and a commit names none", () => {
  const databaseIn = (body: string): unknown => {
    // A member that is there twice is read as either of them.
    assert.isAtMost(body.split('"database"').length, 2, body)
    return JSON.parse(body).database
  }
  assert.strictEqual(databaseIn(requestWriter(cluster)({})), "alex")
  assert.strictEqual(databaseIn(requestWriter(cluster)({ database: "other" })), "other")
  assert.strictEqual(databaseIn(requestWriter(cluster)({ sql: "", parameters: [] })), "alex")
  assert.strictEqual(databaseIn(requestWriter(cluster)({ sql: "", database: "other" })), "other")
  const within = { sql: "", transactionId: "t" }
  assert.strictEqual(databaseIn(requestWriter(cluster)(within)), "alex")
  assert.isUndefined(databaseIn(requestWriter(cluster)({ transactionId: "t" })))
})

it("a violation names the member by its place, counted from 1", () => {
  const { database: _, ...arns } = cluster
  const said = (operation: Operation, members: object) => {
    const call = decodeCall(operation, JSON.stringify({ ...arns, sql: "select", ...members }))
    return Result.isFailure(call) ? call.failure.message : "accepted"
  }
  const good = { name: "a", value: { isNull: true } }
  const twice = { name: "b", value: { isNull: true, stringValue: "x" } }
  assert.include(said("ExecuteStatement", { parameters: [good, twice] }), "'parameters.2.member.value'")
  assert.include(
    said("BatchExecuteStatement", { parameterSets: [[good], [good, twice]] }),
    "'parameterSets.2.member.2.member.value'"
  )
  assert.include(
    said("ExecuteStatement", { parameters: [{ value: good.value }] }),
    "Value null at 'parameters.1.member.name'"
  )
  assert.include(said("ExecuteStatement", { database: "d".repeat(65) }), "'database'")
  assert.strictEqual(said("ExecuteStatement", { database: "😀".repeat(64) }), "accepted")
  assert.include(said("ExecuteStatement", { sql: "😀".repeat(65_537) }), "'sql'")
  assert.strictEqual(said("ExecuteStatement", { sql: "😀".repeat(65_536) }), "accepted")
  const many = said("ExecuteStatement", { parameters: Array.from({ length: 100 }, () => twice) })
  assert.include(many, "100 validation errors detected")
  assert.strictEqual(many.split("'parameters.").length - 1, 10)
})
