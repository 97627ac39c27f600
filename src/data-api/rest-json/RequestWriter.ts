/** Encodes the body of a request, for a client. Pure. */
import type { SqlParameter } from "../DataApi.ts"
import type { Operation } from "../Operation.ts"
import { fieldText, isPlain } from "./ExactJson.ts"
import type { Requests } from "./Operations.ts"

/** The cluster to call, and the secret to connect with. */
export interface Cluster {
  readonly resourceArn: string
  readonly secretArn: string
  /** The database of requests that name none. */
  readonly database: string | undefined
}

const parameterText = ({ name, typeHint, value }: SqlParameter): string =>
  `{"name":${JSON.stringify(name)},"value":${fieldText(value)}${typeHint === undefined ? "" : `,"typeHint":"${typeHint}"`}}`

/** Whether `JSON.stringify` writes all values as the service reads them. */
const arePlain = (parameters: ReadonlyArray<SqlParameter>): boolean => parameters.every(({ value }) => isPlain(value))

const parametersText = (parameters: ReadonlyArray<SqlParameter>): string =>
  `[${parameters.map(parameterText).join(",")}]`

/** Joins the members of two objects' JSON. */
const joined = (first: string, second: string): string =>
  second === "{}" ? first : `${first.slice(0, -1)},${second.slice(1)}`

/** The members of a request without those of the cluster. */
const membersText = (request: Requests[Operation]): string => {
  if ("parameters" in request && request.parameters !== undefined && !arePlain(request.parameters)) {
    const rest = JSON.stringify({ ...request, parameters: undefined })
    return joined(rest, `{"parameters":${parametersText(request.parameters)}}`)
  }
  if ("parameterSets" in request && request.parameterSets !== undefined && !request.parameterSets.every(arePlain)) {
    const rest = JSON.stringify({ ...request, parameterSets: undefined })
    return joined(rest, `{"parameterSets":[${request.parameterSets.map(parametersText).join(",")}]}`)
  }
  return JSON.stringify(request)
}

/**
 * Makes the function that encodes the body of a request. The members of the cluster are written once.
 *
 * @example
 * ```ts
 * import { requestWriter } from "./RequestWriter.ts"
 *
 * const encode = requestWriter({ resourceArn: "arn:c", secretArn: "arn:s", database: "alex" })
 * encode({ transactionId: "t" })
 * // '{"resourceArn":"arn:c","secretArn":"arn:s","transactionId":"t"}'
 * ```
 */
export const requestWriter = ({ database, resourceArn, secretArn }: Cluster) => {
  const withoutDatabase = JSON.stringify({ resourceArn, secretArn })
  const withDatabase = JSON.stringify({ resourceArn, secretArn, database })
  return (request: Requests[Operation]): string => {
    // A commit or a rollback names no database.
    const namesOwn =
      "sql" in request ? request.database !== undefined : "transactionId" in request || request.database !== undefined
    return joined(namesOwn ? withoutDatabase : withDatabase, membersText(request))
  }
}
