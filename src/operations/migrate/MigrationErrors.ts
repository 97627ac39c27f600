/** What `migrate` and the commands around it fail with. */
import { Schema } from "effect"

/** The journal and the migrations contradict each other, or a statement can't run. Nothing was changed. */
export class MigrationRefused extends Schema.TaggedError<MigrationRefused>()("MigrationRefused", {
  problems: Schema.Array(Schema.String),
  /** What was not done, if it is not a migration. */
  undone: Schema.optionalKey(Schema.Literals(["repaired", "written into the journal"])),
  /** What to do, where the problems do not say it. */
  fix: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `Nothing was ${this.undone ?? "migrated"}: ${this.problems.join("; ")}`
  }
  get refusal() {
    return this.message
  }
}

/** A statement of a migration failed. What the migration had done before it was rolled back; if `tried`, so was all else. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  migration: Schema.String,
  line: Schema.Int,
  statement: Schema.String,
  sqlState: Schema.optionalKey(Schema.String),
  reason: Schema.String,
  rolledBack: Schema.Boolean,
  tried: Schema.optionalKey(Schema.Literal(true))
}) {
  get #after(): string {
    if (this.tried) return "it was only tried, and nothing was changed"
    return this.rolledBack
      ? "the migration was rolled back, the ones before it stay applied"
      : "what ran before it stays, and the next run begins at the file's first statement again, so let each be repeatable"
  }
  override get message() {
    const code = this.sqlState === undefined ? "" : ` (SQLSTATE ${this.sqlState})`
    return `${this.migration}.sql, line ${this.line}: ${this.reason}${code}; ${this.#after}. Statement: ${this.statement}`
  }
}
