/** Converts JavaScript values to parameters of the Data API, and its results to JavaScript values. */
export { decodeRows, decodeValues, type Rows } from "./PgDecode.ts"
export { encode, encodeJson, encodeRows, type PgParameter } from "./PgEncode.ts"
export { PgValueError, type Row } from "./PgRefusal.ts"
