/**
 * The Alex database where there is no Node: the domain, the repositories, and `DbLayer.layerDataApi` by `fetch`. Bundlers
 * for Cloudflare Workers, Vercel's edge and browsers take it for `alex-database`.
 */
export * as DbConfig from "./DbConfig.ts"
export * from "./domain/index.ts"
export * as DbLayer from "./EdgeDbLayer.ts"
export {
  Accounts,
  type BatchOptions,
  type ClaimedJob,
  type ClaimOptions,
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
