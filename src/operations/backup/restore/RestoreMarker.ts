/**
 * The progress of a restore with `resume`: a table in the target, written in the same transactions as the rows, so that
 * none is written twice or left out, wherever a run was cut off.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { refuse } from "../Backup.ts"
import { table } from "../QuotedName.ts"

/** The name of the table, which the end of the restore drops. */
export const markerTable = "alex_restore"

/** The columns that tell it from another application's table of that name. */
const columns = ["backup", "rows", "after", "begun"]

const Marker = Schema.Struct({
  backup: Schema.String,
  /** Rows of the backup that are in place. */
  rows: Schema.FiniteFromString,
  /** The statements that put back what was dropped or disabled. */
  after: Schema.fromJsonString(Schema.Array(Schema.String))
})
export type Marker = typeof Marker.Type

const Found = Schema.Array(Schema.Struct({ found: Schema.Boolean }))

/** The marker of an unfinished restore, if there is one. */
export const find = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* SqlClient.SqlClient
  const found = yield* sql`
    select exists (
      select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = ${schema}::text and c.relname = ${markerTable}::text and c.relkind = 'r' and ${columns.length} = (
        select count(*) from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and not a.attisdropped and a.attname::text = any(${columns}::text[])
      )
    ) as found`
  const [{ found: isThere } = { found: false }] = yield* Schema.decodeUnknownEffect(Found)(found)
  if (!isThere) return undefined
  const rows = yield* sql`
    select backup::text as backup, rows::text as rows, after::text as after from ${table(sql, schema, markerTable)}`
  return (yield* Schema.decodeUnknownEffect(Schema.Array(Marker))(rows))[0]
})

/** Creates the marker. In the transaction that prepares the tables. */
export const create = Effect.fnUntraced(function* (schema: string, backup: string, after: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const marker = table(sql, schema, markerTable)
  yield* sql`
    create table ${marker} (
      backup text primary key, rows bigint not null default 0, after jsonb not null,
      begun timestamptz not null default now()
    )`
  yield* sql`insert into ${marker} (backup, after) values (${backup}::text, ${JSON.stringify(after)}::text::jsonb)`
})

/** Advances the marker. In the transaction that writes the rows; fails if another run has advanced it meanwhile. */
export const advance = Effect.fnUntraced(function* (schema: string, from: number, to: number) {
  const sql = yield* SqlClient.SqlClient
  const moved = yield* sql`
    update ${table(sql, schema, markerTable)} set rows = ${String(to)}::text::int8
    where rows = ${String(from)}::text::int8 returning rows::text as rows`
  if (moved.length === 1) return
  return yield* refuse("another restore of the same backup is in progress", "Wait for it, or stop one of the two")
})

/** Drops the marker. In the transaction that ends the restore. */
export const drop = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`drop table ${table(sql, schema, markerTable)}`
})
