/**
 * What a database is made of, read from PostgreSQL's own catalogue.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"

/** The kinds of object that the migrations make and that `Drift` compares. */
export const Kind = Schema.Literals([
  "extension",
  "table",
  "column",
  "constraint",
  "index",
  "trigger",
  "function",
  "view",
  "sequence",
  "type"
])
export type Kind = typeof Kind.Type

/**
 * One object. `table` is the table that it belongs to, `definition` its full meaning as PostgreSQL prints it, without
 * the schema's name.
 */
export const CatalogueObject = Schema.Struct({
  kind: Kind,
  table: Schema.NullOr(Schema.String),
  name: Schema.String,
  definition: Schema.String
})
export type CatalogueObject = typeof CatalogueObject.Type
/** The objects of a schema, sorted, so that two of them can be compared. */
export type Catalogue = ReadonlyArray<CatalogueObject>

/** The catalogue that the migrations describe, for comparison: `Drift` needs it, and who provides it may cache it. */
export class Reference extends Context.Service<
  Reference,
  {
    /**
     * The catalogue.
     *
     * @errors ReferenceUnavailable, SqlError
     */
    readonly catalogue: Effect.Effect<Catalogue, SqlError.SqlError | ReferenceUnavailable>
  }
>()("alex-database/operations/Catalogue/Reference") {}

/** The database for comparison could not be made. */
export class ReferenceUnavailable extends Schema.TaggedError<ReferenceUnavailable>()("ReferenceUnavailable", {
  message: Schema.String
}) {}

/**
 * Reads the current schema's objects, and the extensions. One request; members of extensions are left out, and so are
 * indexes that belong to a constraint.
 *
 * @errors RepositoryError
 */
export const read = Effect.fn("Catalogue.read")(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    with here as (
      select to_regnamespace(quote_ident(current_schema()::text)) as oid, quote_ident(current_schema()::text) || '.' as prefix
    ),
    relations as (
      select c.oid, c.relname::text as name, c.relkind from pg_class c, here
      where c.relnamespace = here.oid
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    ),
    objects as (
      select 'extension' as kind, null::text as owner, extname::text as name, '' as definition
      from pg_extension where extname <> 'plpgsql'
      union all
      select case when relkind in ('v', 'm') then 'view' when relkind = 'S' then 'sequence' else 'table' end,
        null, name, case when relkind in ('v', 'm') then pg_get_viewdef(oid) else '' end
      from relations where relkind in ('r', 'p', 'v', 'm', 'S')
      union all
      select 'column', r.name, a.attname::text,
        format_type(a.atttypid, a.atttypmod)
          || case when a.attnotnull then ' not null' else '' end
          || coalesce(
            case when a.attgenerated <> '' then ' generated as ' else ' default ' end
              || regexp_replace(pg_get_expr(d.adbin, d.adrelid), '^\\S+\\.uuid_generate_v4\\(\\)$', 'uuid_generate_v4()'),
            ''
          )
      from relations r join pg_attribute a on a.attrelid = r.oid
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where r.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
      union all
      select 'constraint', r.name, c.conname::text, pg_get_constraintdef(c.oid)
      from relations r join pg_constraint c on c.conrelid = r.oid where c.contype in ('p', 'u', 'f', 'c', 'x')
      union all
      select 'index', r.name, x.relname::text,
        pg_get_indexdef(x.oid) || case when i.indisvalid then '' else ' (invalid)' end
      from relations r join pg_index i on i.indrelid = r.oid join pg_class x on x.oid = i.indexrelid
      where not exists (select from pg_constraint c where c.conindid = x.oid and c.contype in ('p', 'u', 'x'))
      union all
      select 'trigger', r.name, t.tgname::text,
        pg_get_triggerdef(t.oid) || case t.tgenabled when 'O' then '' when 'D' then ' (disabled)' else ' (replica)' end
      from relations r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
      union all
      select 'function', null, p.proname::text || '(' || pg_get_function_identity_arguments(p.oid) || ')',
        coalesce('returns ' || pg_get_function_result(p.oid), 'procedure') || ' language ' || l.lanname
          || case p.provolatile when 'i' then ' immutable' when 's' then ' stable' else '' end
          || case when p.proisstrict then ' strict' else '' end || ' as ' || p.prosrc
      from here join pg_proc p on p.pronamespace = here.oid join pg_language l on l.oid = p.prolang
      where p.prokind in ('f', 'p')
        and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
      union all
      select 'type', null, t.typname::text, coalesce((
        select string_agg(e.enumlabel::text, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), t.typtype::text)
      from here join pg_type t on t.typnamespace = here.oid
      where t.typtype in ('e', 'd', 'r')
        and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
    )
    select kind::text as kind, owner as "table", name,
      regexp_replace(replace(definition, here.prefix, ''), '\\s+', ' ', 'g') as definition
    from objects, here order by kind, owner, name`
  return yield* Schema.decodeUnknownEffect(Schema.Array(CatalogueObject))(rows)
})

/** How a person names an object: `index idx_jobs_status`, `column users.display_name`. */
export const labelOf = (object: CatalogueObject): string =>
  object.table === null ? `${object.kind} ${object.name}` : `${object.kind} ${object.table}.${object.name}`
