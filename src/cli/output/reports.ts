/** The shape of what every command prints with `--json`. */
import { JsonSchema, Schema } from "effect"
import {
  AgentCallOperations,
  Backup,
  Check,
  Doctor,
  JobOperations,
  Mark,
  Migrate,
  NewMigration,
  Plan,
  Repair,
  Reset,
  Restore,
  Seed,
  Verify
} from "../../operations/index.ts"
import { DiscoverReport } from "../commands/examining/discover.ts"
import { UpgradeReport } from "../commands/keeping/upgradeFolder.ts"

/** What any command prints with `--json` when it fails. */
export const FailureReport = Schema.Struct({
  ok: Schema.Literal(false),
  code: Schema.String.annotate({ description: "Names the case for programs" }),
  problem: Schema.String.annotate({ description: "What is wrong" }),
  fix: Schema.String.annotate({ description: "What to do" })
}).annotate({ description: "Any command that fails (exit 1), is wrongly used (2) or is stopped by a signal" })

const UpReport = Schema.Struct({
  migrated: Migrate.MigrationReport,
  seeded: Seed.SeedReport,
  testData: Seed.PortfolioReport,
  report: Verify.VerifyReport
})

const SnapshotReport = Schema.Struct({
  database: Schema.String,
  location: Schema.String,
  users: Schema.Int.annotate({ description: "How many users have a snapshot of today" })
})

const VersionReport = Schema.Struct({ name: Schema.String, version: Schema.String, node: Schema.String })

/** The schemas by command; `failure` is that of every command. */
export const reports = {
  up: UpReport,
  check: Check.CheckReport,
  doctor: Doctor.DoctorReport,
  "check --discover": DiscoverReport,
  migrate: Migrate.MigrationReport,
  "migrate status": Migrate.MigrationStatus,
  "migrate plan": Plan.PlanReport,
  "migrate new": NewMigration.NewMigrationReport,
  "migrate mark": Mark.MarkReport,
  "migrate baseline": Mark.MarkReport,
  seed: Seed.SeedReport,
  repair: Repair.RepairReport,
  reset: Reset.ResetReport,
  "reset --dry-run": Reset.ResetPlan,
  verify: Verify.VerifyReport,
  "jobs list": JobOperations.JobsReport,
  "jobs requeue": JobOperations.JobsChangedReport,
  "jobs cancel": JobOperations.JobsChangedReport,
  "agent-calls": AgentCallOperations.AgentCallsReport,
  "agent-calls --prune": AgentCallOperations.AgentCallsPrunedReport,
  snapshot: SnapshotReport,
  backup: Backup.BackupReport,
  restore: Restore.RestoreReport,
  "restore --dry-run": Restore.RestorePlan,
  copy: Restore.RestoreReport,
  upgrade: UpgradeReport,
  version: VersionReport,
  failure: FailureReport
}

const documentOf = (schema: Schema.Top) => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(Schema.toCodecJson(schema))
  return {
    $schema: JsonSchema.META_SCHEMA_URI_DRAFT_2020_12,
    ...root,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}

/** The JSON Schema (2020-12) of every report, by command. */
export const reportSchemas = () =>
  Object.fromEntries(Object.entries(reports).map(([command, schema]) => [command, documentOf(schema)]))
