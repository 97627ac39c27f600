/** The tables as services; they need a `SqlClient`, of any backend. */
import * as Layer from "effect/Layer"
import { Accounts } from "./Accounts.ts"
import { AgentCalls } from "./AgentCalls.ts"
import { History } from "./History.ts"
import { Instruments } from "./Instruments.ts"
import { Jobs } from "./jobs/Jobs.ts"
import { Portfolios } from "./Portfolios.ts"
import { Positions } from "./Positions.ts"
import { Users } from "./Users.ts"

export * from "./services.ts"
export { userDefaults } from "./Users.ts"

/** Every repository. */
// Built on first use and marked as pure, so that a bundle of one repository holds no other.
export const layer = /* @__PURE__ */ Layer.suspend(() =>
  Layer.mergeAll(
    Users.layer,
    Instruments.layer,
    Accounts.layer,
    Positions.layer,
    Jobs.layer,
    Portfolios.layer,
    History.layer,
    AgentCalls.layer
  )
)
