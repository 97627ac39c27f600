/**
 * Parses the body of a response, for a client. Pure.
 *
 * A response with status 200 is a success only if it has the members of its operation. Any other is a proxy's page or
 * was cut off; taken for a success, it would acknowledge a write that never arrived.
 */
import * as Result from "effect/Result"
import type { ArrayValue, ColumnMetadata, ExecuteStatementResponse, Field } from "../DataApi.ts"
import { type Reason, UnexpectedResponse } from "../DataApiError.ts"
import type { Operation } from "../Operation.ts"
import { withCells } from "../values/Cells.ts"
import { fromBase64, type TextOctets } from "../values/Octets.ts"
import type { ColumnMemory } from "./ColumnMemory.ts"
import { parseExact } from "./ExactJson.ts"
import { readMembers } from "./OctetReader.ts"
import type { Responses } from "./Operations.ts"
import { type Answer, readFailure, requestIdOf, textOfBody } from "./WireFailures.ts"

/** Why a response is a failure, and the service's id of the request. */
export interface Failure {
  readonly reason: Reason
  readonly requestId: string | undefined
}

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** A null member counts as absent, as in the SDKs. */
const isAbsent = (value: unknown): boolean => value === undefined || value === null

const isText = (value: unknown): value is string => typeof value === "string"

const isListOf =
  <A>(isElement: (value: unknown) => value is A) =>
  (value: unknown): value is ReadonlyArray<A> =>
    Array.isArray(value) && value.every(isElement)

const isNullOr =
  <A>(is: (value: unknown) => value is A) =>
  (value: unknown): value is A | null =>
    value === null || is(value)

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean"
const isSafeInteger = (value: unknown): value is number => Number.isSafeInteger(value)
const isNumber = (value: unknown): value is number => typeof value === "number"

const areTexts = isListOf(isNullOr(isText))
const areBooleans = isListOf(isNullOr(isBoolean))
const areIntegers = isListOf(isNullOr(isSafeInteger))
const areNumbers = isListOf(isNullOr(isNumber))

/** Whether an array needs no conversion after `JSON.parse`. */
const isPlainArray = (array: unknown): array is ArrayValue => {
  if (!isJson(array)) return false
  if ("stringValues" in array) return areTexts(array["stringValues"])
  if ("longValues" in array) return areIntegers(array["longValues"])
  if ("doubleValues" in array) return areNumbers(array["doubleValues"])
  return "booleanValues" in array && areBooleans(array["booleanValues"])
}

/** Whether a field needs no conversion after `JSON.parse`: it has no bytes, rounded integer, or double as text. */
const isPlainField = (field: unknown): field is Field => {
  if (!isJson(field)) return false
  if ("stringValue" in field) return isText(field["stringValue"])
  if ("longValue" in field) return isSafeInteger(field["longValue"])
  if ("isNull" in field) return isBoolean(field["isNull"])
  if ("booleanValue" in field) return isBoolean(field["booleanValue"])
  if ("doubleValue" in field) return isNumber(field["doubleValue"])
  return "arrayValue" in field && isPlainArray(field["arrayValue"])
}

const areFields = isListOf(isPlainField)
const areRecords = isListOf(areFields)

const isColumn = (value: unknown): value is ColumnMetadata =>
  isJson(value) && isText(value["typeName"]) && isText(value["name"] ?? value["label"])

const areColumns = isListOf(isColumn)

/** A body that is not a response of the Data API; thrown by the readers, caught in {@link decodeAnswer}. */
class Malformed {}

const checked = <A>(value: unknown, is: (value: unknown) => value is A): A => {
  if (is(value)) return value
  throw new Malformed()
}

const isInteger = (value: unknown): value is number | bigint => isSafeInteger(value) || typeof value === "bigint"

const double = (value: unknown): number => {
  if (typeof value === "number") return value
  if (typeof value === "bigint" || value === "NaN" || value === "Infinity" || value === "-Infinity")
    return Number(value)
  throw new Malformed()
}

const areExactIntegers = isListOf(isNullOr(isInteger))
const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

const arrayOf = (value: unknown): ArrayValue => {
  if (isPlainArray(value)) return value
  const array = checked(value, isJson)
  if ("longValues" in array) return { longValues: checked(array["longValues"], areExactIntegers) }
  if ("doubleValues" in array) {
    return {
      doubleValues: checked(array["doubleValues"], isList).map((element) => (element === null ? null : double(element)))
    }
  }
  return {
    arrayValues: checked(array["arrayValues"], isList).map((element) => (element === null ? null : arrayOf(element)))
  }
}

/** Removes null members, as the SDKs do. */
const withoutNulls = (value: Json): Json =>
  Object.fromEntries(Object.entries(value).filter((entry) => entry[1] !== null))

const fieldOf = (value: unknown): Field => {
  if (isPlainField(value)) return value
  const field = withoutNulls(checked(value, isJson))
  if (isText(field["blobValue"])) return { blobValue: fromBase64(field["blobValue"]) }
  if (isInteger(field["longValue"])) return { longValue: field["longValue"] }
  if ("doubleValue" in field) return { doubleValue: double(field["doubleValue"]) }
  return "arrayValue" in field ? { arrayValue: arrayOf(field["arrayValue"]) } : checked(field, isPlainField)
}

const fieldsOf = (value: unknown): ReadonlyArray<Field> => checked(value, isList).map(fieldOf)

/** The members of a response except its records. */
const withoutRecords = (parsed: Json): ExecuteStatementResponse => {
  const { columnMetadata, formattedRecords, generatedFields, numberOfRecordsUpdated } = parsed
  return {
    ...(isAbsent(columnMetadata) ? {} : { columnMetadata: checked(columnMetadata, areColumns) }),
    ...(isAbsent(formattedRecords) ? {} : { formattedRecords: checked(formattedRecords, isText) }),
    ...(isAbsent(generatedFields) ? {} : { generatedFields: fieldsOf(generatedFields) }),
    ...(isAbsent(numberOfRecordsUpdated)
      ? {}
      : { numberOfRecordsUpdated: checked(numberOfRecordsUpdated, isSafeInteger) })
  }
}

/** Reads a statement's response. The records of most need no conversion. */
const statementResponse = (body: string): ExecuteStatementResponse => {
  const parsed = checked(JSON.parse(body), isJson)
  const { formattedRecords, generatedFields, numberOfRecordsUpdated, records } = parsed
  // A statement without rows has no records, and DDL may have no count, so one of these members is enough.
  if (isAbsent(records ?? numberOfRecordsUpdated ?? formattedRecords ?? generatedFields)) throw new Malformed()
  const rest = withoutRecords(parsed)
  if (isAbsent(records)) return rest
  const exact = (name: string) => checked(checked(parseExact(body), isJson)[name], isList)
  return { ...rest, records: areRecords(records) ? records : exact("records").map(fieldsOf) }
}

const fieldOfJson = (json: string): Field => {
  const field: unknown = JSON.parse(json)
  return isPlainField(field) ? field : fieldOf(parseExact(json))
}

/** The statement that was sent, and the columns of earlier responses. */
export interface Asked {
  readonly sql: string
  readonly memory: ColumnMemory
}

/** Does the same as {@link statementResponse}, but faster; undefined if the response is not in the service's form. */
const responseOfOctets = (octets: TextOctets, { memory, sql }: Asked): ExecuteStatementResponse | undefined => {
  try {
    const members = readMembers(octets, sql, memory, fieldOfJson)
    return members === undefined ? undefined : withCells(withoutRecords(members.others), members.cells)
  } catch (error) {
    // The general reader decides: a second `records` member would replace this one.
    if (error instanceof Malformed) return undefined
    throw error
  }
}

const nonEmpty = (value: unknown): string => {
  const text = checked(value, isText)
  if (text === "") throw new Malformed()
  return text
}

const jsonOf = (answer: Answer): Json => checked(JSON.parse(textOfBody(answer)), isJson)

const readers: { readonly [O in Operation]: (answer: Answer, asked: Asked | undefined) => Responses[O] } = {
  ExecuteStatement: (answer, asked) => {
    const { body } = answer
    const direct = typeof body === "string" || asked === undefined ? undefined : responseOfOctets(body, asked)
    return direct ?? statementResponse(textOfBody(answer))
  },
  BatchExecuteStatement: (answer) => ({
    updateResults: checked(jsonOf(answer)["updateResults"], isListOf(isJson)).map(({ generatedFields }) => ({
      generatedFields: fieldsOf(generatedFields ?? [])
    }))
  }),
  BeginTransaction: (answer) => ({ transactionId: nonEmpty(jsonOf(answer)["transactionId"]) }),
  CommitTransaction: (answer) => ({ transactionStatus: nonEmpty(jsonOf(answer)["transactionStatus"]) }),
  RollbackTransaction: (answer) => ({ transactionStatus: nonEmpty(jsonOf(answer)["transactionStatus"]) })
}

const unexpected = (status: number): UnexpectedResponse =>
  new UnexpectedResponse({
    message: `HTTP ${status} with a body that is not a response of the Data API: perhaps a proxy's.`,
    code: "",
    status
  })

/**
 * Decodes an HTTP response to the operation's response, or to the reason why it failed.
 *
 * @example
 * ```ts
 * import { decodeAnswer } from "./ResponseReader.ts"
 *
 * decodeAnswer("BeginTransaction", { status: 200, headers: {}, body: "{}", size: 2 })
 * // failure: UnexpectedResponse, since an answer to BeginTransaction has a transactionId
 * ```
 */
export const decodeAnswer = <O extends Operation>(
  operation: O,
  answer: Answer,
  asked?: Asked
): Result.Result<Responses[O], Failure> => {
  const { status } = answer
  const failed = (reason: Reason) => Result.fail({ reason, requestId: requestIdOf(answer) })
  if (status < 200 || status >= 300) return failed(readFailure(answer))
  try {
    return Result.succeed(readers[operation](answer, asked))
  } catch (error) {
    // A SyntaxError if the body is not JSON; a RangeError if it is nested deeper than the stack.
    if (error instanceof Malformed || error instanceof SyntaxError || error instanceof RangeError) {
      return failed(unexpected(status))
    }
    throw error
  }
}
