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

/** Adds a member to an object's JSON. */
const withMember = (object: string, name: string, value: string): string => `${object.slice(0, -1)},"${name}":${value}}`

/**
 * Encodes the body of a request.
 *
 * @example
 * ```ts
 * import { encodeRequest } from "./RequestWriter.ts"
 *
 * const cluster = { resourceArn: "arn:c", secretArn: "arn:s", database: "alex" }
 * encodeRequest(cluster, "CommitTransaction", { transactionId: "t" })
 * // '{"resourceArn":"arn:c","secretArn":"arn:s","transactionId":"t"}'
 * ```
 */
export const encodeRequest = <O extends Operation>(cluster: Cluster, _operation: O, request: Requests[O]): string => {
  const { resourceArn, secretArn } = cluster
  // A commit or a rollback names no database.
  if (!("sql" in request) && "transactionId" in request) {
    return JSON.stringify({ resourceArn, secretArn, transactionId: request.transactionId })
  }
  const members = { resourceArn, secretArn, ...request, database: request.database ?? cluster.database }
  if ("parameters" in request && request.parameters !== undefined && !arePlain(request.parameters)) {
    const body = JSON.stringify({ ...members, parameters: undefined })
    return withMember(body, "parameters", parametersText(request.parameters))
  }
  if ("parameterSets" in request && request.parameterSets !== undefined && !request.parameterSets.every(arePlain)) {
    const body = JSON.stringify({ ...members, parameterSets: undefined })
    return withMember(body, "parameterSets", `[${request.parameterSets.map(parametersText).join(",")}]`)
  }
  return JSON.stringify(members)
}
