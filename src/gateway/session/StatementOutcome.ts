/** What a statement came to. */
import type * as Effect from "effect/Effect"
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import type { Refused } from "../statement/Refused.ts"

export type Row = ReadonlyArray<string | null>
export type Rows = ReadonlyArray<Row>

/** Rows beyond those that one answer of the service holds. */
export interface MoreRows {
  /** The next ones; none at the end. */
  readonly next: Effect.Effect<Rows, Refused>
}

export interface StatementOutcome {
  readonly columns: ReadonlyArray<FieldDescription> | undefined
  readonly rows: Rows
  readonly more?: MoreRows | undefined
  /** Columns whose values are PostgreSQL's own binary form of them, as a text of bytea. */
  readonly encoded?: ReadonlySet<number> | undefined
  /** The command's tag, for the number of rows that were returned. */
  readonly tag: (rows: number) => string
}

/** A command without rows. */
export const done = (tag: string): StatementOutcome => ({ columns: undefined, rows: [], tag: () => tag })
