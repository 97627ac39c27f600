/** Why input was refused, for a form or a model to act on. */
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** One problem: where in the input, and what was expected there. */
export interface Problem {
  /** The names and positions on the way to the field, `accounts.0.cash_balance`; empty for the input as a whole. */
  readonly path: string
  readonly message: string
}

const keyOf = (segment: PropertyKey | { readonly key: PropertyKey }): PropertyKey =>
  typeof segment === "object" ? segment.key : segment

/**
 * Takes a validation error apart: one problem for each field. Decode with `strict` to have all of them.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { AccountCreate, problemsOf, strict } from "alex-database/domain"
 *
 * const check = (input: unknown) =>
 *   Schema.decodeUnknownEffect(AccountCreate, strict)(input).pipe(Effect.mapError(problemsOf))
 * // [{ path: "cash_balance", message: "expected an amount of money like ..." }]
 * ```
 */
export const problemsOf = (error: Schema.SchemaError): ReadonlyArray<Problem> =>
  SchemaIssue.makeFormatterStandardSchemaV1()(error.issue).issues.map(({ message, path }) => ({
    path: (path ?? []).map((segment) => String(keyOf(segment))).join("."),
    message
  }))
