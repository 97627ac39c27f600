/** Finds constraints that hold for new rows but are not validated, and the old rows that break them. */
import { Effect, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import * as Layout from "./Layout.ts"

/** A constraint that is not validated: how many rows break it, the keys of the first, and SQL that shows them all. */
export const BrokenConstraint = Schema.Struct({
  table: Schema.String,
  constraint: Schema.String,
  definition: Schema.String,
  rows: Schema.Int,
  first: Schema.Array(Schema.String),
  look: Schema.String
})
export type BrokenConstraint = typeof BrokenConstraint.Type

/** `condition` must hold for every row. */
const Open = Schema.Struct({
  table: Schema.String,
  constraint: Schema.String,
  definition: Schema.String,
  condition: Schema.String
})

/** The SQL of the key that identifies a row, by table. */
const keys: Readonly<Record<string, string>> = {
  users: "clerk_user_id",
  instruments: "symbol",
  price_history: "concat_ws(' ', symbol, day)",
  portfolio_snapshots: "concat_ws(' ', clerk_user_id, day)"
}

const Breaking = Schema.Tuple([Schema.Struct({ rows: Schema.Int, first: Schema.Array(Schema.String) })])

/**
 * Finds the constraints of Alex's tables that are not validated, and the rows that break them. One request, and one
 * more for each constraint.
 *
 * @errors RepositoryError
 */
export const find = Effect.fn("BrokenConstraints.find")(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select t.relname::text as "table", c.conname::text as "constraint", pg_get_constraintdef(c.oid) as definition,
      coalesce(pg_get_expr(c.conbin, c.conrelid), (
        select format('%s or exists (select from %s other where %s)', string_agg(format('t.%I is null', own.attname), ' or '),
          c.confrelid::regclass, string_agg(format('other.%I = t.%I', theirs.attname, own.attname), ' and '))
        from unnest(c.conkey, c.confkey) as pair (own, theirs)
          join pg_attribute own on own.attrelid = c.conrelid and own.attnum = pair.own
          join pg_attribute theirs on theirs.attrelid = c.confrelid and theirs.attnum = pair.theirs
      )) as condition
    from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
    where not c.convalidated and c.contype in ('c', 'f') and n.nspname = current_schema()
      and t.relname::text = any(${Layout.allTables}::text[])
    order by 1, 2`
  const notValidated = yield* Schema.decodeUnknownEffect(Schema.Array(Open))(rows)
  return yield* Effect.forEach(notValidated, ({ condition, ...open }) =>
    Effect.gen(function* () {
      const breaking = sql`from ${sql(open.table)} t where not (${sql.literal(condition)})`
      const found = yield* sql`
        select (select count(*) ${breaking})::integer as rows, coalesce((
          select jsonb_agg(key) from (select ${sql.literal(keys[open.table] ?? "id")}::text as key ${breaking} order by 1 limit 5) f
        ), '[]') as first`
      const [counted] = yield* Schema.decodeUnknownEffect(Breaking)(found)
      const look = `select * from ${open.table} t where not (${condition})`
      return { ...open, ...counted, look } satisfies BrokenConstraint
    })
  )
})

/** The constraint's name with that of its table. */
export const nameOf = ({ constraint, table }: BrokenConstraint): string => `${table}.${constraint}`

/** Validates a constraint; `undefined` if a row that breaks it was written meanwhile. One request. */
export const validate = Effect.fnUntraced(function* (broken: BrokenConstraint) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`alter table ${sql(broken.table)} validate constraint ${sql(broken.constraint)}`.pipe(
    Effect.as(nameOf(broken)),
    Effect.catchIf(
      (error) => SqlError.isSqlError(error) && error.reason._tag === "ConstraintError",
      () => Effect.undefined
    )
  )
})

/** One line: how many rows of which table break the constraint, and the keys of the first. */
export const describe = ({ constraint, definition, first, rows, table }: BrokenConstraint): string => {
  const named = first.length === 0 ? "" : `: ${first.join(", ")}`
  const broken = rows === 1 ? `1 row of ${table} breaks` : `${rows} rows of ${table} break`
  return `${broken} ${constraint}, ${definition.replace(/ NOT VALID$/, "")}${named}`
}
