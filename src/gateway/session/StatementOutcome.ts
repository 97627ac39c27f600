/** The result of a statement. */
import type * as Effect from "effect/Effect"
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import type { Refused } from "../statement/Refused.ts"

export type Row = ReadonlyArray<string | null>
export type Rows = ReadonlyArray<Row>

/** Rows beyond the first response of the service. */
export interface MoreRows {
  /** The next rows; empty at the end. */
  readonly next: Effect.Effect<Rows, Refused>
}

export interface StatementOutcome {
  readonly columns: ReadonlyArray<FieldDescription> | undefined
  readonly rows: Rows
  readonly more?: MoreRows | undefined
  /** Columns whose values are in PostgreSQL's binary form, written as the text of a bytea. */
  readonly encoded?: ReadonlySet<number> | undefined
  /** The command tag for a number of returned rows. */
  readonly tag: (rows: number) => string
}

/** The outcome of a command without rows. */
export const done = (tag: string): StatementOutcome => ({ columns: undefined, rows: [], tag: () => tag })
