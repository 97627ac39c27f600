import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { Operation } from "../../../src/data-api/Operation.ts"
import { decodeAnswer } from "../../../src/data-api/rest-json/ResponseReader.ts"

const read = (operation: Operation, body: string, status = 200) =>
  Result.match(decodeAnswer(operation, { status, headers: {}, body, size: body.length }), {
    onSuccess: (response) => JSON.stringify(response),
    onFailure: ({ reason }) => reason._tag
  })

it("an answer of 200 without the members that say what was done is no success", () => {
  const none: Readonly<Record<Operation, ReadonlyArray<string>>> = {
    ExecuteStatement: [
      "{}",
      '{"records":null}',
      '{"columnMetadata":[]}',
      '{"records":{}}',
      '{"records":[{}]}',
      '{"records":[[{}]]}',
      '{"records":[[{"stringValue":1}]]}',
      '{"records":[[{"longValue":"1"}]]}',
      '{"records":[[{"longValue":1.5}]]}',
      '{"records":[[{"doubleValue":"x"}]]}',
      '{"records":[[{"arrayValue":{}}]]}',
      '{"records":[[{"arrayValue":{"longValues":[true]}}]]}',
      '{"numberOfRecordsUpdated":"1"}',
      '{"numberOfRecordsUpdated":1.5}',
      '{"formattedRecords":[]}',
      '{"records":[],"columnMetadata":[{"name":"a"}]}',
      '{"records":[],"columnMetadata":[{"typeName":"text"}]}',
      '{"records":[],"columnMetadata":{}}'
    ],
    BatchExecuteStatement: [
      "{}",
      '{"updateResults":{}}',
      '{"updateResults":[1]}',
      '{"updateResults":[{"generatedFields":1}]}'
    ],
    BeginTransaction: ["{}", '{"transactionId":""}', '{"transactionId":1}'],
    CommitTransaction: ["{}", '{"transactionStatus":""}'],
    RollbackTransaction: ["{}", '{"transactionStatus":null}']
  }
  for (const operation of Operation.literals) {
    for (const body of [...none[operation], "", "null", "[]", "1", "<html>", '{"records":', "[".repeat(200_000)]) {
      assert.strictEqual(read(operation, body), "UnexpectedResponse", `${operation} ${body.slice(0, 60)}`)
    }
  }
})

it("a column has a type and a name or a label, and members that are null are absent", () => {
  for (const column of [
    '{"typeName":"text","name":"a"}',
    '{"typeName":"text","label":"a"}',
    '{"typeName":"text","name":null,"label":"a"}'
  ]) {
    const body = `{"columnMetadata":[${column}],"numberOfRecordsUpdated":0,"records":[[{"isNull":true}]]}`
    assert.strictEqual(read("ExecuteStatement", body), body)
  }
  assert.strictEqual(
    read(
      "ExecuteStatement",
      '{"records":[[{"stringValue":null,"doubleValue":"NaN","isNull":null}]],"generatedFields":null}'
    ),
    '{"records":[[{"doubleValue":null}]]}'
  )
  assert.strictEqual(
    read("BatchExecuteStatement", '{"updateResults":[{}]}'),
    '{"updateResults":[{"generatedFields":[]}]}'
  )
})
