/**
 * Finds objects that have the names of indexes that migrations create: `CREATE INDEX IF NOT EXISTS` would take one for
 * its own and create nothing, and the index of a key would get another name.
 */
import { Schema } from "effect"
import type { Migration } from "../migrate/Migration.ts"
import { createdObjects } from "../migrate/statements/CreatedObjects.ts"

/** An object with the name of an index. `table` is the table that it is an index of; null where it is none. */
export const Holder = Schema.Struct({
  name: Schema.String,
  object: Schema.String,
  table: Schema.NullOr(Schema.String)
})
export type Holder = typeof Holder.Type

/**
 * A sentence for each index that these migrations create and whose name something else has.
 *
 * @param existing The tables that are there: their keys have names already.
 */
export const takenNames = (
  holders: ReadonlyArray<Holder>,
  migrations: ReadonlyArray<Migration>,
  existing: ReadonlyArray<string>
): ReadonlyArray<string> =>
  createdObjects(migrations).indexes.flatMap(({ name, ofTable, table }) => {
    if (ofTable && existing.includes(table)) return []
    return holders
      .filter((holder) => holder.name === name && holder.table !== table)
      .map((holder) => {
        const of = holder.table === null ? "" : ` of table ${holder.table}`
        return `${holder.object}${of} has the name of ${ofTable ? "a key" : "an index"} of Alex's table ${table}: rename it first`
      })
  })
