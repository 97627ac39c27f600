/** The tables as services; they need a `SqlClient`, whoever provides it. */
import * as Layer from "effect/Layer"
import { Accounts } from "./Accounts.ts"
import { Instruments } from "./Instruments.ts"
import { Jobs } from "./Jobs.ts"
import { Portfolios } from "./Portfolios.ts"
import { Positions } from "./Positions.ts"
import { Users } from "./Users.ts"

export { Accounts } from "./Accounts.ts"
export type { PriceResult, UpsertOptions, UpsertResult } from "./InstrumentBatches.ts"
export { Instruments } from "./Instruments.ts"
export { type JobListOptions, type JobPage, Jobs } from "./Jobs.ts"
export { Portfolios } from "./Portfolios.ts"
export { Positions } from "./Positions.ts"
export type { Listed, RepositoryError } from "./Rows.ts"
export { Users, userDefaults } from "./Users.ts"

/** Every repository. */
// Made when it is asked for and marked, so that a bundle of one repository holds no other.
export const layer = /* @__PURE__ */ Layer.suspend(() =>
  Layer.mergeAll(Users.layer, Instruments.layer, Accounts.layer, Positions.layer, Jobs.layer, Portfolios.layer)
)
