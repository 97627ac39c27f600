import { assert, it } from "@effect/vitest"
import { pgTypes } from "../../../src/data-api/values/PgOids.ts"
import { builtInType } from "../../../src/local/values/PostgresTypes.ts"

it("the types that have a reader are those that the service returns, and so are their arrays", () => {
  const named = (isReturned: (type: (typeof pgTypes)[number]) => boolean) =>
    pgTypes.filter(isReturned).map(({ name }) => name)
  assert.deepStrictEqual(
    named(({ oid }) => builtInType(oid)?.read !== undefined),
    named(({ member }) => member !== undefined)
  )
  assert.deepStrictEqual(
    named(({ arrayOid }) => builtInType(arrayOid)?.read !== undefined),
    named(({ arrayMember, arrayOid }) => arrayMember !== undefined && arrayOid !== 0)
  )
})
