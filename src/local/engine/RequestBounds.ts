/** The bounds that the service checks before it reads the statement. */
import type { SqlParameter } from "../../data-api/DataApi.ts"
import type { Reason } from "../../data-api/DataApiError.ts"
import { isLonger } from "../../data-api/Limits.ts"
import type { Limits } from "../EngineLimits.ts"
import { outOfBounds, schemaNotSupported } from "./Failures.ts"

/** The members of a request that have bounds, except its parameters. */
export interface Bounded {
  readonly sql?: string | undefined
  readonly database?: string | undefined
  readonly schema?: string | undefined
  readonly transactionId?: string | undefined
}

const bytesOf = (text: string): number => Buffer.byteLength(text)

/** The approximate size of a parameter in the request's JSON, in bytes. */
const parameterBytes = ({ name, value }: SqlParameter): number => {
  const base = bytesOf(name) + 40
  if ("stringValue" in value) return base + bytesOf(value.stringValue)
  return "blobValue" in value ? base + Math.ceil(value.blobValue.length / 3) * 4 : base + 16
}

/** Why the service refuses a request; undefined if it is within the bounds. */
export const refusalOf = (
  request: Bounded,
  parameters: ReadonlyArray<SqlParameter>,
  limits: Limits
): Reason | undefined => {
  if (request.schema !== undefined) return schemaNotSupported()
  if ((request.database?.length ?? 0) > 64) return outOfBounds("database", "length less than or equal to 64")
  if ((request.transactionId?.length ?? 0) > 192) {
    return outOfBounds("transactionId", "length less than or equal to 192")
  }
  const sql = request.sql ?? ""
  if (isLonger(sql, limits.sqlLength)) return outOfBounds("sql", `length less than or equal to ${limits.sqlLength}`)
  if (sql.includes("\0")) return outOfBounds("sql", "no null character")
  let bytes = bytesOf(sql)
  for (const parameter of parameters) bytes += parameterBytes(parameter)
  return bytes > limits.requestBytes
    ? outOfBounds("request", `size less than or equal to ${limits.requestBytes} bytes`)
    : undefined
}
