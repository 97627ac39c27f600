/** The tables as services, with the types of their operations: what a program imports of this folder, in every runtime. */
export { Accounts } from "./Accounts.ts"
export { AgentCall, type AgentCallListOptions, AgentCalls } from "./AgentCalls.ts"
export type { BatchOptions, Refused } from "./batches/Batches.ts"
export type { PriceResult, UpsertOptions, UpsertResult } from "./batches/InstrumentBatches.ts"
export type { PutManyResult } from "./batches/PositionBatches.ts"
export { type CallNote, CurrentCall } from "./CallNote.ts"
export { History, type Period, type PriceChange } from "./History.ts"
export { Instruments, type KnownInstrument } from "./Instruments.ts"
export type { ClaimedJob, ClaimOptions, JobAttempt, JobOutcome, WorkerOptions } from "./jobs/JobQueue.ts"
export type { RetryOptions, StartOptions } from "./jobs/JobSteps.ts"
export {
  type FindJobOptions,
  type JobListOptions,
  type JobPage,
  type JobPart,
  Jobs,
  type NewJob,
  type OldestOptions
} from "./jobs/Jobs.ts"
export { type PortfolioAdded, Portfolios } from "./Portfolios.ts"
export { Positions } from "./Positions.ts"
export type { Listed, RepositoryError, StreamOptions } from "./Rows.ts"
export { Users } from "./Users.ts"
