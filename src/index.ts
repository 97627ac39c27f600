/**
 * The Alex database as one Effect layer: `DbLayer.layer` provides `SqlClient` and the repositories on Aurora, on any
 * PostgreSQL, or embedded.
 */
export * as DbConfig from "./DbConfig.ts"
export * as DbLayer from "./DbLayer.ts"
export * from "./domain/index.ts"
export { Catalogue, Check, LoadData, Migrate, Plan, Progress, Reset, Seed, Target, Verify } from "./operations/index.ts"
export { Accounts, Instruments, Jobs, Portfolios, Positions, type RepositoryError, Users } from "./repository/index.ts"
