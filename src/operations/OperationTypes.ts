/**
 * What operations take, return and fail with, by names of the entry point itself: the declarations of a library name no
 * type by a namespace that it does not import.
 */
export type { BackupOptions, BackupRefused, ReadError, Source as BackupSource } from "./backup/Backup.ts"
export type { BackupFileError } from "./backup/BackupFile.ts"
export type { Row as BackupRow } from "./backup/BackupFormat.ts"
export type { Readable as BackupTable } from "./backup/BackupRows.ts"
export type { Values as BackupValues } from "./backup/RecordText.ts"
export type { RestoreDiffers, RestoreOptions } from "./backup/restore/RestoreRows.ts"
export type { RowsRefused } from "./backup/restore/RestoreWriter.ts"
export type { Cluster as ClusterConfiguration } from "./database/Advice.ts"
export type { Installation } from "./database/Installation.ts"
export type { MigrateOptions } from "./migrate/Migrate.ts"
export type { Migration, MigrationsUnreadable } from "./migrate/Migration.ts"
export type { MigrationFailed, MigrationRefused } from "./migrate/MigrationErrors.ts"
export type { TooManyPositions } from "./seed/LoadData.ts"
export type { SeedInvalid } from "./seed/SeedFile.ts"
export type {
  Catalogue as DatabaseCatalogue,
  Reference as CatalogueReference,
  ReferenceUnavailable
} from "./verify/Catalogue.ts"
