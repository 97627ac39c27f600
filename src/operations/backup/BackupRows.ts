/** The rows of a table as they are in a backup, a page at a time. */
import { Data, Effect, Schema, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { isTooLong, longestLine } from "./BackupFormat.ts"
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

/** Characters of the longest row that is sent as text: at 4 bytes each, less than the 1 MiB of a result. */
const wholeLength = 200_000

/** Octets of a part of a longer row. A result counts them as hex, two characters each. */
const partLength = 400_000

/**
 * A part of a row, numbered from 0 to `last`: the text of a row of one part, else octets of its UTF-8. Of octets
 * PostgreSQL takes a part by itself, where of characters it would count all those before it.
 */
const Part = Schema.Struct({
  part: Schema.Int,
  last: Schema.Int,
  text: Schema.NullOr(Schema.String),
  octets: Schema.NullOr(Schema.Uint8Array)
})
const decodeParts = Schema.decodeUnknownEffect(Schema.Array(Part))

/** A row has more text than a line of a backup may have. */
export class RowTooLong extends Data.TaggedError("RowTooLong")<{ readonly table: string }> {}

/** A name for a row that is no column's, which would take precedence. */
const aliasOf = (columns: ReadonlyArray<string>): string => {
  let alias = "alex row"
  while (columns.includes(alias)) alias += "_"
  return alias
}

/**
 * The rows of a table, read through a cursor. Must be in a transaction that has the catalogue's settings.
 *
 * A row is sent as one text, in parts if it is long, so that columns of any type can be read, and rows of any size that
 * a line holds.
 */
export const rows = ({
  all,
  columns,
  isPartitioned,
  name,
  schema
}: Readable): Stream.Stream<Values, SqlError.SqlError | Schema.SchemaError | RowTooLong, SqlClient.SqlClient> =>
  Stream.unwrap(
    Effect.map(SqlClient.SqlClient, (sql) => {
      const length = sql.literal(String(partLength))
      const only = sql.literal(isPartitioned ? "" : "only ")
      const row = columnsSql(sql, [aliasOf(all)])
      // OFFSET 0: text and octets are made once for each row.
      const parts = sql`
        select p.part::int4 as part, q.last::int4 as last, case when q.octets is null then q.line end as text,
          substr(q.octets, p.part * ${length} + 1, ${length}) as octets
        from (
          select line, octets, coalesce((length(octets) - 1) / ${length}, 0) as last
          from (
            select line, case when length(line) > ${sql.literal(String(wholeLength))} then convert_to(line, 'UTF8') end as octets
            from (select ${row}::text as line from ${only}${table(sql, schema, name)} as ${row} offset 0) s offset 0
          ) t offset 0
        ) q, lateral generate_series(0, q.last) p(part)`
      const wanted = columns.map((column) => all.indexOf(column))
      const isAll = wanted.length === all.length && wanted.every((place, index) => place === index)
      const picked = (line: string): Values => {
        const values = valuesOf(line, all.length)
        return isAll ? values : wanted.map((place) => values[place] ?? null)
      }
      return Stream.mapAccumArrayEffect(
        parts.stream,
        (): ReadonlyArray<Uint8Array> => [],
        (begun, chunk) =>
          Effect.flatMap(decodeParts(chunk), (found) => {
            const tooLong = Effect.fail(new RowTooLong({ table: name }))
            const whole: Array<Values> = []
            let pieces = [...begun]
            for (const { last, octets, part, text } of found) {
              if (last * partLength > longestLine) return tooLong
              if (octets !== null) pieces.push(octets)
              if (part < last) continue
              const values = picked(text ?? Buffer.concat(pieces).toString())
              if (isTooLong(values)) return tooLong
              whole.push(values)
              pieces = []
            }
            return Effect.succeed([pieces, whole] as const)
          })
      )
    })
  )
