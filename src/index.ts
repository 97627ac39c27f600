/**
 * The Alex database as one Effect layer: `DbLayer.layer` provides `SqlClient` and the repositories on Aurora, on any
 * PostgreSQL, or embedded.
 */
export * as DbConfig from "./DbConfig.ts"
export * as DbLayer from "./DbLayer.ts"
export * from "./domain/index.ts"
export {
  Backup,
  BackupFile,
  BackupReader,
  Catalogue,
  Check,
  CopyDatabase,
  LoadData,
  Migrate,
  Plan,
  Progress,
  Reset,
  Restore,
  Seed,
  Target,
  Verify
} from "./operations/index.ts"
export {
  Accounts,
  AgentCall,
  type AgentCallListOptions,
  AgentCalls,
  type BatchOptions,
  type CallNote,
  type ClaimedJob,
  type ClaimOptions,
  CurrentCall,
  type FindJobOptions,
  History,
  Instruments,
  type JobAttempt,
  type JobListOptions,
  type JobOutcome,
  type JobPage,
  type JobPart,
  Jobs,
  type KnownInstrument,
  type Listed,
  type NewJob,
  type Period,
  type PortfolioAdded,
  Portfolios,
  Positions,
  type PriceChange,
  type PriceResult,
  type PutManyResult,
  type Refused,
  type RepositoryError,
  type StartOptions,
  type StreamOptions,
  type UpsertOptions,
  type UpsertResult,
  Users,
  type WorkerOptions
} from "./repository/index.ts"
