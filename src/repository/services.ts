/** The tables as services, with the types of their operations: what a program imports of this folder, in every runtime. */
export { Accounts, type Operations as AccountsOperations } from "./Accounts.ts"
export {
  AgentCall,
  type AgentCallListOptions,
  AgentCalls,
  type Operations as AgentCallsOperations
} from "./AgentCalls.ts"
export type { BatchOptions, Refused } from "./batches/Batches.ts"
export type { PriceResult, UpsertOptions, UpsertResult } from "./batches/InstrumentBatches.ts"
export type { PutManyResult } from "./batches/PositionBatches.ts"
export { type CallNote, CurrentCall } from "./calls/CallNote.ts"
export { History, type Operations as HistoryOperations, type Period, type PriceChange } from "./History.ts"
export {
  type CacheOptions,
  Instruments,
  type KnownInstrument,
  type Operations as InstrumentsOperations
} from "./Instruments.ts"
export type { StepError } from "./jobs/JobChange.ts"
export type { ClaimedJob, ClaimOptions, JobAttempt, JobOutcome, WorkerOptions } from "./jobs/JobQueue.ts"
export type { RetryOptions, StartOptions, UpdateOptions as JobUpdateOptions } from "./jobs/JobSteps.ts"
export {
  type FindJobOptions,
  type JobListOptions,
  type JobPage,
  type JobPart,
  Jobs,
  type NewJob,
  type OldestOptions,
  type Operations as JobsOperations
} from "./jobs/Jobs.ts"
export { type Operations as PortfoliosOperations, type PortfolioAdded, Portfolios } from "./Portfolios.ts"
export { type Operations as PositionsOperations, Positions } from "./Positions.ts"
export type { Listed, RepositoryError, StreamOptions } from "./Rows.ts"
export { type Operations as UsersOperations, type UserPage, Users } from "./Users.ts"
