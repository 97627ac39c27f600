/**
 * PostgreSQL's built-in types in the service: which ones it can return, how they are read, and its names for the
 * others.
 */

import * as Binary from "../../data-api/postgres/BinaryValues.ts"
import {
  ARRAY_JDBC_TYPE,
  type ElementsMember,
  OTHER_JDBC_TYPE,
  pgTypeByName,
  pgTypes
} from "../../data-api/values/PgOids.ts"

export interface PostgresType {
  /** The catalogue's name, as `typeName` in column metadata. */
  readonly name: string
  /** The name in the message about an unsupported type. The service's driver has capitals for types it knows. */
  readonly displayName: string
  /** The JDBC type code of column metadata. */
  readonly jdbcType: number
  /** Absent: the service can't return this type. */
  readonly read?: Binary.Reader | undefined
  /** The member of an array value that holds elements of this type; absent: arrays of it can't be returned. */
  readonly arrayMember?: ElementsMember | undefined
}

/** The array type of an element type. */
export const arrayOf = (name: string, element: PostgresType): PostgresType => ({
  name,
  displayName: `${element.displayName}[]`,
  jdbcType: ARRAY_JDBC_TYPE,
  read: element.read && element.arrayMember && Binary.array(element.read, element.arrayMember)
})

/** The service returns an enum's label like a text. */
const label = pgTypeByName.get("text")

/** The type of an enum. */
export const enumType = (name: string): PostgresType => ({
  name,
  displayName: name,
  jdbcType: label?.jdbcType ?? OTHER_JDBC_TYPE,
  read: Binary.text,
  arrayMember: label?.arrayMember
})

/** A type that only the catalogue knows, and the service can't return. */
export const otherType = (name: string): PostgresType => ({
  name,
  displayName: name,
  jdbcType: OTHER_JDBC_TYPE
})

/** The readers of the types that the service can return. */
const readers: Readonly<Record<string, Binary.Reader>> = {
  bool: Binary.bool,
  bytea: Binary.bytea,
  name: Binary.text,
  int8: Binary.int8,
  int2: Binary.int2,
  int4: Binary.int4,
  text: Binary.text,
  oid: Binary.oid,
  json: Binary.json,
  cidr: Binary.cidr,
  float4: Binary.float4,
  float8: Binary.float8,
  unknown: Binary.text,
  inet: Binary.inet,
  bpchar: Binary.text,
  varchar: Binary.text,
  date: Binary.date,
  time: Binary.time,
  timestamp: Binary.timestamp,
  timestamptz: Binary.timestamp,
  bit: Binary.bits,
  varbit: Binary.bits,
  numeric: Binary.numeric,
  void: Binary.text,
  uuid: Binary.uuid,
  jsonb: Binary.jsonb,
  int4range: Binary.range(Binary.int4),
  numrange: Binary.range(Binary.numeric)
}

const byOid: ReadonlyMap<number, PostgresType> = new Map(
  pgTypes.flatMap(({ arrayMember, arrayOid, displayName, jdbcType, name, oid }) => {
    const type: PostgresType = { name, displayName, jdbcType, read: readers[name], arrayMember }
    return [[oid, type] as const, ...(arrayOid === 0 ? [] : [[arrayOid, arrayOf(`_${name}`, type)] as const])]
  })
)

/** A built-in type; `undefined` for those that only the catalogue knows. */
export const builtInType = (oid: number): PostgresType | undefined => byOid.get(oid)
