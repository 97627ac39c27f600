/** Finds the one sequence that an INSERT into a table uses, and caches the answers. */
import * as Effect from "effect/Effect"
import type { DataApi } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import { remember } from "../../data-api/statement/RecentTexts.ts"
import type { Place } from "../statement/Descriptions.ts"
import { fieldText } from "../statement/FieldText.ts"

/** A column that gets its value from a sequence, unless an INSERT gives one. */
export interface NumberedColumn {
  readonly column: string
  /** The object id of the sequence. */
  readonly sequence: string
}

/** Milliseconds until a table is asked for again, since another client may have changed it. */
const LIFETIME = 60_000
const CAPACITY = 1000

/**
 * The columns of a table whose defaults use a sequence. None of a table where more is done with a row than its defaults
 * say: by triggers, rules, functions of one's own; nor where RETURNING needs what INSERT does not: the privilege to read
 * the column, or a row that row security shows.
 */
const columnsSql = (table: string): string => `
with used as (
  select d.refobjid as relation, d.refobjsubid::int as number, d.objid as sequence from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'i'
  union
  select f.adrelid, f.adnum, d.refobjid from pg_catalog.pg_attrdef f join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
)
select quote_ident(a.attname), u.sequence::bigint
from pg_catalog.pg_class c join used u on u.relation = c.oid
join pg_catalog.pg_class s on s.oid = u.sequence and s.relkind = 'S'
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.number
where c.oid = to_regclass(${literal(table)}) and c.relkind = 'r' and not c.relrowsecurity and not c.relhasrules
and not exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal)
and not exists (select from pg_catalog.pg_attrdef f join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass
  where f.adrelid = c.oid)
and has_column_privilege(c.oid, a.attnum, 'SELECT')`

export class SequenceLookup {
  readonly #api: DataApi["Service"]
  readonly #known = new Map<string, { readonly found: NumberedColumn | undefined; readonly until: number }>()

  constructor(api: DataApi["Service"]) {
    this.#api = api
  }

  /** Clears the cache, after a statement that may have changed a table. */
  clear(): void {
    this.#known.clear()
  }

  /** The only column of a table that uses a sequence; undefined if that can't be told. */
  columnOf(table: string, place: Place): Effect.Effect<NumberedColumn | undefined, DataApiError> {
    return Effect.suspend(() => {
      const { database, names, transactionId } = place
      const key = `${database}\0${names}\0${table}`
      const known = this.#known.get(key)
      if (known !== undefined && known.until > Date.now()) return Effect.succeed(known.found)
      const asked = this.#api.executeStatement({ sql: columnsSql(table), database, transactionId })
      return Effect.map(asked, ({ records = [] }) => {
        const [column, sequence] = records.length === 1 ? (records[0]?.map(fieldText) ?? []) : []
        const found = column == null || sequence == null ? undefined : { column, sequence }
        remember(this.#known, key, { found, until: Date.now() + LIFETIME }, CAPACITY)
        return found
      })
    })
  }
}
