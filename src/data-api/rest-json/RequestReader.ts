/**
 * Parses the body of a request, for a server. Pure.
 *
 * Unknown members are ignored, as the service does. A member of a wrong JSON type is a `SerializationException`, and a
 * member out of bounds a `ValidationException`, both with the messages of the AWS front ends.
 */
import * as Result from "effect/Result"
import type {
  ArrayValue,
  BatchExecuteStatementRequest,
  BeginTransactionRequest,
  EndTransactionRequest,
  ExecuteStatementRequest,
  Field,
  ResultSetOptions,
  SqlParameter
} from "../DataApi.ts"
import * as Limits from "../Limits.ts"
import type { Operation } from "../Operation.ts"
import { fromBase64 } from "../values/Octets.ts"
import { parseExact } from "./ExactJson.ts"
import type { WireFailure } from "./WireFailures.ts"

/** The cluster that a call is for, and the secret to connect with. */
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
  return fromBase64(text)
}

/** The service's lists are sparse: a null is an element. */
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

const arn: Bounds = { min: Limits.MIN_ARN_LENGTH, max: Limits.MAX_ARN_LENGTH }
const secret: Bounds = { ...arn, sensitive: true }
const sql: Bounds = { max: Limits.MAX_SQL_LENGTH, sensitive: true }
const name: Bounds = { max: Limits.MAX_NAME_LENGTH }
const transactionId: Bounds = { max: Limits.MAX_TRANSACTION_ID_LENGTH, sensitive: true }

const typeHints = ["JSON", "UUID", "TIMESTAMP", "DATE", "TIME", "DECIMAL"] as const
const decimalReturnTypes = ["DOUBLE_OR_LONG", "STRING"] as const
const longReturnTypes = ["LONG", "STRING"] as const
const recordsFormats = ["NONE", "JSON"] as const

/** Reads the members of one body, and collects violations of the service model's constraints. */
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
    if (bounds.min !== undefined && Limits.isShorter(text, bounds.min))
      this.broken(name, shown, `Member must have length greater than or equal to ${bounds.min}`)
    if (bounds.max !== undefined && Limits.isLonger(text, bounds.max))
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
 * Parses the body of a request. An empty body counts as `{}`, and so lacks its required members.
 *
 * @example
 * ```ts
 * import { decodeCall } from "./RequestReader.ts"
 *
 * decodeCall("CommitTransaction", "{}")
 * // failure: ValidationException "3 validation errors detected: Value null at 'resourceArn' failed to satisfy ..."
 * ```
 */
export const decodeCall = (operation: Operation, body: string): Result.Result<Call, WireFailure> => {
  const reader = new Reader()
  let call: Call
  try {
    call = read(operation, structure(body === "" ? {} : parseExact(body)), reader)
  } catch (error) {
    // Other errors are JSON's SyntaxError, and the RangeError of a body nested deeper than the stack.
    return Result.fail(serialization(error instanceof Malformed ? error.message : "The request body is not valid JSON"))
  }
  const { violations } = reader
  if (violations.length === 0) return Result.succeed(call)
  const detected = violations.length === 1 ? "1 validation error" : `${violations.length} validation errors`
  // Ten violations show the mistake; ten thousand would make the message too long.
  const message = `${detected} detected: ${violations.slice(0, 10).join("; ")}`
  return Result.fail({ code: "ValidationException", status: 400, message })
}
