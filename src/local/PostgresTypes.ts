/**
 * PostgreSQL's built-in types as the service sees them: which ones it can return, in which form, and what it calls
 * the others.
 */
import * as Binary from "./BinaryValues.ts"

export interface PostgresType {
  /** The catalogue's name, as `typeName` in column metadata. */
  readonly name: string
  /** The name in the message about an unsupported type: the service's driver spells its own types in capitals. */
  readonly displayName: string
  /** The JDBC type code of column metadata. */
  readonly jdbcType: number
  /** Absent: the service can't return this type. */
  readonly read?: Binary.Reader | undefined
  /** The member of an array value that holds elements of this type; absent: arrays of it can't be returned. */
  readonly arrayMember?: Binary.ArrayMember | undefined
}

const otherJdbcType = 1111
const arrayJdbcType = 2003

const scalar = (
  name: string,
  jdbcType: number,
  read: Binary.Reader,
  arrayMember: Binary.ArrayMember | undefined = "stringValues",
  displayName = name.toUpperCase()
): PostgresType => ({ name, displayName, jdbcType, read, arrayMember })

const unsupported = (name: string, jdbcType = otherJdbcType, displayName = name.toUpperCase()): PostgresType => ({
  name,
  displayName,
  jdbcType
})

/** The array type over an element type. */
export const arrayOf = (name: string, element: PostgresType): PostgresType => ({
  name,
  displayName: `${element.displayName}[]`,
  jdbcType: arrayJdbcType,
  read: element.read && element.arrayMember && Binary.array(element.read, element.arrayMember)
})

/** An enum, which the service returns as its label. */
export const enumType = (name: string): PostgresType => scalar(name, 12, Binary.text, "stringValues", name)

/** A type that only the catalogue knows, and the service can't return. */
export const otherType = (name: string): PostgresType => unsupported(name, otherJdbcType, name)

// OID of the scalar, OID of its array, the type.
const builtIn: ReadonlyArray<readonly [oid: number, arrayOid: number, type: PostgresType]> = [
  [16, 1000, scalar("bool", -7, Binary.bool, "booleanValues")],
  [17, 1001, { ...scalar("bytea", -2, Binary.bytea), arrayMember: undefined }],
  [18, 1002, unsupported("char", 1, '"CHAR"')],
  [19, 1003, scalar("name", 12, Binary.text)],
  [20, 1016, scalar("int8", -5, Binary.int8, "longValues")],
  [21, 1005, scalar("int2", 5, Binary.int2, "longValues")],
  [23, 1007, scalar("int4", 4, Binary.int4, "longValues")],
  [25, 1009, scalar("text", 12, Binary.text)],
  [26, 1028, scalar("oid", -5, Binary.oid, "longValues")],
  [114, 199, scalar("json", otherJdbcType, Binary.json)],
  [600, 1017, unsupported("point")],
  [601, 1018, unsupported("lseg")],
  [602, 1019, unsupported("path")],
  [603, 1020, unsupported("box")],
  [604, 1027, unsupported("polygon")],
  [628, 629, unsupported("line")],
  [650, 651, scalar("cidr", otherJdbcType, Binary.cidr)],
  [700, 1021, scalar("float4", 7, Binary.float4, "doubleValues")],
  [701, 1022, scalar("float8", 8, Binary.float8, "doubleValues")],
  [705, 0, scalar("unknown", otherJdbcType, Binary.text)],
  [718, 719, unsupported("circle")],
  [774, 775, unsupported("macaddr8")],
  [790, 791, unsupported("money", 8)],
  [829, 1040, unsupported("macaddr")],
  [869, 1041, scalar("inet", otherJdbcType, Binary.inet)],
  [1042, 1014, scalar("bpchar", 1, Binary.text, "stringValues", "CHAR")],
  [1043, 1015, scalar("varchar", 12, Binary.text)],
  [1082, 1182, scalar("date", 91, Binary.date)],
  [1083, 1183, scalar("time", 92, Binary.time)],
  [1114, 1115, scalar("timestamp", 93, Binary.timestamp)],
  [1184, 1185, scalar("timestamptz", 93, Binary.timestamp)],
  [1186, 1187, unsupported("interval")],
  [1266, 1270, unsupported("timetz", 92)],
  [1560, 1561, scalar("bit", -7, Binary.bits)],
  [1562, 1563, scalar("varbit", otherJdbcType, Binary.bits)],
  [1700, 1231, scalar("numeric", 2, Binary.numeric)],
  [2249, 2287, unsupported("record")],
  [2278, 0, scalar("void", otherJdbcType, Binary.text)],
  [2950, 2951, scalar("uuid", otherJdbcType, Binary.uuid)],
  [3802, 3807, scalar("jsonb", otherJdbcType, Binary.jsonb)],
  [3904, 3905, scalar("int4range", otherJdbcType, Binary.range(Binary.int4))],
  [3906, 3907, scalar("numrange", otherJdbcType, Binary.range(Binary.numeric))],
  [3908, 3909, unsupported("tsrange")],
  [3910, 3911, unsupported("tstzrange")],
  [3912, 3913, unsupported("daterange")],
  [3926, 3927, unsupported("int8range")],
  [4072, 4073, unsupported("jsonpath")]
]

const byOid: ReadonlyMap<number, PostgresType> = new Map(
  builtIn.flatMap(
    ([oid, arrayOid, type]): ReadonlyArray<readonly [number, PostgresType]> => [
      [oid, type],
      ...(arrayOid === 0 ? [] : [[arrayOid, arrayOf(`_${type.name}`, type)] as const])
    ]
  )
)

/** A built-in type; `undefined` for those that only the catalogue knows. */
export const builtInType = (oid: number): PostgresType | undefined => byOid.get(oid)
