/** The names of what agents read and write; alone in a file, so that a command line can list them without the schemas. */

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
