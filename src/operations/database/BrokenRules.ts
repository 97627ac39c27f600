/**
 * Rules that old rows break: constraints that hold for new rows and are not validated.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as Layout from "./Layout.ts"

/**
 * A rule that is not validated. `rows` is how many break it, and `first` the keys of some of them; both are null for a
 * foreign key, whose rows are not counted.
 */
export const BrokenRule = Schema.Struct({
  table: Schema.String,
  rule: Schema.String,
  definition: Schema.String,
  rows: Schema.NullOr(Schema.Int),
  first: Schema.NullOr(Schema.Array(Schema.String))
})
export type BrokenRule = typeof BrokenRule.Type

const Open = Schema.Struct({
  table: Schema.String,
  rule: Schema.String,
  definition: Schema.String,
  condition: Schema.NullOr(Schema.String)
})

const keyOf = (table: string): string =>
  table === "users" ? "clerk_user_id" : table === "instruments" ? "symbol" : "id"

const Breaking = Schema.Tuple([Schema.Struct({ rows: Schema.Int, first: Schema.Array(Schema.String) })])

/**
 * Finds the rules of Alex's tables that are not validated, and the rows that break them. One request, and one more for
 * each rule.
 *
 * @errors RepositoryError
 */
export const find = Effect.fn("BrokenRules.find")(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select t.relname::text as "table", c.conname::text as rule, pg_get_constraintdef(c.oid) as definition,
      pg_get_expr(c.conbin, c.conrelid) as condition
    from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
    where not c.convalidated and n.nspname = current_schema() and t.relname::text = any(${Layout.tables}::text[])
    order by 1, 2`
  const open = yield* Schema.decodeUnknownEffect(Schema.Array(Open))(rows)
  return yield* Effect.forEach(open, ({ condition, ...rule }) =>
    Effect.gen(function* () {
      if (condition === null) return { ...rule, rows: null, first: null } satisfies BrokenRule
      const breaking = sql`from ${sql(rule.table)} where not (${sql.literal(condition)})`
      const found = yield* sql`
        select (select count(*) ${breaking})::integer as rows, coalesce((
          select jsonb_agg(key) from (select ${sql(keyOf(rule.table))}::text as key ${breaking} order by 1 limit 5) f
        ), '[]') as first`
      const [counted] = yield* Schema.decodeUnknownEffect(Breaking)(found)
      return { ...rule, ...counted } satisfies BrokenRule
    })
  )
})

/** A broken rule as one line: how many rows of which table, the rule, and the first of them by their keys. */
export const describe = ({ definition, first, rows, rule, table }: BrokenRule): string => {
  const which = rows === null ? "rows" : `${rows} ${rows === 1 ? "row" : "rows"}`
  const named = first === null || first.length === 0 ? "" : `: ${first.join(", ")}`
  return `${which} of ${table} may break ${rule}, ${definition.replace(/ NOT VALID$/, "")}${named}`
}
