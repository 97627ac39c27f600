/**
 * Constraints that `migrate --lenient` left out, since rows of an adopted database break them. The comment of the
 * journal's table lists them, so that they are not taken for drift; a dump keeps the comment.
 */

import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { literal } from "../../data-api/statement/Quoting.ts"
import { journalTable } from "./Installation.ts"

const prefix = "alex-db: constraints left out: "

/** A comment of the catalogue. */
interface Note {
  readonly kind: string
  readonly name: string
  readonly definition: string
}

/** Whether an object of the catalogue is the note. */
export const isNote = ({ kind, name }: Note): boolean => kind === "comment" && name === `table ${journalTable}`

const parsed = (comment: string): ReadonlyArray<string> =>
  comment.startsWith(prefix)
    ? comment
        .slice(prefix.length)
        .split(", ")
        .filter((constraint) => constraint !== "")
    : []

/** The constraints that were left out, as `table.constraint`, read from a catalogue. */
export const constraintsOf = (catalogue: ReadonlyArray<Note>): ReadonlyArray<string> =>
  parsed(catalogue.find(isNote)?.definition ?? "")

const Comment = Schema.Array(Schema.Struct({ comment: Schema.NullOr(Schema.String) }))

/** Reads the constraints that were left out. One request. */
export const find = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select obj_description(to_regclass(${journalTable}::text), 'pg_class') as comment`
  const [row] = yield* Schema.decodeUnknownEffect(Comment)(rows)
  return parsed(row?.comment ?? "")
})

/** Records which constraints are left out. Must be in the transaction that drops or adds them. */
export const write = Effect.fnUntraced(function* (constraints: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const text = constraints.length === 0 ? "null" : literal(prefix + constraints.join(", "))
  yield* sql`comment on table ${sql(journalTable)} is ${sql.literal(text)}`
})
