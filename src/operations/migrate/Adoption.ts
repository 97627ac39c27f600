/**
 * Adopts tables that were made without a journal: what has to be done before and after the first migration, and what
 * prevents it.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { literal } from "../../data-api/statement/Quoting.ts"
import * as Layout from "../database/Layout.ts"
import type { Holder } from "../database/TakenNames.ts"
import type { Migration } from "./Migration.ts"
import { nameOf, partsOf } from "./statements/StatementParts.ts"

/** What an adoption takes: statements to run before and after the first migration, and messages for the operator. */
export interface Preparation {
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
  readonly notices: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
  /** The objects that have to be dropped before and created again afterwards; they are among the problems. */
  readonly obstacles: ReadonlyArray<Obstacle>
}

/** What a database holds, as `Installation.inspect` finds it. */
interface Found {
  readonly tables: ReadonlyArray<Layout.Relation>
  readonly holders: ReadonlyArray<Holder>
}

/** Where there is nothing to adopt. */
export const nothing: Preparation = { before: [], after: [], notices: [], problems: [], obstacles: [] }

/** The keys that the first databases had. The definition without the action of REFERENCES identifies a key. */
const keys: ReadonlyArray<{ readonly table: string; readonly name: string; readonly definition: string }> = [
  { table: "users", name: "users_pkey", definition: "PRIMARY KEY (clerk_user_id)" },
  { table: "instruments", name: "instruments_pkey", definition: "PRIMARY KEY (symbol)" },
  { table: "accounts", name: "accounts_pkey", definition: "PRIMARY KEY (id)" },
  { table: "positions", name: "positions_pkey", definition: "PRIMARY KEY (id)" },
  { table: "jobs", name: "jobs_pkey", definition: "PRIMARY KEY (id)" },
  { table: "positions", name: "positions_account_id_symbol_key", definition: "UNIQUE (account_id, symbol)" },
  {
    table: "accounts",
    name: "accounts_clerk_user_id_fkey",
    definition: "FOREIGN KEY (clerk_user_id) REFERENCES users(clerk_user_id) ON DELETE CASCADE"
  },
  {
    table: "positions",
    name: "positions_account_id_fkey",
    definition: "FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE"
  },
  {
    table: "positions",
    name: "positions_symbol_fkey",
    definition: "FOREIGN KEY (symbol) REFERENCES instruments(symbol)"
  },
  {
    table: "jobs",
    name: "jobs_clerk_user_id_fkey",
    definition: "FOREIGN KEY (clerk_user_id) REFERENCES users(clerk_user_id) ON DELETE CASCADE"
  }
]

const Constraint = Schema.Struct({ table: Schema.String, name: Schema.String, definition: Schema.String })
type Constraint = typeof Constraint.Type

/** An object that prevents the change of a column's type, with the SQL that drops it and creates it again. */
export const Obstacle = Schema.Struct({
  object: Schema.String,
  on: Schema.String,
  undo: Schema.NullOr(Schema.String),
  redo: Schema.NullOr(Schema.String)
})
export type Obstacle = typeof Obstacle.Type

const readConstraints = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select t.relname::text as "table", c.conname::text as name,
      replace(pg_get_constraintdef(c.oid), '"', '') as definition
    from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
    where n.nspname = current_schema() and t.relname::text = any(${Layout.tables}::text[])
    order by 1, 2`
  return yield* Schema.decodeUnknownEffect(Schema.Array(Constraint))(rows)
})

/**
 * Generated columns, whose expression means the same with a time in UTC, and tables that these inherit from, of which
 * no column can be changed in the child alone.
 */
const columnsInTheWay = `
      select pg_describe_object('pg_class'::regclass, g.attrelid, g.attnum), min(c.label), 0,
        format('ALTER TABLE %s DROP COLUMN %I;', g.attrelid::regclass, g.attname),
        format('ALTER TABLE %s ADD COLUMN %I %s GENERATED ALWAYS AS (%s) STORED;', g.attrelid::regclass, g.attname,
          format_type(g.atttypid, g.atttypmod), regexp_replace(pg_get_expr(x.adbin, x.adrelid),
            ${literal("\\m(")} || string_agg(distinct c.attname::text, '|') || ${literal(")\\M")}, ${literal("(\\1 AT TIME ZONE 'UTC')")}, 'g'))
      from columns c join pg_depend d
          on d.refclassid = 'pg_class'::regclass and d.refobjid = c.attrelid and d.refobjsubid = c.attnum
        join pg_attrdef x on x.adrelid = c.attrelid
          and (d.classid, d.objid, d.objsubid) in (('pg_attrdef'::regclass, x.oid, 0), ('pg_class'::regclass, x.adrelid, x.adnum))
        join pg_attribute g on g.attrelid = x.adrelid and g.attnum = x.adnum and g.attgenerated <> ''
      group by g.attrelid, g.attnum, g.attname, g.atttypid, g.atttypmod, x.adbin, x.adrelid
      union all
      select 'inheritance of ' || pg_describe_object('pg_class'::regclass, i.inhrelid, 0), min(c.label), 0,
        format('ALTER TABLE %s NO INHERIT %s;', i.inhrelid::regclass, i.inhparent::regclass), null
      from columns c join pg_inherits i on i.inhrelid = c.attrelid
        join pg_attribute p on p.attrelid = i.inhparent and p.attname = c.attname and not p.attisdropped
      group by i.inhrelid, i.inhparent`

/**
 * Finds views, policies, triggers with conditions, expression indexes, generated columns and parent tables on these
 * columns: PostgreSQL does not change the type of a column that they use.
 */
const readObstacles = Effect.fnUntraced(function* (columns: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with recursive columns as (
      select a.attrelid, a.attnum, a.attname, t.relname || '.' || a.attname as label
      from pg_attribute a join pg_class t on t.oid = a.attrelid join pg_namespace n on n.oid = t.relnamespace
      where n.nspname = current_schema() and t.relname || '.' || a.attname = any(${columns}::text[])
    ),
    found as (
      select d.classid, d.objid, c.label from pg_depend d
        join columns c on d.refclassid = 'pg_class'::regclass and d.refobjid = c.attrelid and d.refobjsubid = c.attnum
      where d.classid in ('pg_rewrite'::regclass, 'pg_policy'::regclass)
        or (d.classid = 'pg_trigger'::regclass and exists (select from pg_trigger t where t.oid = d.objid and t.tgqual is not null))
        or (d.classid = 'pg_class'::regclass and exists (
          select from pg_index i where i.indexrelid = d.objid and (i.indexprs is not null or i.indpred is not null)))
    ),
    views as (
      select r.ev_class as oid, f.label, 1 as depth from found f join pg_rewrite r on r.oid = f.objid
      where f.classid = 'pg_rewrite'::regclass
      union
      select r.ev_class, v.label, v.depth + 1 from views v
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = v.oid and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite r on r.oid = d.objid and r.ev_class <> v.oid
    ),
    obstacles as (
      select pg_describe_object('pg_class'::regclass, v.oid, 0) as object, min(v.label) as "on", max(v.depth) as depth,
        format('DROP %s %s;', case c.relkind when 'm' then 'MATERIALIZED VIEW' else 'VIEW' end, v.oid::regclass) as undo,
        format('CREATE %s %s AS %s', case c.relkind when 'm' then 'MATERIALIZED VIEW' else 'VIEW' end, v.oid::regclass,
          pg_get_viewdef(v.oid)) as redo
      from views v join pg_class c on c.oid = v.oid group by v.oid, c.relkind
      union all
      select pg_describe_object(f.classid, f.objid, 0), min(f.label), 0,
        case f.classid when 'pg_class'::regclass then format('DROP INDEX %s;', f.objid::regclass)
          when 'pg_trigger'::regclass then (
            select format('DROP TRIGGER %I ON %s;', t.tgname, t.tgrelid::regclass) from pg_trigger t where t.oid = f.objid)
          when 'pg_policy'::regclass then (
            select format('DROP POLICY %I ON %s;', p.polname, p.polrelid::regclass) from pg_policy p where p.oid = f.objid)
        end,
        case f.classid when 'pg_class'::regclass then pg_get_indexdef(f.objid) || ';'
          when 'pg_trigger'::regclass then pg_get_triggerdef(f.objid) || ';'
          when 'pg_policy'::regclass then (
            select format('CREATE POLICY %I ON %s FOR %s', p.polname, p.polrelid::regclass,
                case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end)
              || coalesce(format(' USING (%s)', pg_get_expr(p.polqual, p.polrelid)), '')
              || coalesce(format(' WITH CHECK (%s)', pg_get_expr(p.polwithcheck, p.polrelid)), '') || ';'
            from pg_policy p where p.oid = f.objid)
        end
      from found f where f.classid <> 'pg_rewrite'::regclass group by f.classid, f.objid
      union all ${sql.literal(columnsInTheWay)}
    )
    select object, "on", undo, redo from obstacles order by depth desc, object`
  return yield* Schema.decodeUnknownEffect(Schema.Array(Obstacle))(rows)
})

const obstacleProblems = (obstacles: ReadonlyArray<Obstacle>): ReadonlyArray<string> => {
  if (obstacles.length === 0) return []
  const objects = obstacles.map(({ object, on }) => `${object} (${on})`).join(", ")
  const before = obstacles.flatMap(({ undo }) => undo ?? [])
  const after = obstacles.flatMap(({ redo }) => redo ?? []).reverse()
  const again =
    after.length === 0 ? "" : ` and this afterwards, with the owners and rights that these have now: ${after.join(" ")}`
  return [`the type of a column can't be changed under ${objects}. Run this before: ${before.join(" ")}${again}`]
}

const columnsToAdd = (tables: ReadonlyArray<Layout.Relation>): ReadonlyArray<string> =>
  tables.flatMap((table) => {
    const missing = Layout.laterColumns(table)
    const added = missing.map(({ column, type }) => `add column ${column} ${type}`)
    return added.length === 0 ? [] : [`alter table ${table.name} ${added.join(", ")}`]
  })

/** The constraints that migrations add by name, as `table name`. */
const addedConstraints = (migrations: ReadonlyArray<Migration>): ReadonlyArray<string> =>
  migrations.flatMap(({ statements }) =>
    statements.flatMap(({ sql }) => {
      const parts = partsOf(sql)
      if (parts[0]?.text !== "alter" || parts[1]?.text !== "table" || parts[2] === undefined) return []
      const table = nameOf(parts[2])
      return parts.flatMap((part, index) => {
        const isAdded = parts[index - 1]?.text === "constraint" && parts[index - 2]?.text === "add"
        return isAdded ? [`${table} ${nameOf(part)}`] : []
      })
    })
  )

const lostJournal =
  "the database was migrated before, and its journal is lost: alex-db migrate baseline writes it again without running anything, and alex-db verify says what differs"

/** Renames constraints whose names the migrations need. */
const freeNames = (
  constraints: ReadonlyArray<Constraint>,
  added: ReadonlyArray<string>
): Pick<Preparation, "before" | "notices" | "problems"> => {
  const inTheWay = constraints.filter(({ name, table }) => added.includes(`${table} ${name}`))
  if (inTheWay.some(({ definition }) => definition.includes("is_allocation(")))
    return { before: [], notices: [], problems: [lostJournal] }
  return {
    before: inTheWay.map(({ name, table }) => `alter table ${table} rename constraint ${name} to ${name}_own`),
    notices: inTheWay.map(({ name, table }) => `the constraint ${name} of ${table} is called ${name}_own now`),
    problems: []
  }
}

/** Of a key that a table lacks, and what is there in its place: a sentence for each that prevents adding it. */
const keyProblems = (
  missing: typeof keys,
  constraints: ReadonlyArray<Constraint>,
  holders: ReadonlyArray<Holder>
): ReadonlyArray<string> =>
  missing.flatMap(({ definition, name, table }) => {
    if (definition.startsWith("FOREIGN")) return []
    const other = constraints.find((one) => one.table === table && one.definition.startsWith("PRIMARY"))
    if (definition.startsWith("PRIMARY") && other !== undefined) {
      return [
        `${table} has the ${other.definition} instead of the ${definition}: drop the constraint ${other.name} of it first`
      ]
    }
    // The index of a constraint is renamed with it.
    const isRenamed = (holder: Holder) =>
      constraints.some((one) => one.name === holder.name && one.table === table && holder.table === table)
    return holders
      .filter((holder) => holder.name === name && !isRenamed(holder))
      .map(
        ({ object }) =>
          `${object} has the name of the key ${definition}, which Alex's table ${table} lacks: rename or drop it first`
      )
  })

const identityOf = (definition: string): string => definition.replace(/ (ON|MATCH|NOT VALID|DEFERRABLE) .*/s, "")

const missingKeys = (tables: ReadonlyArray<Layout.Relation>, constraints: ReadonlyArray<Constraint>): typeof keys =>
  keys.filter(
    (key) =>
      tables.some(({ name }) => name === key.table) &&
      !constraints.some(
        ({ definition, table }) => table === key.table && identityOf(definition) === identityOf(key.definition)
      )
  )

/** Adds missing keys; foreign keys are added as NOT VALID, so that they hold for new rows only. */
const addKeys = (missing: typeof keys): Pick<Preparation, "after" | "notices"> => ({
  after: missing.map(({ definition, name, table }) => {
    const isForeign = definition.startsWith("FOREIGN")
    return `alter table ${table} add constraint ${name} ${definition}${isForeign ? " not valid" : ""}`
  }),
  notices: missing.map(({ definition, table }) => `${table} had no ${definition}: it was added`)
})

/**
 * Finds what it takes to adopt these tables. At most two requests, none if there are no tables.
 *
 * @errors RepositoryError
 */
export const prepare = Effect.fn("Adoption.prepare")(function* (found: Found, migrations: ReadonlyArray<Migration>) {
  const tables = found.tables.filter(({ name }) => Layout.isAlexs(name))
  if (tables.length === 0) return nothing
  const constraints = yield* readConstraints()
  const moments = tables.flatMap(Layout.momentsWithoutZone)
  const missing = missingKeys(tables, constraints)
  const named = missing.map(({ name, table }) => `${table} ${name}`)
  const names = freeNames(constraints, [...addedConstraints(migrations), ...named])
  const added = addKeys(missing)
  const columns = columnsToAdd(tables)
  const obstacles = moments.length === 0 ? [] : yield* readObstacles(moments)
  const preparation: Preparation = {
    before: [...columns, ...names.before],
    after: added.after,
    notices: [
      ...(columns.length === 0 ? [] : [`columns that came later were added: ${columns.join("; ")}`]),
      ...names.notices,
      ...added.notices
    ],
    problems: [...names.problems, ...keyProblems(missing, constraints, found.holders), ...obstacleProblems(obstacles)],
    obstacles
  }
  return preparation
})
