/** The Data API's protocol, REST-JSON: a request to its body, an answer to a response or a failure. Pure. */
import * as Result from "effect/Result"
import type {
  ArrayValue,
  BatchExecuteStatementRequest,
  BatchExecuteStatementResponse,
  BeginTransactionRequest,
  BeginTransactionResponse,
  EndTransactionRequest,
  EndTransactionResponse,
  ExecuteStatementRequest,
  ExecuteStatementResponse,
  Field,
  Operation,
  SqlParameter
} from "./DataApi.ts"
import { InvalidRequest, type Reason, reasonOf, UnexpectedResponse } from "./DataApiError.ts"

/** The request path of each operation. */
export const paths: Readonly<Record<Operation, string>> = {
  ExecuteStatement: "/Execute",
  BatchExecuteStatement: "/BatchExecute",
  BeginTransaction: "/BeginTransaction",
  CommitTransaction: "/CommitTransaction",
  RollbackTransaction: "/RollbackTransaction"
}

/** What each operation takes. */
export interface Requests {
  readonly ExecuteStatement: ExecuteStatementRequest
  readonly BatchExecuteStatement: BatchExecuteStatementRequest
  readonly BeginTransaction: BeginTransactionRequest
  readonly CommitTransaction: EndTransactionRequest
  readonly RollbackTransaction: EndTransactionRequest
}

/** What each operation gives. */
export interface Responses {
  readonly ExecuteStatement: ExecuteStatementResponse
  readonly BatchExecuteStatement: BatchExecuteStatementResponse
  readonly BeginTransaction: BeginTransactionResponse
  readonly CommitTransaction: EndTransactionResponse
  readonly RollbackTransaction: EndTransactionResponse
}

/** Who is called, and with which secret. */
export interface Cluster {
  readonly resourceArn: string
  readonly secretArn: string
  /** The database of requests that name none. */
  readonly database: string | undefined
}

/** An answer, its body read to the end. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
  /** Octets of the body. */
  readonly size: number
}

/** Why an answer is a failure, and the service's id of the request. */
export interface Failure {
  readonly reason: Reason
  readonly requestId: string | undefined
}

// ---------------------------------------------------------------------------------------------------------------
// Requests
// ---------------------------------------------------------------------------------------------------------------

type JsonField = Field | { readonly blobValue: string }

const exact = (value: bigint): number | undefined => {
  const narrow = Number(value)
  return Number.isSafeInteger(narrow) ? narrow : undefined
}

const jsonField = (field: Field): JsonField | undefined => {
  if ("blobValue" in field) {
    const { buffer, byteLength, byteOffset } = field.blobValue
    return { blobValue: Buffer.from(buffer, byteOffset, byteLength).toString("base64") }
  }
  if ("longValue" in field && typeof field.longValue === "bigint") {
    const longValue = exact(field.longValue)
    return longValue === undefined ? undefined : { longValue }
  }
  return field
}

const jsonParameters = (parameters: ReadonlyArray<SqlParameter>): Result.Result<ReadonlyArray<unknown>, Reason> => {
  const written: Array<unknown> = []
  for (const parameter of parameters) {
    const value = jsonField(parameter.value)
    if (value === undefined) {
      return Result.fail(
        new InvalidRequest({
          message: `The longValue of :${parameter.name} is beyond 2^53: send it as a stringValue with a cast to int8.`
        })
      )
    }
    written.push(value === parameter.value ? parameter : { ...parameter, value })
  }
  return Result.succeed(written)
}

/** The body of a request. */
export const encodeRequest = <O extends Operation>(
  cluster: Cluster,
  operation: O,
  request: Requests[O]
): Result.Result<string, Reason> => {
  const common = { resourceArn: cluster.resourceArn, secretArn: cluster.secretArn }
  if ("parameters" in request && request.parameters !== undefined) {
    const parameters = jsonParameters(request.parameters)
    if (Result.isFailure(parameters)) return Result.fail(parameters.failure)
    const database = request.database ?? cluster.database
    return Result.succeed(JSON.stringify({ ...common, ...request, database, parameters: parameters.success }))
  }
  if ("parameterSets" in request && request.parameterSets !== undefined) {
    const parameterSets: Array<ReadonlyArray<unknown>> = []
    for (const set of request.parameterSets) {
      const parameters = jsonParameters(set)
      if (Result.isFailure(parameters)) return Result.fail(parameters.failure)
      parameterSets.push(parameters.success)
    }
    const database = request.database ?? cluster.database
    return Result.succeed(JSON.stringify({ ...common, ...request, database, parameterSets }))
  }
  if (operation === "CommitTransaction" || operation === "RollbackTransaction") {
    return Result.succeed(JSON.stringify({ ...common, ...request }))
  }
  const database = ("database" in request ? request.database : undefined) ?? cluster.database
  return Result.succeed(JSON.stringify({ ...common, ...request, database }))
}

// ---------------------------------------------------------------------------------------------------------------
// Answers
// ---------------------------------------------------------------------------------------------------------------

/** A field as JSON has it: bytes are base64, and a number that JSON can't hold is text. */
type WireField =
  | Exclude<Field, { blobValue: unknown } | { longValue: unknown } | { doubleValue: unknown } | { arrayValue: unknown }>
  | { readonly blobValue: string }
  | { readonly longValue: number | string }
  | { readonly doubleValue: number | string }
  | { readonly arrayValue: WireArray }

type WireArray =
  | Exclude<ArrayValue, { longValues: unknown } | { doubleValues: unknown }>
  | { readonly longValues: ReadonlyArray<number | string | null> }
  | { readonly doubleValues: ReadonlyArray<number | string | null> }

/** JSON.parse rounds integers beyond 2^53; as text they stay what they are. */
const longTokens = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g
const hasLong = /[[:,]-?\d{16,}[\],}]/

const long = (value: number | string): number | bigint =>
  typeof value === "number" ? value : (exact(BigInt(value)) ?? BigInt(value))

const restoreArray = (array: WireArray): ArrayValue => {
  if ("longValues" in array)
    return { longValues: array.longValues.map((value) => (value === null ? null : long(value))) }
  if ("doubleValues" in array) {
    return { doubleValues: array.doubleValues.map((value) => (value === null ? null : Number(value))) }
  }
  return array
}

const restoreField = (field: WireField): Field => {
  if ("blobValue" in field) {
    const { buffer, byteLength, byteOffset } = Buffer.from(field.blobValue, "base64")
    return { blobValue: new Uint8Array(buffer, byteOffset, byteLength) }
  }
  if ("longValue" in field) return { longValue: long(field.longValue) }
  if ("doubleValue" in field) return { doubleValue: Number(field.doubleValue) }
  if ("arrayValue" in field) return { arrayValue: restoreArray(field.arrayValue) }
  return field
}

const restoreRow = (row: ReadonlyArray<WireField>): ReadonlyArray<Field> => row.map(restoreField)

/** A result as JSON.parse reads it. */
type WireResponse = Omit<ExecuteStatementResponse, "records" | "generatedFields"> & {
  readonly records?: ReadonlyArray<ReadonlyArray<WireField>>
  readonly generatedFields?: ReadonlyArray<WireField>
}

const isExactArray = (array: WireArray): boolean => {
  if ("longValues" in array) return array.longValues.every((value) => value === null || Number.isSafeInteger(value))
  if ("doubleValues" in array) return array.doubleValues.every((value) => typeof value !== "string")
  return !("arrayValues" in array)
}

/** Whether a field is what the service sent, and not text for it or rounded. */
const isExact = (field: WireField): boolean => {
  if ("stringValue" in field) return true
  if ("longValue" in field) return Number.isSafeInteger(field.longValue)
  if ("doubleValue" in field) return typeof field.doubleValue === "number"
  if ("arrayValue" in field) return isExactArray(field.arrayValue)
  return !("blobValue" in field)
}

const isExactRow = (row: ReadonlyArray<WireField>): boolean => row.every(isExact)

const isExactResponse = (response: WireResponse): response is WireResponse & ExecuteStatementResponse =>
  (response.records ?? []).every(isExactRow) && isExactRow(response.generatedFields ?? [])

/** Reads a result's JSON. Most have nothing that JSON can't hold, and are taken as they are. */
const statementResponse = (body: string): ExecuteStatementResponse => {
  const parsed: WireResponse = JSON.parse(body)
  if (!isJson(parsed) || isExactResponse(parsed)) return parsed
  const response: WireResponse = hasLong.test(body)
    ? JSON.parse(body.replace(longTokens, (token) => (token.startsWith('"') ? token : `"${token}"`)))
    : parsed
  const { generatedFields, records, ...rest } = response
  return {
    ...rest,
    ...(generatedFields === undefined ? {} : { generatedFields: restoreRow(generatedFields) }),
    ...(records === undefined ? {} : { records: records.map(restoreRow) })
  }
}

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const parse = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

const header = (answer: Answer, name: string): string | undefined => {
  const value = answer.headers[name]
  return typeof value === "string" ? value : value?.[0]
}

const requestIdOf = (answer: Answer): string | undefined =>
  header(answer, "x-amzn-requestid") ?? header(answer, "x-amz-request-id")

/** `ns#Code:http://...` is `Code`. */
const bareCode = (code: string): string => (code.split(":")[0] ?? "").split("#").pop() ?? ""

const textOf = (json: Json, ...names: ReadonlyArray<string>): string => {
  for (const name of names) {
    const value = json[name]
    if (typeof value === "string") return value
  }
  return ""
}

/** What a failed answer says. */
const failureOf = (answer: Answer): Reason => {
  const json = parse(answer.body)
  if (json === undefined && answer.body.trim() !== "") {
    return new UnexpectedResponse({
      message: `HTTP ${answer.status} with a body that is not JSON: a proxy's, perhaps.`,
      code: bareCode(header(answer, "x-amzn-errortype") ?? ""),
      status: answer.status
    })
  }
  const said = json ?? {}
  const code = bareCode(header(answer, "x-amzn-errortype") ?? textOf(said, "code", "__type"))
  const connection = said["dbConnectionId"]
  return reasonOf({
    code,
    status: answer.status,
    message: textOf(said, "message", "Message"),
    dbConnectionId: typeof connection === "number" ? connection : undefined
  })
}

/** Reads each operation's answer, or throws a SyntaxError for what is not JSON. */
const readers: { readonly [O in Operation]: (body: string) => Responses[O] } = {
  ExecuteStatement: statementResponse,
  BatchExecuteStatement: (body) => JSON.parse(body),
  BeginTransaction: (body) => JSON.parse(body),
  CommitTransaction: (body) => JSON.parse(body),
  RollbackTransaction: (body) => JSON.parse(body)
}

/** The response that an answer holds, or why it is a failure. */
export const decodeAnswer = <O extends Operation>(
  operation: O,
  answer: Answer
): Result.Result<Responses[O], Failure> => {
  const requestId = requestIdOf(answer)
  if (answer.status < 200 || answer.status >= 300) return Result.fail({ reason: failureOf(answer), requestId })
  try {
    const response = readers[operation](answer.body === "" ? "{}" : answer.body)
    if (isJson(response)) return Result.succeed(response)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const message = `HTTP ${answer.status} with a body that is not a response of the Data API.`
  return Result.fail({ reason: new UnexpectedResponse({ message, code: "", status: answer.status }), requestId })
}
