import { describe } from "@effect/vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { contract } from "./contract.ts"

contract("PGlite", TestDatabase.layer())

const url = TestDatabase.postgresUrl
describe.skipIf(url === undefined)(TestDatabase.onPostgres("PostgreSQL"), () => {
  contract("PostgreSQL", TestDatabase.layerPostgres(url ?? ""))
})
