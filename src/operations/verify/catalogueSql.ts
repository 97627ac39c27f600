/** The queries that read a schema's objects; each yields `kind, owner, name, definition, role, source`. */

/** Leaves out the objects that belong to an extension. */
const isNotAnExtensions = (catalogue: string, id: string): string =>
  `not exists (select from pg_depend d where d.classid = '${catalogue}'::regclass and d.objid = ${id} and d.deptype = 'e')`

const relations = `
  select case r.relkind when 'v' then 'view' when 'm' then 'materialized-view' when 'S' then 'sequence'
      when 'f' then 'foreign-table' else 'table' end as kind,
    null::text as owner, r.name,
    case when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid)
      when r.relkind = 'S' then ''
      else concat_ws(', ', case r.relpersistence when 'u' then 'unlogged' end,
        case when r.relrowsecurity then 'row security' end, case when r.relforcerowsecurity then 'forced row security' end)
    end as definition,
    pg_get_userbyid(r.relowner)::text as role, null::text as source
  from relations r where r.relkind in ('r', 'p', 'v', 'm', 'S', 'f')`

const columns = `
  select 'column', r.name, a.attname::text,
    format_type(a.atttypid, a.atttypmod)
      || coalesce((select ' collate ' || quote_ident(l.collname) from pg_collation l join pg_type t on t.oid = a.atttypid
        where l.oid = a.attcollation and a.attcollation <> t.typcollation), '')
      || case when a.attnotnull then ' not null' else '' end
      || coalesce(
        case when a.attgenerated <> '' then ' generated as ' else ' default ' end
          || regexp_replace(pg_get_expr(d.adbin, d.adrelid), '^[^[:space:]]+[.]uuid_generate_v4[(][)]$', 'uuid_generate_v4()'),
        ''),
    null, null
  from relations r join pg_attribute a on a.attrelid = r.oid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where r.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`

const partsOfTables = `
  select 'constraint', r.name, c.conname::text, pg_get_constraintdef(c.oid), null, null
  from relations r join pg_constraint c on c.conrelid = r.oid where c.contype in ('p', 'u', 'f', 'c', 'x')
  union all
  select 'index', r.name, x.relname::text,
    pg_get_indexdef(x.oid) || case when i.indisvalid then '' else ' (invalid)' end, null, null
  from relations r join pg_index i on i.indrelid = r.oid join pg_class x on x.oid = i.indexrelid
  where not exists (select from pg_constraint c where c.conindid = x.oid and c.contype in ('p', 'u', 'x'))
  union all
  select 'trigger', r.name, t.tgname::text,
    pg_get_triggerdef(t.oid)
      || case t.tgenabled when 'O' then '' when 'D' then ' (disabled)' when 'A' then ' (always)' else ' (replica)' end,
    null, null
  from relations r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
  union all
  select 'rule', r.name, w.rulename::text, pg_get_ruledef(w.oid), null, null
  from relations r join pg_rewrite w on w.ev_class = r.oid where w.rulename <> '_RETURN'
  union all
  select 'policy', r.name, p.polname::text,
    'as ' || case when p.polpermissive then 'permissive' else 'restrictive' end
      || ' for ' || case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end
      || ' to ' || (select string_agg(case when role = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(role)) end, ', ') from unnest(p.polroles) role)
      || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
      || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
    null, null
  from relations r join pg_policy p on p.polrelid = r.oid`

const functions = `
  select case r.prokind when 'a' then 'aggregate' else 'function' end, null, r.name,
    case r.prokind when 'a' then (
        select 'of ' || a.aggtransfn::regproc::text || ', ' || a.aggfinalfn::regproc::text from pg_aggregate a where a.aggfnoid = r.oid)
      else coalesce('returns ' || pg_get_function_result(r.oid), 'procedure') || ' language ' || l.lanname
        || case r.provolatile when 'i' then ' immutable' when 's' then ' stable' else '' end
        || case when r.proisstrict then ' strict' else '' end
        || case when r.prosecdef then ' security definer' else '' end
        || case when r.proleakproof then ' leakproof' else '' end
        || case r.proparallel when 's' then ' parallel safe' when 'r' then ' parallel restricted' else '' end
        || coalesce((select string_agg(' set ' || setting, '') from unnest(r.proconfig) setting), '')
        || ' as ' || r.prosrc
    end,
    pg_get_userbyid(r.proowner)::text,
    case r.prokind when 'a' then null else replace(pg_get_functiondef(r.oid), 'FUNCTION ' || here.prefix, 'FUNCTION ') end
  from routines r join pg_language l on l.oid = r.prolang, here`

const types = `
  select 'type', null, t.typname::text, coalesce((
      select string_agg(e.enumlabel::text, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), t.typtype::text),
    null, null
  from here join pg_type t on t.typnamespace = here.oid
  where t.typtype in ('e', 'd', 'r') and ${isNotAnExtensions("pg_type", "t.oid")}
  union all
  select 'collation', null, c.collname::text, c.collprovider::text, null, null
  from here join pg_collation c on c.collnamespace = here.oid where ${isNotAnExtensions("pg_collation", "c.oid")}`

// MAINTAIN came with PostgreSQL 17, and is left out so that older servers do not differ.
const privileges = `
  select 'privilege', granted.name, granted.grantee, string_agg(granted.privilege, ', ' order by granted.privilege), null, null
  from (
    select g.name, case g.grantee when g.owner then '(owner)' when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(g.grantee)) end as grantee,
      g.privilege_type || coalesce(' (' || quote_ident(g.of_column) || ')', '')
        || case when g.is_grantable and g.grantee <> g.owner then ' with grant option' else '' end as privilege
    from (
      select r.name, r.relowner as owner, null::name as of_column, a.grantee, a.privilege_type, a.is_grantable
      from relations r, aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) a where r.relkind in ('r', 'p')
      union all
      select r.name, r.relowner, c.attname, a.grantee, a.privilege_type, a.is_grantable
      from relations r join pg_attribute c on c.attrelid = r.oid, aclexplode(c.attacl) a
      where r.relkind in ('r', 'p') and not c.attisdropped
      union all
      select r.name, r.proowner, null, a.grantee, a.privilege_type, a.is_grantable
      from routines r, aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a where r.prokind <> 'a'
    ) g
    where g.privilege_type <> 'MAINTAIN'
  ) granted
  group by granted.name, granted.grantee`

const comments = `
  select 'comment', described.owner, described.name, d.description, null, null
  from (
    select 'pg_class'::regclass as classid, r.oid as objid, 0 as part, r.name as owner,
      case r.relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'S' then 'sequence ' when 'f' then 'foreign table ' else 'table ' end
        || quote_ident(r.name) as name
    from relations r where r.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    union all
    select 'pg_class'::regclass, r.oid, a.attnum, r.name, 'column ' || quote_ident(r.name) || '.' || quote_ident(a.attname)
    from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    union all
    select 'pg_class'::regclass, x.oid, 0, r.name, 'index ' || quote_ident(x.relname)
    from relations r join pg_index i on i.indrelid = r.oid join pg_class x on x.oid = i.indexrelid
    union all
    select 'pg_constraint'::regclass, c.oid, 0, r.name, 'constraint ' || quote_ident(c.conname) || ' on ' || quote_ident(r.name)
    from relations r join pg_constraint c on c.conrelid = r.oid
    union all
    select 'pg_trigger'::regclass, t.oid, 0, r.name, 'trigger ' || quote_ident(t.tgname) || ' on ' || quote_ident(r.name)
    from relations r join pg_trigger t on t.tgrelid = r.oid
    union all
    select 'pg_policy'::regclass, p.oid, 0, r.name, 'policy ' || quote_ident(p.polname) || ' on ' || quote_ident(r.name)
    from relations r join pg_policy p on p.polrelid = r.oid
    union all
    select 'pg_proc'::regclass, r.oid, 0, r.name, 'routine ' || r.name from routines r
  ) described
  join pg_description d on d.classoid = described.classid and d.objoid = described.objid and d.objsubid = described.part`

/**
 * Every object of the current schema, and the extensions, in one query.
 *
 * Members of extensions are left out, and so are indexes that belong to a constraint.
 */
export const catalogueSql = `
with printed as materialized (select set_config('quote_all_identifiers', 'off', true)),
here as materialized (
  select to_regnamespace(quote_ident(current_schema()::text)) as oid, quote_ident(current_schema()::text) || '.' as prefix
  from printed
),
relations as (
  select c.*, c.relname::text as name from pg_class c, here
  where c.relnamespace = here.oid and ${isNotAnExtensions("pg_class", "c.oid")}
),
routines as (
  select p.*, p.proname::text || '(' || pg_get_function_identity_arguments(p.oid) || ')' as name
  from here join pg_proc p on p.pronamespace = here.oid
  where ${isNotAnExtensions("pg_proc", "p.oid")}
),
objects (kind, owner, name, definition, role, source) as (
  ${[relations, columns, partsOfTables, functions, types, privileges, comments].join("\n  union all")}
  union all
  select 'extension', null, extname::text, '', null, null from pg_extension where extname <> 'plpgsql'
)
select kind::text as kind, owner as "table", name,
  regexp_replace(replace(definition, here.prefix, ''), '[[:space:]]+', ' ', 'g') as definition, role as owner, source
from objects, here order by kind, 2, name`
