/**
 * The Data API's bodies: JSON to requests, responses and failures to JSON.
 *
 * Exact where JavaScript's JSON is not: an int64 beyond 2^53 survives both ways, blobs are base64, and the doubles
 * that JSON can't say are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. Members nobody knows are ignored, as
 * the service does; members of a wrong JSON type are a `SerializationException`, members out of bounds a
 * `ValidationException`, both in the words of the AWS front ends.
 */
import { Result } from "effect"
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
  ResultSetOptions,
  SqlParameter
} from "../data-api/DataApi.ts"
import { type Reason, type WireFailure, wireCodes } from "../data-api/DataApiError.ts"

/** Which cluster a call is for and whose secret opens it. */
export interface Target {
  readonly resourceArn: string
  readonly secretArn: string
}

/** One decoded call: the operation, its target and its request. */
export type Call = { readonly target: Target } & (
  | { readonly operation: "ExecuteStatement"; readonly request: ExecuteStatementRequest }
  | { readonly operation: "BatchExecuteStatement"; readonly request: BatchExecuteStatementRequest }
  | { readonly operation: "BeginTransaction"; readonly request: BeginTransactionRequest }
  | { readonly operation: "CommitTransaction" | "RollbackTransaction"; readonly request: EndTransactionRequest }
)

/** A response whose records are there as their JSON text only. */
export interface JsonResponse extends ExecuteStatementResponse {
  readonly recordsJson: string
  readonly rowCount: number
}

/** What an operation answers. */
export type Response =
  | ExecuteStatementResponse
  | JsonResponse
  | BatchExecuteStatementResponse
  | BeginTransactionResponse
  | EndTransactionResponse

/** A body that is not JSON, or whose members have a wrong JSON type; thrown by the readers, caught in `decodeCall`. */
class Malformed {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

const wrongType = (value: unknown, wanted: string): Malformed => {
  if (Array.isArray(value)) return new Malformed("Start of list found where not expected")
  if (value === null) return new Malformed(`NULL_VALUE can not be converted to ${wanted}`)
  switch (typeof value) {
    case "object":
      return new Malformed("Start of structure or map found where not expected.")
    case "string":
      return new Malformed(`STRING_VALUE can not be converted to ${wanted}`)
    case "boolean":
      return new Malformed(`${value ? "TRUE" : "FALSE"}_VALUE can not be converted to ${wanted}`)
    default:
      return new Malformed(`NUMBER_VALUE can not be converted to ${wanted}`)
  }
}

type Members = Readonly<Record<string, unknown>>

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const structure = (value: unknown): Members => {
  if (isMembers(value)) return value
  throw wrongType(value, "a structure")
}

const list = (value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  throw wrongType(value, "a list")
}

const string = (value: unknown): string => {
  if (typeof value === "string") return value
  throw wrongType(value, "a String")
}

const boolean = (value: unknown): boolean => {
  if (typeof value === "boolean") return value
  throw wrongType(value, "a Boolean")
}

const long = (value: unknown): number | bigint => {
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) return value
  throw wrongType(value, "a Long")
}

const double = (value: unknown): number => {
  if (typeof value === "number") return value
  if (typeof value === "bigint") return Number(value)
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value)
  throw wrongType(value, "a Double")
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const blob = (value: unknown): Uint8Array => {
  const text = string(value)
  if (!base64.test(text)) throw new Malformed("Invalid base64 in a blob")
  return Buffer.from(text, "base64")
}

/** Lists of the service are sparse: their nulls are elements. */
const sparse = <A>(value: unknown, element: (value: unknown) => A): ReadonlyArray<A | null> =>
  list(value).map((item) => (item === null ? null : element(item)))

const deepestArray = 32

const array =
  (depth: number) =>
  (value: unknown): ArrayValue => {
    if (depth > deepestArray) throw new Malformed("Arrays are nested too deeply")
    const members = structure(value)
    const present = Object.keys(members).filter((name) => members[name] !== null)
    const name = present[0]
    if (present.length === 1 && name !== undefined) {
      const value = members[name]
      switch (name) {
        case "booleanValues":
          return { booleanValues: sparse(value, boolean) }
        case "longValues":
          return { longValues: sparse(value, long) }
        case "doubleValues":
          return { doubleValues: sparse(value, double) }
        case "stringValues":
          return { stringValues: sparse(value, string) }
        case "arrayValues":
          return { arrayValues: sparse(value, array(depth + 1)) }
      }
    }
    throw new Malformed("An ArrayValue has exactly one member")
  }

const field = (name: string, value: unknown): Field | undefined => {
  switch (name) {
    case "stringValue":
      return { stringValue: string(value) }
    case "longValue":
      return { longValue: long(value) }
    case "isNull":
      return { isNull: boolean(value) }
    case "booleanValue":
      return { booleanValue: boolean(value) }
    case "doubleValue":
      return { doubleValue: double(value) }
    case "blobValue":
      return { blobValue: blob(value) }
    case "arrayValue":
      return { arrayValue: array(1)(value) }
    default:
      return undefined
  }
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  /** A value that a message must not repeat. */
  readonly sensitive?: boolean
}

const arn: Bounds = { min: 11, max: 100 }
const secret: Bounds = { min: 11, max: 100, sensitive: true }
const sql: Bounds = { max: 65_536, sensitive: true }
const name: Bounds = { max: 64 }
const transactionId: Bounds = { max: 192, sensitive: true }

const typeHints = ["JSON", "UUID", "TIMESTAMP", "DATE", "TIME", "DECIMAL"] as const
const decimalReturnTypes = ["DOUBLE_OR_LONG", "STRING"] as const
const longReturnTypes = ["LONG", "STRING"] as const
const recordsFormats = ["NONE", "JSON"] as const

/** Reads the members of one body, and notes which of them break the model's constraints. */
class Reader {
  readonly violations: Array<string> = []

  private broken(path: string, shown: string | undefined, constraint: string): void {
    const value = shown === undefined ? "Value" : `Value ${shown}`
    this.violations.push(`${value} at '${path}' failed to satisfy constraint: ${constraint}`)
  }

  private missing(path: string): void {
    this.broken(path, "null", "Member must not be null")
  }

  text(members: Members, name: string, bounds: Bounds): string | undefined {
    const value = members[name]
    if (value === undefined || value === null) return undefined
    const text = string(value)
    const shown = bounds.sensitive === true || text.length > 256 ? undefined : `'${text}'`
    if (bounds.min !== undefined && text.length < bounds.min)
      this.broken(name, shown, `Member must have length greater than or equal to ${bounds.min}`)
    // The model counts characters, not UTF-16 units.
    if (bounds.max !== undefined && text.length > bounds.max && [...text].length > bounds.max)
      this.broken(name, shown, `Member must have length less than or equal to ${bounds.max}`)
    return text
  }

  required(members: Members, name: string, bounds: Bounds): string {
    const value = this.text(members, name, bounds)
    if (value === undefined) this.missing(name)
    return value ?? ""
  }

  flag(members: Members, name: string): boolean | undefined {
    const value = members[name]
    return value === undefined || value === null ? undefined : boolean(value)
  }

  oneOf<const A extends string>(members: Members, name: string, path: string, values: ReadonlyArray<A>): A | undefined {
    const value = members[name]
    if (value === undefined || value === null) return undefined
    const text = string(value)
    const known = values.find((one) => one === text)
    if (known === undefined) {
      const shown = text.length > 256 ? undefined : `'${text}'`
      this.broken(path, shown, `Member must satisfy enum value set: [${values.join(", ")}]`)
    }
    return known
  }

  target(members: Members): Target {
    return {
      resourceArn: this.required(members, "resourceArn", arn),
      secretArn: this.required(members, "secretArn", secret)
    }
  }

  resultSetOptions(members: Members): ResultSetOptions | undefined {
    const value = members["resultSetOptions"]
    if (value === undefined || value === null) return undefined
    const options = structure(value)
    const option = <const A extends string>(name: string, values: ReadonlyArray<A>) =>
      this.oneOf(options, name, `resultSetOptions.${name}`, values)
    return {
      decimalReturnType: option("decimalReturnType", decimalReturnTypes),
      longReturnType: option("longReturnType", longReturnTypes)
    }
  }

  parameters(value: unknown, path: string): ReadonlyArray<SqlParameter> {
    return list(value).map((item, index) => this.parameter(structure(item), `${path}.${index + 1}.member`))
  }

  private parameter(members: Members, path: string): SqlParameter {
    const name = members["name"]
    if (name === undefined || name === null) this.missing(`${path}.name`)
    const typeHint = this.oneOf(members, "typeHint", `${path}.typeHint`, typeHints)
    return {
      name: name === undefined || name === null ? "" : string(name),
      value: this.field(members["value"], `${path}.value`),
      ...(typeHint === undefined ? {} : { typeHint })
    }
  }

  private field(value: unknown, path: string): Field {
    const none: Field = { isNull: true }
    if (value === undefined || value === null) {
      this.missing(path)
      return none
    }
    const members = structure(value)
    let found: Field | undefined
    for (const name in members) {
      const member = members[name]
      if (member === null) continue
      const one = field(name, member)
      if (one === undefined) continue
      if (found !== undefined) {
        this.broken(path, undefined, "Member must have exactly one value set")
        return none
      }
      found = one
    }
    if (found === undefined) this.broken(path, undefined, "Member must have exactly one value set")
    return found ?? none
  }
}

const integerText = /^-?\d{16,20}$/
const maybeLargeInteger = /[:,[]\s*-?\d{16}/

/** JSON whose integers beyond 2^53 are `bigint`. The slower way is taken only where a long run of digits shows up. */
const parse = (text: string): unknown =>
  maybeLargeInteger.test(text)
    ? JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
        typeof value === "number" &&
        !Number.isSafeInteger(value) &&
        context?.source !== undefined &&
        integerText.test(context.source)
          ? BigInt(context.source)
          : value
      )
    : JSON.parse(text)

const read = (operation: Operation, members: Members, reader: Reader): Call => {
  const target = reader.target(members)
  switch (operation) {
    case "ExecuteStatement": {
      const parameters = members["parameters"]
      return {
        operation,
        target,
        request: {
          sql: reader.required(members, "sql", sql),
          parameters:
            parameters === undefined || parameters === null ? [] : reader.parameters(parameters, "parameters"),
          database: reader.text(members, "database", name),
          schema: reader.text(members, "schema", name),
          transactionId: reader.text(members, "transactionId", transactionId),
          includeResultMetadata: reader.flag(members, "includeResultMetadata"),
          continueAfterTimeout: reader.flag(members, "continueAfterTimeout"),
          resultSetOptions: reader.resultSetOptions(members),
          formatRecordsAs: reader.oneOf(members, "formatRecordsAs", "formatRecordsAs", recordsFormats)
        }
      }
    }
    case "BatchExecuteStatement": {
      const sets = members["parameterSets"]
      return {
        operation,
        target,
        request: {
          sql: reader.required(members, "sql", sql),
          parameterSets:
            sets === undefined || sets === null
              ? []
              : list(sets).map((set, index) => reader.parameters(set, `parameterSets.${index + 1}.member`)),
          database: reader.text(members, "database", name),
          schema: reader.text(members, "schema", name),
          transactionId: reader.text(members, "transactionId", transactionId)
        }
      }
    }
    case "BeginTransaction":
      return {
        operation,
        target,
        request: { database: reader.text(members, "database", name), schema: reader.text(members, "schema", name) }
      }
    case "CommitTransaction":
    case "RollbackTransaction":
      return { operation, target, request: { transactionId: reader.required(members, "transactionId", transactionId) } }
  }
}

const serialization = (message: string): WireFailure => ({ code: "SerializationException", status: 400, message })

/**
 * Reads the body of a call. An empty body counts as `{}`, and so lacks its required members.
 *
 * @example
 * ```ts
 * import { decodeCall } from "./Wire.ts"
 *
 * decodeCall("CommitTransaction", "{}")
 * // failure: ValidationException "3 validation errors detected: Value null at 'resourceArn' failed to satisfy ..."
 * ```
 */
export const decodeCall = (operation: Operation, body: string): Result.Result<Call, WireFailure> => {
  const reader = new Reader()
  let call: Call
  try {
    call = read(operation, structure(body === "" ? {} : parse(body)), reader)
  } catch (error) {
    // Besides our own: JSON's SyntaxError, and the RangeError of a body nested deeper than the stack.
    return Result.fail(serialization(error instanceof Malformed ? error.message : "The request body is not valid JSON"))
  }
  const { violations } = reader
  if (violations.length === 0) return Result.succeed(call)
  const detected = violations.length === 1 ? "1 validation error" : `${violations.length} validation errors`
  // Ten name the mistake as well as ten thousand do.
  const message = `${detected} detected: ${violations.slice(0, 10).join("; ")}`
  return Result.fail({ code: "ValidationException", status: 400, message })
}

const doubleText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? "-0" : String(value)) : `"${value}"`

const elements = <A>(values: ReadonlyArray<A | null>, write: (value: A) => string): string =>
  `[${values.map((value) => (value === null ? "null" : write(value))).join(",")}]`

const arrayText = (value: ArrayValue): string => {
  if ("stringValues" in value) return `{"stringValues":${JSON.stringify(value.stringValues)}}`
  if ("longValues" in value) return `{"longValues":${elements(value.longValues, String)}}`
  if ("doubleValues" in value) return `{"doubleValues":${elements(value.doubleValues, doubleText)}}`
  if ("booleanValues" in value) return `{"booleanValues":${JSON.stringify(value.booleanValues)}}`
  return `{"arrayValues":${elements(value.arrayValues, arrayText)}}`
}

/** The JSON of one field. */
export const fieldText = (value: Field): string => {
  if ("stringValue" in value) return `{"stringValue":${JSON.stringify(value.stringValue)}}`
  if ("longValue" in value) return `{"longValue":${value.longValue}}`
  if ("isNull" in value) return value.isNull ? '{"isNull":true}' : '{"isNull":false}'
  if ("booleanValue" in value) return value.booleanValue ? '{"booleanValue":true}' : '{"booleanValue":false}'
  if ("doubleValue" in value) return `{"doubleValue":${doubleText(value.doubleValue)}}`
  if ("blobValue" in value) {
    const { buffer, byteLength, byteOffset } = value.blobValue
    return `{"blobValue":"${Buffer.from(buffer, byteOffset, byteLength).toString("base64")}"}`
  }
  return `{"arrayValue":${arrayText(value.arrayValue)}}`
}

const fieldsText = (fields: ReadonlyArray<Field>): string => {
  let text = "["
  for (const [index, value] of fields.entries()) text += index === 0 ? fieldText(value) : `,${fieldText(value)}`
  return `${text}]`
}

/** Whether JSON's own form of a field is the service's: it knows neither bigints nor blobs, nor every double. */
const isPlain = (value: Field): boolean =>
  "stringValue" in value ||
  ("longValue" in value
    ? typeof value.longValue === "number"
    : !("doubleValue" in value || "blobValue" in value || "arrayValue" in value))

/** Nearly all records are plain, and then `JSON.stringify` takes half the time and a tenth of the memory. */
const recordsText = (records: ReadonlyArray<ReadonlyArray<Field>>): string =>
  records.every((fields) => fields.every(isPlain)) ? JSON.stringify(records) : `[${records.map(fieldsText).join(",")}]`

const statementText = (response: ExecuteStatementResponse | JsonResponse): string => {
  const members: Array<string> = []
  if (response.columnMetadata !== undefined) members.push(`"columnMetadata":${JSON.stringify(response.columnMetadata)}`)
  if (response.formattedRecords !== undefined)
    members.push(`"formattedRecords":${JSON.stringify(response.formattedRecords)}`)
  if (response.generatedFields !== undefined) members.push(`"generatedFields":${fieldsText(response.generatedFields)}`)
  if (response.numberOfRecordsUpdated !== undefined)
    members.push(`"numberOfRecordsUpdated":${response.numberOfRecordsUpdated}`)
  if ("recordsJson" in response) members.push(`"records":${response.recordsJson}`)
  else if (response.records !== undefined) members.push(`"records":${recordsText(response.records)}`)
  return `{${members.join(",")}}`
}

/** The body of a response: members that are absent have no key, and each Field has exactly one member. */
export const encodeResponse = (response: Response): string => {
  if ("updateResults" in response) {
    const results = response.updateResults.map((one) => `{"generatedFields":${fieldsText(one.generatedFields)}}`)
    return `{"updateResults":[${results.join(",")}]}`
  }
  if ("transactionId" in response || "transactionStatus" in response) return JSON.stringify(response)
  return statementText(response)
}

/**
 * How a failure goes over the wire; `"dropped"` when the connection ends without an answer.
 *
 * The three server faults of the model have no message, and an `InternalFailure` has no body at all.
 */
export const failureOf = (reason: Reason): WireFailure | "dropped" => {
  switch (reason._tag) {
    case "ConnectFailed":
    case "ConnectionLost":
      return "dropped"
    case "InternalServerError":
      return { code: reason.code, status: 500, message: "" }
    case "OutcomeUnknown":
    case "NotCommitted":
      return { code: "InternalServerErrorException", status: 500, message: "" }
    case "DatabaseUnavailable":
    case "ServiceUnavailable":
      return { ...wireCodes[reason._tag], message: "" }
    case "Unauthenticated":
      return { code: reason.code, status: 403, message: reason.message }
    case "UnexpectedResponse":
      return { code: reason.code, status: reason.status, message: reason.message }
    case "InvalidRequest":
      return { ...wireCodes.Validation, message: reason.message }
    case "StatementTimeout":
      return { ...wireCodes.StatementTimeout, message: reason.message, dbConnectionId: reason.dbConnectionId }
    default:
      return { ...wireCodes[reason._tag], message: reason.message }
  }
}

/** The body of a failure. */
export const encodeFailure = ({ code, dbConnectionId, message }: WireFailure): string =>
  code === "InternalFailure" ? "" : message === "" ? "{}" : JSON.stringify({ message, dbConnectionId })
