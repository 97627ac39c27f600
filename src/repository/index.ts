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

export { Accounts } from "./Accounts.ts"
export { AgentCall, type AgentCallListOptions, AgentCalls } from "./AgentCalls.ts"
export type { BatchOptions, Refused } from "./Batches.ts"
export { type CallNote, CurrentCall } from "./CallNote.ts"
export { History, type Period, type PriceChange } from "./History.ts"
export type { PriceResult, UpsertOptions, UpsertResult } from "./InstrumentBatches.ts"
export { Instruments } from "./Instruments.ts"
export type { ClaimedJob, ClaimOptions, JobAttempt, JobOutcome, WorkerOptions } from "./jobs/JobQueue.ts"
export type { StartOptions } from "./jobs/JobSteps.ts"
export { type FindJobOptions, type JobListOptions, type JobPage, type JobPart, Jobs, type NewJob } from "./jobs/Jobs.ts"
export { type PortfolioAdded, Portfolios } from "./Portfolios.ts"
export type { PutManyResult } from "./PositionBatches.ts"
export { type KnownInstrument, Positions } from "./Positions.ts"
export type { Listed, RepositoryError, StreamOptions } from "./Rows.ts"
export { Users, userDefaults } from "./Users.ts"

/** Every repository. */
// Made when it is asked for and marked, so that a bundle of one repository holds no other.
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
