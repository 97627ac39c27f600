/** The findings of a verification. */
import { Schema } from "effect"

/** Something an operator should know. A `problem` is wrong; a `notice` may be so on purpose. */
export const Finding = Schema.Struct({
  severity: Schema.Literals(["problem", "notice"]),
  check: Schema.String,
  message: Schema.String
})
export type Finding = typeof Finding.Type

/** The finding for a row that the domain's schema can't decode. */
export const undecodable = (table: string, id: string, error: Schema.SchemaError): Finding => ({
  severity: "problem",
  check: "invalid rows",
  message: `${table} ${id}: ${error.message.replaceAll(/\s+/g, " ")}`
})

/** A finding in the rows of a table. */
export interface RowFinding {
  readonly table: string
  readonly finding: Finding
}
