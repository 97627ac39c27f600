/**
 * The names of the schemas, in a file of their own, so that the command line can list them without loading the schemas.
 */

/** The names of the schemas, in the order of the documentation. */
export const schemaNames = [
  "user",
  "user-create",
  "user-update",
  "instrument",
  "instrument-create",
  "instrument-update",
  "instrument-classification",
  "instrument-price",
  "account",
  "account-create",
  "account-update",
  "account-totals",
  "account-value",
  "position",
  "position-create",
  "position-update",
  "held-position",
  "portfolio",
  "portfolio-summary",
  "portfolio-analysis",
  "rebalance-recommendation",
  "trade",
  "job-create",
  "job-update",
  "job-state",
  "job",
  "chart",
  "report-payload",
  "charts-payload",
  "retirement-payload",
  "summary-payload"
] as const

/** One of {@link schemaNames}. */
export type SchemaName = (typeof schemaNames)[number]
