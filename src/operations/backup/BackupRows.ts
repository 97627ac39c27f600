/** The rows of a table as they are in a backup, a page at a time. */
import { Effect, Schema, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { columns as columnsSql, table } from "./QuotedName.ts"
import type { Values } from "./RecordText.ts"
import { valuesOf } from "./RecordText.ts"

/** A table to read: which of its columns, in which order. */
export interface Readable {
  readonly schema: string
  readonly name: string
  readonly isPartitioned: boolean
  /** All columns of the table, in its order. */
  readonly all: ReadonlyArray<string>
  readonly columns: ReadonlyArray<string>
}

/**
 * Characters of a part of a row. With at most 4 bytes each, a part stays below the 1 MiB that the Data API returns at
 * once.
 */
const partLength = 200_000

/** A part of a row's text, numbered from 0 to `last`. */
const Part = Schema.Struct({ part: Schema.Int, last: Schema.Int, text: Schema.String })
const decodeParts = Schema.decodeUnknownEffect(Schema.Array(Part))

/**
 * The rows of a table, read through a cursor. Must be in a transaction that has the catalogue's settings.
 *
 * A row is sent as one text, in parts if it is long, so that rows of any size and columns of any type can be read.
 */
export const rows = ({
  all,
  columns,
  isPartitioned,
  name,
  schema
}: Readable): Stream.Stream<Values, SqlError.SqlError | Schema.SchemaError, SqlClient.SqlClient> =>
  Stream.unwrap(
    Effect.map(SqlClient.SqlClient, (sql) => {
      const length = sql.literal(String(partLength))
      const only = sql.literal(isPartitioned ? "" : "only ")
      // The alias must not be a column's name, which would take precedence. OFFSET 0: the text is made once for each
      // row.
      const row = columnsSql(sql, ["alex row"])
      const parts = sql`
        select p.part::int4 as part, q.last::int4 as last, substr(q.line, p.part * ${length} + 1, ${length}) as text
        from (
          select line, (length(line) - 1) / ${length} as last
          from (select ${row}::text as line from ${only}${table(sql, schema, name)} as ${row} offset 0) t offset 0
        ) q, lateral generate_series(0, q.last) p(part)`
      const wanted = columns.map((column) => all.indexOf(column))
      const isAll = wanted.length === all.length && wanted.every((place, index) => place === index)
      const picked = (line: string): Values => {
        const values = valuesOf(line, all.length)
        return isAll ? values : wanted.map((place) => values[place] ?? null)
      }
      return Stream.mapAccumArrayEffect(
        parts.stream,
        () => "",
        (begun, chunk) =>
          Effect.map(decodeParts(chunk), (found) => {
            const whole: Array<Values> = []
            let line = begun
            for (const { last, part, text } of found) {
              line += text
              if (part < last) continue
              whole.push(picked(line))
              line = ""
            }
            return [line, whole] as const
          })
      )
    })
  )
