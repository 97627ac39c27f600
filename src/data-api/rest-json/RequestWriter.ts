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

const parametersText = (parameters: ReadonlyArray<SqlParameter>): string =>
  parameters.every(({ value }) => isPlain(value))
    ? JSON.stringify(parameters)
    : `[${parameters.map(parameterText).join(",")}]`

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
  const database = request.database ?? cluster.database
  if ("parameters" in request && request.parameters !== undefined) {
    const { parameters, ...members } = request
    const body = JSON.stringify({ resourceArn, secretArn, ...members, database })
    return withMember(body, "parameters", parametersText(parameters))
  }
  if ("parameterSets" in request && request.parameterSets !== undefined) {
    const { parameterSets, ...members } = request
    const body = JSON.stringify({ resourceArn, secretArn, ...members, database })
    return withMember(body, "parameterSets", `[${parameterSets.map(parametersText).join(",")}]`)
  }
  return JSON.stringify({ resourceArn, secretArn, ...request, database })
}
