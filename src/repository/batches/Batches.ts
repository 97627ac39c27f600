/** Writes batches: valid entries are stored, the others are refused with a reason. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { InvalidInput } from "../../domain/Problems.ts"
import { checked, flag, list } from "../calls/Arguments.ts"
import { seeingDeleted } from "../DeletedMeanwhile.ts"
import { packs, wordsOf } from "../Rows.ts"

/** An entry of a batch that was not stored: its key, and why. */
export interface Refused {
  readonly key: string
  readonly reason: string
}

/** How a batch is stored. */
export interface BatchOptions {
  /** Stores nothing if one entry can't be stored, and fails with its problem. */
  readonly allOrNothing?: boolean
}

/** Fails unless a batch is a list, with options as they should be. */
export const checkedBatch = (
  input: ReadonlyArray<unknown>,
  options: (BatchOptions & { readonly dryRun?: boolean }) | undefined
) =>
  Effect.andThen(checked({ input }, { input: list }, "input"), checked(options, { allOrNothing: flag, dryRun: flag }))

/** An entry of a batch as the JSON that its statement takes. */
export interface Entry {
  readonly key: string
  readonly json: string
}

/** Runs one statement for each pack of entries; several packs are one transaction. */
const inPacks = <A>(
  sql: SqlClient.SqlClient,
  entries: ReadonlyArray<Entry>,
  run: (json: string) => Effect.Effect<ReadonlyArray<A>, SqlError>
): Effect.Effect<ReadonlyArray<A>, SqlError> => {
  const all = packs(entries.map(({ json }) => json))
  const results = Effect.map(Effect.forEach(all, run), (rows) => rows.flat())
  return all.length > 1 ? sql.withTransaction(results) : results
}

/** The name of the constraint that a refused statement broke. */
const brokenConstraint = (error: SqlError): string => {
  const cause = error.reason.cause
  if (Predicate.hasProperty(cause, "constraint") && typeof cause.constraint === "string") return cause.constraint
  return /constraint "([^"]+)"/.exec(wordsOf(error))?.[1] ?? "of the database"
}

/** The result of a batch. */
interface Written<A> {
  readonly rows: ReadonlyArray<A>
  readonly refused: ReadonlyArray<Refused>
}

/** Halves the entries until each one that breaks a constraint is alone. */
const halving = <A>(
  write: (entries: ReadonlyArray<Entry>) => Effect.Effect<ReadonlyArray<A>, SqlError>,
  entries: ReadonlyArray<Entry>
): Effect.Effect<Written<A>, SqlError> =>
  write(entries).pipe(
    Effect.map((rows): Written<A> => ({ rows, refused: [] })),
    Effect.catch((error): Effect.Effect<Written<A>, SqlError> => {
      if (error.reason._tag !== "ConstraintError") return Effect.fail(error)
      if (entries.length <= 1) {
        const reason = `The row would break the constraint ${brokenConstraint(error)}.`
        return Effect.succeed({ rows: [], refused: entries.map(({ key }) => ({ key, reason })) })
      }
      const middle = Math.ceil(entries.length / 2)
      const halves = [entries.slice(0, middle), entries.slice(middle)]
      return Effect.map(
        Effect.forEach(halves, (half) => halving(write, half)),
        (written) => ({
          rows: written.flatMap(({ rows }) => rows),
          refused: written.flatMap(({ refused }) => refused)
        })
      )
    })
  )

/**
 * Writes entries with one request if all are valid. If one breaks a constraint, the others are still stored, by writing
 * the halves of the batch on their own.
 */
export const writeBatch = Effect.fnUntraced(function* <A>(
  sql: SqlClient.SqlClient,
  entries: ReadonlyArray<Entry>,
  options: BatchOptions | undefined,
  run: (json: string) => Effect.Effect<ReadonlyArray<A>, SqlError>
) {
  const write = (some: ReadonlyArray<Entry>) => seeingDeleted(sql)(inPacks(sql, some, run))
  if (options?.allOrNothing === true) return { rows: yield* write(entries), refused: [] } satisfies Written<A>
  // A failed statement aborts the transaction around it, unless it runs in a savepoint.
  const inTransaction = Option.isSome(yield* Effect.serviceOption(sql.transactionService))
  return yield* halving(inTransaction ? (some) => sql.withTransaction(write(some)) : write, entries)
})

/** Encodes entries; invalid ones are refused, or with `allOrNothing` fail the batch. */
export const encodeBatch = Effect.fnUntraced(function* <A>(
  input: Iterable<readonly [string, A]>,
  options: BatchOptions | undefined,
  encode: (value: A, key: string) => Effect.Effect<string, InvalidInput>
) {
  const entries: Array<Entry> = []
  const refused: Array<Refused> = []
  for (const [key, value] of input) {
    const encoded = encode(value, key)
    if (options?.allOrNothing === true) entries.push({ key, json: yield* encoded })
    else {
      yield* Effect.match(encoded, {
        onSuccess: (json) => entries.push({ key, json }),
        onFailure: ({ message }) => refused.push({ key, reason: message })
      })
    }
  }
  return { entries, refused }
})
