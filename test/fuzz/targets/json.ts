/** The JSON of the protocol, as a server reads a call and as a client reads an answer. */
import { isDeepStrictEqual } from "node:util"
import { Result } from "effect"
import type { Operation } from "../../../src/data-api/Operation.ts"
import { ColumnMemory } from "../../../src/data-api/rest-json/ColumnMemory.ts"
import { parseExact } from "../../../src/data-api/rest-json/ExactJson.ts"
import { decodeCall } from "../../../src/data-api/rest-json/RequestReader.ts"
import { requestWriter } from "../../../src/data-api/rest-json/RequestWriter.ts"
import { decodeAnswer } from "../../../src/data-api/rest-json/ResponseReader.ts"
import { encodeResponse } from "../../../src/data-api/rest-json/ResponseWriter.ts"
import { rowsOf } from "../../../src/data-api/sql/DataApiConnection.ts"
import { jsonWords, type Target } from "./Target.ts"

const operations: ReadonlyArray<Operation> = [
  "ExecuteStatement",
  "BatchExecuteStatement",
  "BeginTransaction",
  "CommitTransaction",
  "RollbackTransaction"
]

/** What a text is as JSON, or that it is none. */
const readBy = (parse: (text: string) => unknown, text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: parse(text) }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

/** JSON with every integer exact, told by the digits that it is written with. */
const parseByDigits = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source ?? ""
    if (typeof value !== "number" || !/^-?\d{16,20}$/.test(source)) return value
    const digits = BigInt(source)
    return digits > Number.MAX_SAFE_INTEGER || digits < Number.MIN_SAFE_INTEGER ? digits : value
  })

const callComesBack = (operation: Operation, text: string): string | undefined => {
  const read = decodeCall(operation, text)
  if (Result.isFailure(read)) return undefined
  const { request, target } = read.success
  const written = requestWriter({ ...target, database: undefined })(request)
  const again = decodeCall(operation, written)
  return isDeepStrictEqual(again, read) ? undefined : `a call of ${operation} does not come back from ${written}`
}

const answerComesBack = (operation: Operation, body: string): string | undefined => {
  const answerOf = (text: string) => ({ status: 200, headers: {}, body: text, size: text.length })
  const read = decodeAnswer(operation, answerOf(body))
  for (const status of [400, 500]) decodeAnswer(operation, { ...answerOf(body), status })
  if (Result.isFailure(read)) return undefined
  const written = encodeResponse(read.success)
  const again = decodeAnswer(operation, answerOf(written))
  return isDeepStrictEqual(again, read) ? undefined : `an answer to ${operation} does not come back from ${written}`
}

/** An answer is read from its octets as it is read from its text. */
const octetsDiffer = (octets: Buffer): string | undefined => {
  const [text, size] = [octets.toString("utf8"), octets.length]
  const memory = new ColumnMemory()
  const general = decodeAnswer("ExecuteStatement", { status: 200, headers: {}, body: text, size })
  for (const time of ["first", "second"]) {
    const asked = { sql: "select", memory }
    const direct = decodeAnswer("ExecuteStatement", { status: 200, headers: {}, body: octets, size }, asked)
    if (!isDeepStrictEqual(direct, general))
      return `an answer is another when read from its octets for the ${time} time`
    if (Result.isFailure(direct) || Result.isFailure(general)) continue
    if (!isDeepStrictEqual(rowsOf(direct.success), rowsOf(general.success))) return "rows read from octets are others"
  }
  return undefined
}

const arn = "arn:aws:rds:us-east-1:123456789012:cluster:a"

export const json: Target = {
  name: "json",
  round: 2000,
  files: /src\/data-api\/rest-json\//,
  seeds: [
    `{"resourceArn":"${arn}","secretArn":"${arn}","sql":"select :a","parameters":[{"name":"a","value":{"longValue":9007199254740993},"typeHint":"UUID"}]}`,
    `{"resourceArn":"${arn}","secretArn":"${arn}","sql":"x","parameterSets":[[{"name":"a","value":{"arrayValue":{"doubleValues":[1.5,null]}}}]],"transactionId":"t"}`,
    '{"records":[[{"stringValue":"a"},{"isNull":true},{"blobValue":"AA=="},{"arrayValue":{"arrayValues":[{"longValues":[1]}]}}]],"columnMetadata":[{"name":"a","typeName":"int4"}],"numberOfRecordsUpdated":0}',
    '{"columnMetadata":[{"name":"a","label":"a","typeName":"text"},{"name":"b","label":"b","typeName":"int8"}],"numberOfRecordsUpdated":0,"records":[[{"stringValue":"\\u00e9\\n"},{"longValue":-12}],[{"isNull":true},{"booleanValue":false}],[{"doubleValue":1.5},{"arrayValue":{"longValues":[1]}}]]}',
    '{"updateResults":[{"generatedFields":[{"longValue":1}]}]}',
    '{"transactionId":"a","transactionStatus":"Transaction Committed"}',
    '{"message":"ERROR: x; SQLState: 42P01","__type":"DatabaseErrorException"}'
  ],
  words: [
    ...jsonWords,
    "true",
    "-0",
    "1e999",
    "9007199254740993",
    "-9223372036854775808",
    '"NaN"',
    "\\u0000",
    "\\ud800",
    '"__proto__"'
  ],
  run: (input) => {
    const text = input.toString("utf8")
    const [exact, byDigits] = [readBy(parseExact, text), readBy(parseByDigits, text)]
    if (!isDeepStrictEqual(exact, byDigits)) return "parseExact reads another value than JSON.parse by digits"
    for (const operation of operations) {
      const complaint = callComesBack(operation, text) ?? answerComesBack(operation, text)
      if (complaint !== undefined) return complaint
    }
    return octetsDiffer(input)
  }
}
