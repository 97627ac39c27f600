/** Reads from PostgreSQL's catalogue which tables there are to back up or to fill. */

import { Effect, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { quotedName } from "../../data-api/statement/Quoting.ts"
import type { Sequence } from "./BackupFormat.ts"
import { table } from "./QuotedName.ts"

/**
 * A foreign key of a table or of one of its partitions. `parent` is the table that it refers to, for a partition the
 * partitioned one; null where that is in another schema.
 */
const ForeignKey = Schema.Struct({
  relation: Schema.String,
  name: Schema.String,
  parent: Schema.NullOr(Schema.String)
})

/** A table as the catalogue has it. */
export const FoundTable = Schema.Struct({
  name: Schema.String,
  isPartitioned: Schema.Boolean,
  /** In the order of the table, generated ones among them. */
  columns: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      type: Schema.String,
      isGenerated: Schema.Boolean,
      /** Whether a row may be inserted without it. */
      isOptional: Schema.Boolean
    })
  ),
  foreignKeys: Schema.Array(ForeignKey),
  /** Those of the table, and those that its partitions have by themselves, with their definitions and comments. */
  constraints: Schema.Array(
    Schema.Struct({
      relation: Schema.String,
      /** The name in the header of a backup: for a partition's the partition stands before it. */
      key: Schema.String,
      name: Schema.String,
      definition: Schema.String,
      isValidated: Schema.Boolean,
      comment: Schema.NullOr(Schema.String)
    })
  ),
  /**
   * What runs when rows are written or the table is emptied: triggers and rules. `mode` is PostgreSQL's letter for when
   * they run. Triggers of partitions follow their parents', and are listed only if their mode differs.
   */
  reactions: Schema.Array(
    Schema.Struct({
      kind: Schema.Literals(["trigger", "rule"]),
      relation: Schema.String,
      name: Schema.String,
      mode: Schema.String
    })
  )
})
export type FoundTable = typeof FoundTable.Type

/** Which tables: those of the schema with these names, or all of it. */
export interface Scope {
  readonly schema: string
  readonly names: ReadonlyArray<string> | undefined
}

/** The search path for reading the catalogue and values, under which every name is printed with its schema. */
export const qualified = "pg_catalog"

const Path = Schema.Tuple([Schema.Struct({ path: Schema.String })])

/**
 * Sets how values are read and written in this transaction, whatever the settings of the role or the database are. A
 * policy that hides rows becomes an error, since the backup would lack them. Returns the search path that was set
 * before.
 */
export const settings = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with before as materialized (select current_setting('search_path') as path)
    select path, set_config('TimeZone', 'UTC', true) as a, set_config('DateStyle', 'ISO, YMD', true) as b,
      set_config('IntervalStyle', 'postgres', true) as c, set_config('extra_float_digits', '3', true) as d,
      set_config('bytea_output', 'hex', true) as e, set_config('xmloption', 'content', true) as f,
      set_config('lc_monetary', 'C', true) as g, set_config('search_path', ${qualified}::text, true) as h,
      set_config('row_security', 'off', true) as i, set_config('statement_timeout', '0', true) as j,
      set_config('idle_in_transaction_session_timeout', '0', true) as k, set_config('array_nulls', 'on', true) as l,
      set_config('quote_all_identifiers', 'off', true) as m,
      case when current_setting('transaction_timeout', true) <> '' then set_config('transaction_timeout', '0', true) end as n
    from before`
  const [{ path }] = yield* Schema.decodeUnknownEffect(Path)(rows)
  return path
})

/** Sets the search path of this transaction. */
export const setPath = Effect.fnUntraced(function* (path: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select set_config('search_path', ${path}::text, true) as path`
})

/**
 * The search path for writing rows: functions in constraints and defaults may use names of the schema without its name.
 */
export const pathOf = (schema: string, path: string): string =>
  path.trim() === "" ? quotedName(schema) : `${quotedName(schema)}, ${path}`

/** Leaves out the tables of extensions, which make their own rows. */
const isOwn = `not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`

/** The oid of a table, and those of its partitions. */
const tree = "(select c.oid union select relid from pg_partition_tree(c.oid))"

const constraintsSql = `(
        select coalesce(jsonb_agg(jsonb_build_object(
          'relation', k.conrelid::regclass::text, 'name', k.conname,
          'key', case when k.conrelid = c.oid then '' else k.conrelid::regclass::text || '.' end || k.conname,
          'definition', pg_get_constraintdef(k.oid), 'isValidated', k.convalidated,
          'comment', obj_description(k.oid, 'pg_constraint')
        ) order by k.conrelid <> c.oid, k.conrelid::regclass::text, k.conname), '[]') from pg_constraint k
        where k.conrelid in ${tree} and (k.contype in ('f', 'c') or not k.convalidated) and k.conparentid = 0
          and k.coninhcount = 0
      )`

/** Bits of `tgtype`: INSERT and TRUNCATE. */
const triggerEvents = 4 + 32

const reactionsSql = `(
        select coalesce(jsonb_agg(jsonb_build_object(
          'kind', kind, 'relation', relation::regclass::text, 'name', name, 'mode', mode
        ) order by kind, (select count(*) from pg_partition_ancestors(relation)), name), '[]')
        from (
          select 'trigger' as kind, t.tgrelid as relation, t.tgname as name, t.tgenabled as mode
          from pg_trigger t left join pg_trigger p on p.oid = t.tgparentid
          where t.tgrelid in ${tree} and not t.tgisinternal and t.tgenabled <> coalesce(p.tgenabled, 'D')
            and t.tgtype & ${triggerEvents} <> 0
          union all
          select 'rule', w.ev_class, w.rulename, w.ev_enabled from pg_rewrite w
          where w.ev_class = c.oid and w.ev_type = '3' and w.ev_enabled <> 'D'
        ) reaction
      )`

/** The tables of a scope, by name. */
export const tables = Effect.fnUntraced(function* ({ names, schema }: Scope) {
  const sql = yield* SqlClient.SqlClient
  const named = names === undefined ? sql`` : sql` and c.relname::text = any(${names}::text[])`
  const rows = sql`
    select c.relname::text as name, c.relkind = 'p' as "isPartitioned",
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'isGenerated', a.attgenerated <> '',
          'isOptional', not a.attnotnull or a.atthasdef or a.attidentity <> ''
        ) order by a.attnum), '[]') from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ) as columns,
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'relation', k.conrelid::regclass::text, 'name', k.conname, 'parent', (
            select p.relname from pg_class p
            where p.oid = coalesce(pg_partition_root(k.confrelid), k.confrelid) and p.relnamespace = c.relnamespace
          )
        ) order by k.conname), '[]') from pg_constraint k
        where k.conrelid in ${sql.literal(tree)} and k.contype = 'f' and k.conparentid = 0
      ) as "foreignKeys",
      ${sql.literal(constraintsSql)} as constraints,
      ${sql.literal(reactionsSql)} as reactions
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema}::text and c.relkind in ('r', 'p') and not c.relispartition
      and ${sql.literal(isOwn)}${named}
    order by c.relname`
  const found = yield* Stream.runCollect(rows.stream)
  return yield* Schema.decodeUnknownEffect(Schema.Array(FoundTable))(found)
})

const Position = Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String, called: Schema.Boolean }))

/** The sequences of a schema with their positions. */
export const sequences = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* SqlClient.SqlClient
  const names = yield* sql`
    select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema}::text and c.relkind = 'S' and ${sql.literal(isOwn)} order by c.relname`
  const found: Array<Sequence> = []
  for (const { name } of yield* Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ name: Schema.String })))(
    names
  )) {
    const rows = yield* sql`
      select ${name}::text as name, last_value::text as value, is_called as called from ${table(sql, schema, name)}`
    found.push(...(yield* Schema.decodeUnknownEffect(Position)(rows)))
  }
  return found
})

const kinds: Readonly<Record<string, string>> = {
  f: "foreign table: its rows are elsewhere",
  m: "materialized view: refresh it after a restore",
  partition: "partition of a table in another schema: back that up",
  heir: "in another schema, and inherits from a table of this one: back that up",
  lo: "columns hold their numbers: back them up with pg_dump --large-objects"
}

/** The objects of a schema that hold rows and are left out of a backup, each with the reason. */
export const leftOut = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with here as (
      select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = ${schema}::text
    )
    select c.relname::text as name, c.relkind::text as kind from here c
    where c.relkind in ('f', 'm') or (c.relkind in ('r', 'p') and not c.relispartition and not ${sql.literal(isOwn)})
    union all
    select c.relname::text, 'partition' from here c
    where c.relispartition and c.relkind <> 'f'
      and (select relnamespace from pg_class where oid = pg_partition_root(c.oid)) <> c.relnamespace
    union all
    select i.inhrelid::regclass::text, 'heir' from here c
    join pg_inherits i on i.inhparent = c.oid join pg_class h on h.oid = i.inhrelid
    where c.relkind = 'r' and h.relnamespace <> c.relnamespace
    union all
    select 'large objects', 'lo' where exists (select from pg_largeobject_metadata)
      and exists (
        select from here c join pg_attribute a on a.attrelid = c.oid
        join pg_type t on t.oid = a.atttypid
        where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
          and (t.oid = 'oid'::regtype or t.typbasetype = 'oid'::regtype)
      )
    order by 1`
  const Left = Schema.Array(Schema.Struct({ name: Schema.String, kind: Schema.String }))
  const left = yield* Schema.decodeUnknownEffect(Left)(rows)
  return left.map(({ kind, name }) => `${name} (${kinds[kind] ?? "table of an extension, which makes its rows"})`)
})

/** Orders tables so that each comes after those that it refers to, as far as no cycle prevents it. */
export const ordered = (found: ReadonlyArray<FoundTable>): ReadonlyArray<FoundTable> => {
  const left = new Map(found.map((table) => [table.name, table]))
  const waitsFor = (table: FoundTable): number =>
    new Set(
      table.foreignKeys.flatMap(({ parent }) =>
        parent !== null && parent !== table.name && left.has(parent) ? [parent] : []
      )
    ).size
  const result: Array<FoundTable> = []
  while (left.size > 0) {
    let next: FoundTable | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const table of left.values()) {
      const waits = waitsFor(table)
      if (waits < fewest) [next, fewest] = [table, waits]
      if (waits === 0) break
    }
    if (next === undefined) break
    left.delete(next.name)
    result.push(next)
  }
  return result
}
