import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Domain from "../../src/domain/index.ts"
import * as Repository from "../../src/repository/index.ts"

/** They are parts of others that say what they are. */
const parts = ["JsonValue", "StoredSymbol"]

/** A failure says what it is in its message. */
const isFailure = (value: unknown) => typeof value === "function" && value.prototype instanceof Error

const documents: ReadonlyArray<readonly [name: string, document: ReturnType<typeof Schema.toJsonSchemaDocument>]> =
  Object.entries({ ...Domain, ...Repository }).flatMap(([name, value]) =>
    Schema.isSchema(value) && !isFailure(value) ? [[name, Schema.toJsonSchemaDocument(value)] as const] : []
  )

it("each public schema says what it describes", () => {
  const silent = documents.filter(([, { definitions, schema }]) => {
    const reference = /[^/]*$/.exec(String(schema["$ref"] ?? ""))?.[0] ?? ""
    return (definitions[reference] ?? schema)["description"] === undefined
  })
  assert.deepStrictEqual(
    silent.map(([name]) => name).filter((name) => !parts.includes(name)),
    []
  )
})

it("no description of a schema or of a part of it is empty", () => {
  for (const [name, document] of documents) assert.notInclude(JSON.stringify(document), '"description":""', name)
})
