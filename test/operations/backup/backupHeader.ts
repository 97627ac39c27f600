import type { BackupFormat } from "../../../src/operations/index.ts"

/** The header of a backup of these tables. */
export const backupHeader = (tables: BackupFormat.Header["tables"]): BackupFormat.Header => ({
  format: "alex-db backup",
  version: 1,
  id: "b1",
  tool: "test",
  at: "2026-01-01T00:00:00.000Z",
  server: "18",
  backend: "embedded",
  consistency: "one REPEATABLE READ transaction",
  scope: "schema",
  schema: "s",
  tables,
  sequences: [],
  migrations: [],
  leftOut: [],
  anonymized: null
})
