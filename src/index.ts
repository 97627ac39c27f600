/**
 * The Alex database as one Effect layer: `DbLayer.layer` provides `SqlClient` and the repositories on Aurora, on any
 * PostgreSQL, or embedded.
 */

export type { ConfigurationError, DbConfig as Configuration } from "./DbConfig.ts"
export * as DbConfig from "./DbConfig.ts"
export * as DbLayer from "./DbLayer.ts"
export type { Options as RetryPolicyOptions } from "./data-api/RetryPolicy.ts"
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
export type * from "./operations/OperationTypes.ts"
export * from "./repository/services.ts"
