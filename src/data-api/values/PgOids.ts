/**
 * PostgreSQL's built-in types: object ids, names, the JDBC codes of column metadata, the service's names for them, and
 * the member of a `Field` in which the service returns their values. Pure data.
 */
import type { ArrayValue, Field } from "../DataApi.ts"

/** The member names of a union. */
type Member<A> = A extends unknown ? keyof A : never

/** The member of an `ArrayValue` that holds elements. The service returns no arrays of arrays. */
export type ElementsMember = Exclude<Member<ArrayValue>, "arrayValues">

/** One built-in type. */
export interface PgType {
  readonly oid: number
  /** The object id of its array type; 0 if there is none. */
  readonly arrayOid: number
  /** The catalogue's name, as `typeName` in column metadata. */
  readonly name: string
  /** The JDBC type code of column metadata. */
  readonly jdbcType: number
  /**
   * The name in the message about an unsupported type. The service uses sqlx, which has capitals for types it knows.
   */
  readonly displayName: string
  /** The member of a `Field` that holds a value; absent: the service can't return the type. */
  readonly member?: Member<Field>
  /** The member of an `ArrayValue` that holds elements; absent: the service can't return arrays of it. */
  readonly arrayMember?: ElementsMember
}

/** The JDBC code for a type without its own code. */
export const OTHER_JDBC_TYPE = 1111
/** The JDBC code of every array type. */
export const ARRAY_JDBC_TYPE = 2003

type Entry = readonly [oid: number, arrayOid: number, name: string, jdbcType?: number, displayName?: string]

const unreturned = (
  ...[oid, arrayOid, name, jdbcType = OTHER_JDBC_TYPE, displayName = name.toUpperCase()]: Entry
): PgType => ({ oid, arrayOid, name, jdbcType, displayName })

const returned =
  (member: Member<Field>, arrayMember: ElementsMember) =>
  (...entry: Entry): PgType => ({ ...unreturned(...entry), member, arrayMember })

const boolean = returned("booleanValue", "booleanValues")
const long = returned("longValue", "longValues")
const double = returned("doubleValue", "doubleValues")
const string = returned("stringValue", "stringValues")

/** Every built-in type that this package needs, in the order of object ids. */
export const pgTypes: ReadonlyArray<PgType> = [
  boolean(16, 1000, "bool", -7),
  { ...unreturned(17, 1001, "bytea", -2), member: "blobValue" },
  unreturned(18, 1002, "char", 1, '"CHAR"'),
  string(19, 1003, "name", 12),
  long(20, 1016, "int8", -5),
  long(21, 1005, "int2", 5),
  long(23, 1007, "int4", 4),
  string(25, 1009, "text", 12),
  long(26, 1028, "oid", -5),
  string(114, 199, "json"),
  unreturned(600, 1017, "point"),
  unreturned(601, 1018, "lseg"),
  unreturned(602, 1019, "path"),
  unreturned(603, 1020, "box"),
  unreturned(604, 1027, "polygon"),
  unreturned(628, 629, "line"),
  string(650, 651, "cidr"),
  double(700, 1021, "float4", 7),
  double(701, 1022, "float8", 8),
  string(705, 0, "unknown"),
  unreturned(718, 719, "circle"),
  unreturned(774, 775, "macaddr8"),
  unreturned(790, 791, "money", 8),
  unreturned(829, 1040, "macaddr"),
  string(869, 1041, "inet"),
  string(1042, 1014, "bpchar", 1, "CHAR"),
  string(1043, 1015, "varchar", 12),
  string(1082, 1182, "date", 91),
  string(1083, 1183, "time", 92),
  string(1114, 1115, "timestamp", 93),
  string(1184, 1185, "timestamptz", 93),
  unreturned(1186, 1187, "interval"),
  unreturned(1266, 1270, "timetz", 92),
  string(1560, 1561, "bit", -7),
  string(1562, 1563, "varbit"),
  string(1700, 1231, "numeric", 2),
  // sqlx does not know this type, so its name is the catalogue's.
  unreturned(2205, 2210, "regclass", OTHER_JDBC_TYPE, "regclass"),
  unreturned(2249, 2287, "record"),
  string(2278, 0, "void"),
  string(2950, 2951, "uuid"),
  string(3802, 3807, "jsonb"),
  string(3904, 3905, "int4range"),
  string(3906, 3907, "numrange"),
  unreturned(3908, 3909, "tsrange"),
  unreturned(3910, 3911, "tstzrange"),
  unreturned(3912, 3913, "daterange"),
  unreturned(3926, 3927, "int8range"),
  unreturned(4072, 4073, "jsonpath")
]

/** The type of an object id. */
export const pgTypeByOid: ReadonlyMap<number, PgType> = new Map(pgTypes.map((type) => [type.oid, type]))

/** The type of the elements, by the object id of the array type. */
export const pgElementByOid: ReadonlyMap<number, PgType> = new Map(
  pgTypes.flatMap((type) => (type.arrayOid === 0 ? [] : [[type.arrayOid, type] as const]))
)

/** The type of a catalogue name. */
export const pgTypeByName: ReadonlyMap<string, PgType> = new Map(pgTypes.map((type) => [type.name, type]))

/** The service's names for auto-increment columns, and their types. */
const serials: Readonly<Record<string, string>> = { smallserial: "int2", serial: "int4", bigserial: "int8" }

/** The object id of a type by the `typeName` of column metadata; 0 if it is not a built-in type. */
export const oidOf = (typeName: string): number =>
  (typeName.startsWith("_")
    ? pgTypeByName.get(typeName.slice(1))?.arrayOid
    : pgTypeByName.get(serials[typeName] ?? typeName)?.oid) ?? 0
