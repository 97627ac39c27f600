/** Parts that the definitions of tools share. */

import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import type { ClerkUserId } from "../../domain/index.ts"

/** The one user for whom the tools work. */
export class CurrentUser extends Context.Service<CurrentUser, ClerkUserId>()("alex-database/agent/CurrentUser") {}

/** The answer of a tool that can't do what was asked: `error` is for the program, `message` for the model. */
export const ToolFailure = Schema.Struct({
  error: Schema.Literals([
    "UserNotFound",
    "InstrumentNotFound",
    "AccountNotFound",
    "JobNotFound",
    "JobTooLarge",
    "PositionNotFound",
    "PositionChanged",
    "NotAllowed",
    "JobEnded",
    "InvalidData",
    "TooLarge",
    "DatabaseBusy",
    "DatabaseFailed"
  ]).annotate({ description: "What went wrong" }),
  message: Schema.String.annotate({ description: "What went wrong, and what to do about it" })
}).annotate({ description: "Why the tool could not do what was asked" })
export type ToolFailure = typeof ToolFailure.Type

export const reads = Context.empty().pipe(
  Context.add(Tool.Readonly, true),
  Context.add(Tool.Destructive, false),
  Context.add(Tool.Idempotent, true),
  Context.add(Tool.OpenWorld, false),
  Context.add(Tool.Strict, true)
)

export const writes = (hints: { readonly destructive: boolean; readonly idempotent: boolean }) =>
  Context.empty().pipe(
    Context.add(Tool.Readonly, false),
    Context.add(Tool.Destructive, hints.destructive),
    Context.add(Tool.Idempotent, hints.idempotent),
    Context.add(Tool.OpenWorld, false),
    Context.add(Tool.Strict, true)
  )

export const replaces = writes({ destructive: true, idempotent: true })

// A failure is an answer to the model and not the end of its turn.
export const failing = { failure: ToolFailure, failureMode: "return" } as const
