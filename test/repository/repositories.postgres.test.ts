import { layer } from "@effect/vitest"
import { repositoryContract } from "../contract/repositoryContract.ts"
import { counterpartContract } from "../contract/repositoryCounterparts.ts"
import { roundTripContract } from "../contract/repositoryRoundTrips.ts"
import { hasPostgres, postgres, skipWithoutPostgres } from "./TestRepositories.ts"

if (hasPostgres) {
  layer(postgres, { timeout: "60 seconds", excludeTestServices: true })("the repositories on PostgreSQL", (it) => {
    repositoryContract(it)
    counterpartContract(it)
    roundTripContract(it)
  })
} else {
  skipWithoutPostgres("the repositories")
}
