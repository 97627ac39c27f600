/** PostgreSQL values on the Data API's wire: a JavaScript value to a parameter, a result column to JavaScript values. */
export { decodeRows, decodeValues } from "./PgDecode.ts"
export { encode, encodeJson, encodeRows, type PgParameter } from "./PgEncode.ts"
export { PgValueError, type Row } from "./PgRefusal.ts"
