/** The columns that COPY copies without a column list: all that are not generated. */
import * as Effect from "effect/Effect"
import { literal } from "../../data-api/statement/Quoting.ts"
import type { Session } from "../session/ClientSession.ts"
import { fieldText } from "../statement/FieldText.ts"

/** A table as it is written in COPY, as an expression of its object id. */
export const regclass = (table: string): string => `${literal(table.replace(/^only\s+/i, ""))}::regclass`

/** The names of the columns, quoted if needed. */
export const columnsOfTable = (session: Session, table: string) =>
  Effect.map(
    session.send({
      sql: `select quote_ident(attname) from pg_catalog.pg_attribute where attrelid = ${regclass(table)}
and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`
    }),
    ({ records = [] }): ReadonlyArray<string> =>
      records.map(([field]) => (field === undefined ? "" : (fieldText(field) ?? "")))
  )
