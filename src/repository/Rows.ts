/** From rows to entities. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"

/** What can go wrong in any repository: the database, or a value or row that does not fit its schema. */
export type RepositoryError = SqlError.SqlError | Schema.SchemaError

/** The columns of a stored form, qualified with their table, for `SELECT` and `RETURNING`. */
export const columnsOf = (
  sql: SqlClient.SqlClient,
  table: string,
  stored: { readonly fields: { readonly [column: string]: unknown } }
): Statement.Fragment =>
  sql.literal(
    Object.keys(stored.fields)
      .map((column) => `${table}.${column}`)
      .join(", ")
  )

/** Decodes every row that a statement returns. */
export const rowsOf = <A, I>(stored: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(stored))
  return <E, R>(statement: Effect.Effect<ReadonlyArray<unknown>, E, R>) =>
    Effect.flatMap(statement, (rows) => decode(rows))
}

/** Decodes the first row, and fails with `absent` if there is none. */
export const rowOf = <A, I>(stored: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownEffect(stored)
  return <E2>(absent: () => E2) =>
    <E, R>(statement: Effect.Effect<ReadonlyArray<unknown>, E, R>) =>
      Effect.flatMap(
        statement,
        (rows): Effect.Effect<A, E2 | Schema.SchemaError> =>
          rows.length === 0 ? Effect.fail(absent()) : decode(rows[0])
      )
}

/** Encodes a value as the JSON text that `jsonb_populate_record` and `jsonb_to_recordset` take. */
export const jsonOf = <A, I>(schema: Schema.Codec<A, I>) => {
  const encode = Schema.encodeEffect(schema)
  return (value: A): Effect.Effect<string, Schema.SchemaError> =>
    Effect.map(encode(value), (encoded) => JSON.stringify(encoded))
}

/** The first row, asked for again as long as there is none. */
export const untilSeen = <A, E, R>(attempt: Effect.Effect<ReadonlyArray<A>, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(attempt, ([row]) => (row === undefined ? untilSeen(attempt) : Effect.succeed(row)))

/** Reads page after page until one is not full. */
export const everyPage = Effect.fnUntraced(function* <A, E, R>(
  size: number,
  page: (last: A | undefined) => Effect.Effect<ReadonlyArray<A>, E, R>
) {
  const all: Array<A> = []
  for (;;) {
    const rows = yield* page(all.at(-1))
    all.push(...rows)
    if (rows.length < size) return all
  }
})

/**
 * Joins JSON texts into JSON arrays of at most 1,000,000 characters each (one text that is longer is alone in its
 * array): a request has 4 MiB, a character may take 3 bytes there, and every quote inside the array is escaped.
 */
export const packs = (texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const packed: Array<Array<string>> = []
  let room = 0
  for (const text of texts) {
    const pack = packed.at(-1)
    if (pack === undefined || text.length > room) {
      packed.push([text])
      room = 1_000_000 - text.length
    } else {
      pack.push(text)
      room -= text.length + 1
    }
  }
  return packed.map((pack) => `[${pack.join(",")}]`)
}
