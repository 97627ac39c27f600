/**
 * The Alex database as one Effect layer: `DbLayer.layer` provides `SqlClient` and the repositories on Aurora, on any
 * PostgreSQL, or embedded.
 */
export * as DbConfig from "./DbConfig.ts"
export * as DbLayer from "./DbLayer.ts"
export * from "./domain/index.ts"
export type { Row as BackupRow } from "./operations/backup/BackupFormat.ts"
export type { Readable as BackupTable } from "./operations/backup/BackupRows.ts"
export type { Values as BackupValues } from "./operations/backup/RecordText.ts"
export type { RowsRefused } from "./operations/backup/restore/RestoreWriter.ts"
export type { Cluster as ClusterConfiguration } from "./operations/database/Advice.ts"
export type { Installation } from "./operations/database/Installation.ts"
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
export type { Migration, MigrationsUnreadable } from "./operations/migrate/Migration.ts"
export type { SeedInvalid } from "./operations/seed/SeedFile.ts"
export * from "./repository/services.ts"
