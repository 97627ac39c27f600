/**
 * How far an operation has come, reported to a listener; there is none by default.
 */
import { Context, Effect } from "effect"

/** One step: `done` of `total` (0 when the total is not known), and what is being done now. */
export interface Step {
  readonly operation: string
  readonly done: number
  readonly total: number
  readonly text: string
}

/** Takes the steps. The default ignores them. */
export const Progress = Context.Reference<(step: Step) => Effect.Effect<void>>("alex-database/operations/Progress", {
  defaultValue: () => (_step: Step) => Effect.void
})

/** Reports a step. */
export const report = (step: Step): Effect.Effect<void> => Effect.flatMap(Progress, (listener) => listener(step))
