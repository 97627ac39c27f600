/**
 * Finds objects of others that depend on Alex's tables and functions: they would be dropped with them, or prevent the
 * DROP.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

/** Another application's object, and the object of Alex that it depends on, as PostgreSQL describes both. */
export const Dependent = Schema.Struct({ object: Schema.String, on: Schema.String })
export type Dependent = typeof Dependent.Type

interface Own {
  readonly schema: string
  readonly tables: ReadonlyArray<string>
  /** `types` as `oidvectortypes` prints them: another function may have the same name. */
  readonly functions: ReadonlyArray<{ readonly name: string; readonly types: string }>
}

const signaturesOf = ({ functions }: Own): ReadonlyArray<string> =>
  functions.map(({ name, types }) => `${name}(${types})`)

/** What the migrations create of tables: `columns` as `table.column`. */
interface Known {
  readonly tables: ReadonlyArray<string>
  readonly columns: ReadonlyArray<string>
  readonly indexes: ReadonlyArray<{ readonly name: string }>
  /** The names of constraints that have one in the migrations. */
  readonly constraints: ReadonlyArray<string>
}

/**
 * Finds the columns, the constraints, the indexes, the policies, the rules and the triggers with functions of others on
 * these tables: a DROP of the tables takes them along. A key of the same columns counts as Alex's, whatever its name,
 * and a constraint on columns of others is not named beside those. One request.
 *
 * @errors RepositoryError
 */
export const additionsTo = Effect.fn("Dependents.additionsTo")(function* (own: Own, known: Known) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with home as (select oid from pg_namespace where nspname::text = ${own.schema}::text),
    tables as (
      select c.oid from pg_class c join home on home.oid = c.relnamespace
      where c.relkind = 'r' and c.relname::text = any(${own.tables}::text[])
    ),
    known as (
      select c.oid, c.relname from pg_class c join tables on tables.oid = c.oid
      where c.relname::text = any(${known.tables}::text[])
    )
    select pg_describe_object(classid, objid, sub) as object from (
      select 'pg_policy'::regclass as classid, oid as objid, 0 as sub from pg_policy
        where polrelid in (select oid from tables)
      union all select 'pg_class'::regclass, a.attrelid, a.attnum from pg_attribute a
        join known on known.oid = a.attrelid
        where a.attnum > 0 and not a.attisdropped and known.relname || '.' || a.attname <> all(${known.columns}::text[])
      union all select 'pg_class'::regclass, i.indexrelid, 0 from pg_index i
        join known on known.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
        where c.relname::text <> all(${known.indexes.map(({ name }) => name)}::text[])
          and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))
      union all select 'pg_constraint'::regclass, k.oid, 0 from pg_constraint k
        join known on known.oid = k.conrelid
        cross join lateral (
          select string_agg(a.attname, '_' order by c.number) as names,
            coalesce(bool_and(known.relname || '.' || a.attname = any(${known.columns}::text[])), true) as all_known
          from unnest(k.conkey) with ordinality c (attnum, number)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.attnum
        ) columns
        where columns.all_known and case k.contype
          when 'f' then k.confrelid not in (select oid from tables)
          when 'u' then known.relname || '_' || columns.names || '_key'
            <> all(${known.indexes.map(({ name }) => name)}::text[])
          else k.contype = 'c' and k.conname::text <> all(${known.constraints}::text[])
        end
      union all select 'pg_rewrite'::regclass, oid, 0 from pg_rewrite where ev_class in (select oid from tables)
      union all select 'pg_trigger'::regclass, t.oid, 0 from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid in (select oid from tables) and not t.tgisinternal
          and not (p.pronamespace in (select oid from home)
            and p.proname || '(' || replace(oidvectortypes(p.proargtypes), '"', '') || ')' = any(${signaturesOf(own)}::text[]))
    ) additions
    order by 1`
  const found = yield* Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ object: Schema.String })))(rows)
  return found.map(({ object }) => object)
})

/**
 * Finds views, foreign keys, functions, columns, child tables and the like that depend on these tables and functions,
 * and sequences that a table would take along. One request.
 *
 * @errors RepositoryError
 */
export const of = Effect.fn("Dependents.of")(function* (own: Own) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with home as (select oid from pg_namespace where nspname::text = ${own.schema}::text),
    tables as (
      select c.oid, c.reltype from pg_class c join home on home.oid = c.relnamespace
      where c.relkind = 'r' and c.relname::text = any(${own.tables}::text[])
    ),
    own as (
      select 'pg_class'::regclass as classid, oid as objid from tables
      union all select 'pg_class'::regclass, i.indexrelid from pg_index i join tables on tables.oid = i.indrelid
      union all select 'pg_constraint'::regclass, c.oid from pg_constraint c join tables on tables.oid = c.conrelid
      union all select 'pg_type'::regclass, t.oid from pg_type t join tables on t.oid = tables.reltype
      union all select 'pg_type'::regclass, t.typarray from pg_type t join tables on t.oid = tables.reltype
      union all select 'pg_proc'::regclass, p.oid from pg_proc p join home on home.oid = p.pronamespace
        where p.proname || '(' || replace(oidvectortypes(p.proargtypes), '"', '') || ')' = any(${signaturesOf(own)}::text[])
    ),
    dependents as (
      select d.classid, d.objid, d.objsubid, d.deptype, own.classid as on_class, own.objid as on_object,
        case d.classid
          when 'pg_class'::regclass then d.objid
          when 'pg_constraint'::regclass then (select conrelid from pg_constraint where oid = d.objid)
          when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = d.objid)
          when 'pg_rewrite'::regclass then (select ev_class from pg_rewrite where oid = d.objid)
          when 'pg_attrdef'::regclass then (select adrelid from pg_attrdef where oid = d.objid)
          when 'pg_policy'::regclass then (select polrelid from pg_policy where oid = d.objid)
        end as relation
      from pg_depend d join own on own.classid = d.refclassid and own.objid = d.refobjid
    )
    select distinct case when classid = 'pg_rewrite'::regclass
        then pg_describe_object('pg_class'::regclass, relation, 0)
        else pg_describe_object(classid, objid, objsubid) end as object,
      pg_describe_object(on_class, on_object, 0) as "on"
    from dependents d
    where not exists (select from own where own.classid = d.classid and own.objid = d.objid)
      and not exists (select from tables where tables.oid = d.relation)
      and not exists (select from pg_index i join tables on tables.oid = i.indrelid where i.indexrelid = d.relation)
      and (
        d.deptype = 'n'
        or d.classid = 'pg_publication_rel'::regclass
        -- Two columns of one table are tied by it; a sequence goes with the column that owns it.
        or (d.deptype = 'a' and d.classid = 'pg_class'::regclass
          and exists (select from pg_class s where s.oid = d.objid and s.relkind = 'S'
            and not exists (
              select from pg_depend u join pg_attrdef a on a.oid = u.objid join tables on tables.oid = a.adrelid
              where u.classid = 'pg_attrdef'::regclass and u.refclassid = 'pg_class'::regclass and u.refobjid = s.oid
            )))
      )
    order by 1, 2`
  return yield* Schema.decodeUnknownEffect(Schema.Array(Dependent))(rows)
})
