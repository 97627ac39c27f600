import { layer } from "@effect/vitest"
import { anyRowContract } from "../contract/anyRowContract.ts"
import { argumentContract } from "../contract/argumentContract.ts"
import { jobContract } from "../contract/jobContract.ts"
import { repositoryContract } from "../contract/repositoryContract.ts"
import { counterpartContract } from "../contract/repositoryCounterparts.ts"
import { roundTripContract } from "../contract/repositoryRoundTrips.ts"
import { sameRowContract } from "../contract/sameRowContract.ts"
import { serviceContract } from "../contract/serviceContract.ts"
import { strayContract } from "../contract/strayContract.ts"
import { embedded } from "./TestRepositories.ts"

layer(embedded, { timeout: "60 seconds", excludeTestServices: true })(
  "the repositories on the embedded database",
  (it) => {
    repositoryContract(it)
    jobContract(it)
    strayContract(it)
    argumentContract(it)
    serviceContract(it)
    counterpartContract(it)
    roundTripContract(it)
    anyRowContract(it)
    sameRowContract(it)
  }
)
