/** Reads from a database's catalogue what a result does not contain: names of user-defined types, and table columns. */
import { Effect } from "effect"
import { sqlNull } from "../../data-api/postgres/BinaryValues.ts"
import { pgTypeByName } from "../../data-api/values/PgOids.ts"
import { arrayOf, builtInType, enumType, otherType, type PostgresType } from "../values/PostgresTypes.ts"
import type { Column, Refusal, RowReader, SchemaVersion, Session, SessionLost, Value } from "./Session.ts"

export interface TableColumn {
  readonly tableName: string
  readonly notNull: boolean
  /** Filled by a sequence: serial or identity. */
  readonly autoIncrement: boolean
}

const selectTypes = `
select t.oid::text, t.typname::text, t.typtype::text, e.oid::text, e.typname::text, e.typtype::text
from pg_catalog.pg_type t
left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
where t.oid = any ($1)`

const selectColumns = `
select a.attrelid::text || '.' || a.attnum, c.relname::text, a.attnotnull::text,
  (a.attidentity <> '' or coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) like 'nextval(%', false))::text
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = any ($1) and a.attnum > 0`

const oidArray = pgTypeByName.get("oid")?.arrayOid ?? 0

const scalarType = (oid: string, name: string, kind: string): PostgresType =>
  builtInType(Number(oid)) ?? (kind === "e" ? enumType(name) : otherType(name))

/** The catalogue of one database, cached until the schema changes. */
export class TypeCatalogue {
  #schemaVersion: SchemaVersion
  #knownVersion: number
  #types = new Map<number, PostgresType>()
  #columns = new Map<string, TableColumn>()
  #tables = new Set<number>()

  constructor(schemaVersion: SchemaVersion) {
    this.#schemaVersion = schemaVersion
    this.#knownVersion = schemaVersion.current
  }

  readonly #typeOf = (oid: number): PostgresType | undefined => builtInType(oid) ?? this.#types.get(oid)

  /** The type of each column. */
  types(
    session: Session,
    columns: ReadonlyArray<Column>
  ): Effect.Effect<ReadonlyArray<PostgresType>, Refusal | SessionLost> {
    this.#forgetIfStale()
    const wanted = new Set<number>()
    for (const { dataTypeOid } of columns) if (this.#typeOf(dataTypeOid) === undefined) wanted.add(dataTypeOid)
    const found = () => columns.map(({ dataTypeOid }) => this.#typeOf(dataTypeOid) ?? otherType(String(dataTypeOid)))
    return wanted.size === 0 ? Effect.succeed(found()) : Effect.map(this.#learnTypes(session, wanted), found)
  }

  readonly #learnTypes = (session: Session, wanted: ReadonlySet<number>) =>
    Effect.map(rows(session, selectTypes, wanted), (found) => {
      for (const row of found) {
        const [oid = "", name = "", kind = "", elementOid, elementName = "", elementKind = ""] = row
        this.#types.set(
          Number(oid),
          elementOid === undefined
            ? scalarType(oid, name, kind)
            : arrayOf(name, scalarType(elementOid, elementName, elementKind))
        )
      }
    })

  /** The table column behind each result column; `undefined` for expressions. */
  readonly origins = Effect.fnUntraced(function* (
    this: TypeCatalogue,
    session: Session,
    columns: ReadonlyArray<Column>
  ): Effect.fn.Return<ReadonlyArray<TableColumn | undefined>, Refusal | SessionLost> {
    this.#forgetIfStale()
    const wanted = new Set(
      columns.flatMap(({ tableOid }) => (tableOid === 0 || this.#tables.has(tableOid) ? [] : [tableOid]))
    )
    if (wanted.size > 0) {
      for (const row of yield* rows(session, selectColumns, wanted)) {
        const [key = "", tableName = "", notNull, autoIncrement] = row
        this.#columns.set(key, { tableName, notNull: notNull === "true", autoIncrement: autoIncrement === "true" })
      }
      for (const table of wanted) this.#tables.add(table)
    }
    return columns.map(({ tableOid, columnAttributeNumber }) =>
      this.#columns.get(`${tableOid}.${columnAttributeNumber}`)
    )
  })

  #forgetIfStale(): void {
    if (this.#knownVersion === this.#schemaVersion.current) return
    this.#knownVersion = this.#schemaVersion.current
    this.#types.clear()
    this.#columns.clear()
    this.#tables.clear()
  }
}

const utf8 = new TextDecoder()

/** Reads the rows of catalogue queries, whose columns are all text. */
class TextRows implements RowReader {
  readonly rows: Array<ReadonlyArray<string | undefined>> = []
  #row: Array<string | undefined> = []

  read(bytes: Uint8Array, offset: number, size: number): Value {
    this.#row.push(size < 0 ? undefined : utf8.decode(bytes.subarray(offset, offset + size)))
    return sqlNull
  }

  end(): void {
    this.rows.push(this.#row)
    this.#row = []
  }
}

const rows = (session: Session, sql: string, oids: ReadonlySet<number>) =>
  Effect.map(
    session.run({
      sql,
      parameters: [{ oid: oidArray, value: `{${[...oids].join(",")}}` }],
      rowsOf: () => new TextRows()
    }),
    (result) => result.rows?.rows ?? []
  )
