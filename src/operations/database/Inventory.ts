/**
 * Lists every object that users created in a database and its cluster. PostgreSQL's own objects have OIDs below 16384.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Catalogues of objects in schemas, with their schema's column and a condition that leaves out dependent ones: row
 * types, arrays.
 */
const inSchemas = [
  ["pg_class", "relnamespace", "relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')"],
  ["pg_type", "typnamespace", "typtype in ('e', 'd', 'r', 'b') and typcategory <> 'A'"],
  ["pg_proc", "pronamespace", "true"],
  ["pg_collation", "collnamespace", "true"],
  ["pg_conversion", "connamespace", "true"],
  ["pg_operator", "oprnamespace", "true"],
  ["pg_opclass", "opcnamespace", "true"],
  ["pg_opfamily", "opfnamespace", "true"],
  ["pg_ts_config", "cfgnamespace", "true"],
  ["pg_ts_dict", "dictnamespace", "true"],
  ["pg_ts_parser", "prsnamespace", "true"],
  ["pg_ts_template", "tmplnamespace", "true"],
  ["pg_statistic_ext", "stxnamespace", "true"]
] as const

/** Catalogues of objects outside schemas, with such a condition. */
const inNone = [
  ["pg_namespace", "nspname !~ '^pg_(toast|temp)'"],
  ["pg_extension", "extname not in ('plpgsql', 'uuid-ossp')"],
  ["pg_cast", "true"],
  ["pg_language", "true"],
  ["pg_foreign_data_wrapper", "true"],
  ["pg_foreign_server", "true"],
  ["pg_user_mapping", "true"],
  ["pg_publication", "true"],
  ["pg_event_trigger", "true"],
  ["pg_am", "true"],
  ["pg_transform", "true"],
  ["pg_default_acl", "true"]
] as const

const inventorySql = `
with objects (classid, objid, home) as (
  ${[
    ...inSchemas.map(
      ([name, home, which]) => `select '${name}'::regclass, oid, ${home} from ${name} where oid >= 16384 and ${which}`
    ),
    ...inNone.map(
      ([name, which]) => `select '${name}'::regclass, oid, 0::oid from ${name} where oid >= 16384 and ${which}`
    ),
    "select 'pg_largeobject'::regclass, oid, 0::oid from pg_largeobject_metadata"
  ].join("\n  union all ")}
),
-- Members of extensions, and what another object is made of, come and go with that.
own as (
  select * from objects o where not exists (
    select from pg_depend d where d.classid = o.classid and d.objid = o.objid and d.deptype in ('e', 'i'))
)
select pg_describe_object(classid, objid, 0) as object, home = coalesce(to_regnamespace(quote_ident(current_schema()::text)), 0) as here
from own
union all
select 'role ' || quote_ident(rolname), false from pg_roles where oid >= 16384
union all
select 'tablespace ' || quote_ident(spcname), false from pg_tablespace where oid >= 16384
union all
select 'settings of ' || concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)), false
from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
where s.setdatabase = 0 or d.datname = current_database()
order by 1`

/** One object as PostgreSQL describes it, and whether it is in the current schema. */
const Objects = Schema.Array(Schema.Struct({ object: Schema.String, here: Schema.Boolean }))

/** Reads the inventory, without the extension that Alex's tables need. One request. */
export const read = Effect.fn("Inventory.read")(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* Schema.decodeUnknownEffect(Objects)(yield* sql.unsafe(inventorySql))
})

const Databases = Schema.Array(Schema.Struct({ name: Schema.String }))

/** The databases of the cluster that can be connected to. */
export const databases = Effect.fn("Inventory.databases")(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select datname::text as name from pg_database where datallowconn order by 1`
  return (yield* Schema.decodeUnknownEffect(Databases)(rows)).map(({ name }) => name)
})
