/**
 * Rules that `migrate --lenient` left out, since rows of an adopted database break them. They are noted in the comment
 * of the journal's table, which a dump keeps, so that nobody takes them for drift.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { journalTable } from "./Installation.ts"

const prefix = "alex-db: rules left out: "

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
        .filter((rule) => rule !== "")
    : []

/** The rules that were left out, as `table.rule`, told by a catalogue. */
export const rulesOf = (catalogue: ReadonlyArray<Note>): ReadonlyArray<string> =>
  parsed(catalogue.find(isNote)?.definition ?? "")

const Comment = Schema.Array(Schema.Struct({ comment: Schema.NullOr(Schema.String) }))

/** Reads the rules that were left out. One request. */
export const find = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select obj_description(to_regclass(${journalTable}::text), 'pg_class') as comment`
  const [row] = yield* Schema.decodeUnknownEffect(Comment)(rows)
  return parsed(row?.comment ?? "")
})

/** Writes down which rules are left out; must be in the transaction that drops or adds them. */
export const write = Effect.fnUntraced(function* (rules: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const text = rules.length === 0 ? "null" : `'${(prefix + rules.join(", ")).replaceAll("'", "''")}'`
  yield* sql`comment on table ${sql(journalTable)} is ${sql.literal(text)}`
})
