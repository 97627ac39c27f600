/** Why input was refused, or a row can't be read: for a form, a model or an operator to act on. */
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** One problem: where in the input, and what was expected there. */
export const Problem = Schema.Struct({
  /** The path to the field, as names and indexes: `accounts.0.cash_balance`; empty for the input as a whole. */
  path: Schema.String,
  message: Schema.String
}).annotate({ description: "Where in the input, and what was expected there" })
export interface Problem extends Schema.Schema.Type<typeof Problem> {}

const keyOf = (segment: PropertyKey | { readonly key: PropertyKey }): PropertyKey =>
  typeof segment === "object" ? segment.key : segment

/**
 * Splits a validation error into one problem for each field. Decode with `strict` to get all of them.
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

const shown = (problems: ReadonlyArray<Problem>): string =>
  problems.map(({ message, path }) => (path === "" ? message : `${path}: ${message}`)).join("; ")

/** Input does not fit its schema; nothing was sent to the database. */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  /** What the input is about: the kind, and the key where there is one: `price of SPY`, `account 3f2504e0-...`. */
  subject: Schema.String,
  problems: Schema.Array(Problem)
}) {
  override get message() {
    return `The ${this.subject} is invalid: ${shown(this.problems)}`
  }
}

/**
 * A row holds what its schema does not allow: another program wrote it, and `alex-db verify` lists all such rows. Or it is
 * `withheld`.
 */
export class UnreadableRow extends Schema.TaggedError<UnreadableRow>()("UnreadableRow", {
  table: Schema.String,
  /** The row's primary key. */
  key: Schema.String,
  problems: Schema.Array(Problem),
  /** What the operation has done to the row all the same, unless a transaction around it is rolled back. */
  done: Schema.optionalKey(Schema.Literals(["written", "deleted"])),
  /** Whether something in the database keeps the row from this role, or from its change; it may be sound itself. */
  withheld: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    const { done, key, problems, table, withheld } = this
    if (withheld) return `The row ${key} of ${table} ${shown(problems)}. Change that, or the row.`
    const was = done ? `was ${done}, but ` : ""
    const advice = done === "deleted" ? "" : " Fix the row; alex-db verify lists all such rows."
    return `The row ${key} of ${table} ${was}can't be read: ${shown(problems)}.${advice}`
  }
}
