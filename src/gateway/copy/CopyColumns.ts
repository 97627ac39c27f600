/** The columns that COPY copies, and what PostgreSQL refuses to copy from or to. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { literal, unquotedName } from "../../data-api/statement/Quoting.ts"
import type { Session } from "../session/ClientSession.ts"
import { fieldText } from "../statement/FieldText.ts"
import { type Refused, refusal } from "../statement/Refused.ts"
import type { CopyStatement } from "./CopyStatement.ts"

const Relation = Schema.Struct({
  kind: Schema.String,
  name: Schema.String,
  /** Whether a rule says what to do instead of an INSERT, or also. */
  hasRule: Schema.Boolean,
  /** Whether a trigger inserts into the view. */
  hasTrigger: Schema.Boolean,
  hasRowSecurity: Schema.Boolean,
  columns: Schema.Array(Schema.Struct({ name: Schema.String, written: Schema.String, isGenerated: Schema.Boolean }))
})
type Relation = typeof Relation.Type

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Relation))

const relationSql = (table: string): string => `select json_build_object('kind', relkind, 'name', relname,
'hasRule', exists(select from pg_catalog.pg_rewrite where ev_class = c.oid and ev_type = '3' and ev_enabled in ('O', 'A')),
'hasTrigger', exists(select from pg_catalog.pg_trigger where tgrelid = c.oid and tgtype & 69 = 69 and tgenabled <> 'D'),
'hasRowSecurity', row_security_active(c.oid),
'columns', array(select json_build_object('name', attname, 'written', quote_ident(attname), 'isGenerated', attgenerated <> '')
from pg_catalog.pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum))::text
from pg_catalog.pg_class c where oid = ${literal(table.replace(/^only\s+/i, ""))}::regclass`

const relationOf = Effect.fnUntraced(function* (session: Session, table: string) {
  const { records = [] } = yield* session.send({ sql: relationSql(table) })
  const field = records[0]?.[0]
  const read = decode(field === undefined ? "" : fieldText(field))
  if (Result.isFailure(read)) return yield* refusal("42P01", `relation "${table}" does not exist`)
  return read.success
})

/** PostgreSQL's error on a list of columns; undefined if there is none. */
const columnFault = ({ columns, name: table }: Relation, asked: ReadonlyArray<string>): Refused | undefined => {
  const seen = new Set<string>()
  for (const name of asked.map(unquotedName)) {
    const found = columns.find((column) => column.name === name)
    if (found === undefined) return refusal("42703", `column "${name}" of relation "${table}" does not exist`)
    if (found.isGenerated) return refusal("42P10", `column "${name}" is a generated column`)
    if (seen.has(name)) return refusal("42701", `column "${name}" specified more than once`)
    seen.add(name)
  }
  return undefined
}

const kinds: Readonly<Record<string, string>> = {
  v: "view",
  m: "materialized view",
  f: "foreign table",
  S: "sequence",
  p: "partitioned table"
}

const other = ({ kind, name }: Relation, direction: "from" | "to", hint?: string): Refused =>
  /^[iIc]$/.test(kind)
    ? refusal("42809", `"${name}" is ${kind === "c" ? "a composite type" : "an index"}`)
    : refusal("42809", `cannot copy ${direction} ${kinds[kind] ?? "non-table relation"} "${name}"`, hint)

/** PostgreSQL's error on what it does not copy from; undefined if it does. */
const outFault = (relation: Relation): Refused | undefined => {
  if (relation.kind === "r") return undefined
  return other(relation, "from", /^[vmfp]$/.test(relation.kind) ? "Try the COPY (SELECT ...) TO variant." : undefined)
}

/** The error on what PostgreSQL does not copy to, or the gateway can't; undefined if there is none. */
const inFault = (relation: Relation): Refused | undefined => {
  const { hasRowSecurity, hasRule, hasTrigger, kind, name } = relation
  if (kind === "v" && !hasTrigger) {
    return other(relation, "to", "To enable copying to a view, provide an INSTEAD OF INSERT trigger.")
  }
  if (!/^[rpfv]$/.test(kind)) return other(relation, "to")
  if (hasRowSecurity) {
    return refusal("0A000", "COPY FROM not supported with row-level security", "Use INSERT statements instead.")
  }
  return hasRule
    ? refusal(
        "0A000",
        `COPY to "${name}" is not supported through the Data API: its rules on INSERT would be applied`,
        "Disable them with ALTER TABLE ... DISABLE RULE, or use INSERT statements."
      )
    : undefined
}

/** The names of the columns to copy, quoted if needed: without a list all that are not generated. */
export const copiedColumns = Effect.fnUntraced(function* (
  session: Session,
  { columns, direction, table = "" }: Pick<CopyStatement, "columns" | "direction" | "table">
) {
  const relation = yield* relationOf(session, table)
  const isOpened = !/^[iIc]$/.test(relation.kind)
  const fault =
    (isOpened && columns !== undefined ? columnFault(relation, columns) : undefined) ??
    (direction === "in" ? inFault(relation) : outFault(relation))
  if (fault !== undefined) return yield* fault
  return columns ?? relation.columns.flatMap(({ isGenerated, written }) => (isGenerated ? [] : [written]))
})
