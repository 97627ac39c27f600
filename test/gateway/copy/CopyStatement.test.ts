import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { copyOf } from "../../../src/gateway/copy/CopyStatement.ts"
import { statementsOf } from "../../../src/gateway/statement/ClientStatement.ts"

const refusalOf = (sql: string): string => {
  const [statement] = statementsOf(sql)
  if (statement === undefined) return assert.fail("no statement")
  return Result.match(copyOf(statement), {
    onFailure: ({ code, message }) => `${code} ${message}`,
    onSuccess: (copy) => `accepted as ${JSON.stringify(copy?.options)}`
  })
}

it("what COPY of PostgreSQL takes and the gateway does not is refused as not supported", () => {
  const lacking = { "encoding 'latin1'": 'COPY with the encoding "latin1" is not supported by the gateway' }
  for (const [option, why] of Object.entries(lacking)) {
    assert.strictEqual(refusalOf(`copy t from stdin (${option})`), `0A000 ${why}`)
    assert.strictEqual(refusalOf(`copy t from stdin ${option}`), `0A000 ${why}`)
  }
  assert.strictEqual(refusalOf("copy t from stdin where a > 1"), "0A000 COPY ... WHERE is not supported by the gateway")
  assert.include(refusalOf("copy t from stdin (encoding 'UTF8', freeze, header off)"), "accepted")
  assert.include(refusalOf("copy t from stdin with csv header encoding 'utf-8'"), "accepted")
})
