/** Converts named fields to positional parameters, with the types that the service declares. */
import { Result } from "effect"
import type { Field, SqlParameter, TypeHint } from "../../data-api/DataApi.ts"
import { BadRequest, type Reason, Validation } from "../../data-api/DataApiError.ts"
import { pgTypeByName } from "../../data-api/values/PgOids.ts"
import type { Parameter } from "./Session.ts"

const oidOf = (name: string): number => pgTypeByName.get(name)?.oid ?? 0

/** The types that fields are declared as; with `inferred` PostgreSQL infers the type. */
const oids = {
  bool: oidOf("bool"),
  bytea: oidOf("bytea"),
  int8: oidOf("int8"),
  text: oidOf("text"),
  float8: oidOf("float8"),
  inferred: 0
}

/** The type that each hint declares for a string. JSON is jsonb, and TIMESTAMP has no zone. */
const hintOids: Readonly<Record<TypeHint, number>> = {
  DATE: oidOf("date"),
  TIME: oidOf("time"),
  TIMESTAMP: oidOf("timestamp"),
  DECIMAL: oidOf("numeric"),
  UUID: oidOf("uuid"),
  JSON: oidOf("jsonb")
}

/** The forms of dates and times that the service accepts: no `T`, no zone, up to six fractional digits. */
const hintForms: Partial<Record<TypeHint, RegExp>> = {
  DATE: /^\d{4}-\d{2}-\d{2}$/,
  TIME: /^\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?$/,
  TIMESTAMP: /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?$/
}

const invalid = (message: string): Result.Result<never, Reason> => Result.fail(new Validation({ message }))

/** Where eight bytes are written before they are copied: an `ArrayBuffer` and a view for each value cost more. */
const scratch = Buffer.alloc(8)
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, 8)

const eightBytes = (write: (view: DataView) => void): Uint8Array => {
  write(scratchView)
  return Buffer.from(scratch)
}

const longParameter = (name: string, value: number | bigint): Result.Result<Parameter, Reason> => {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    return invalid(`The longValue of parameter ${name} is not an exact integer.`)
  }
  const exact = BigInt(value)
  if (BigInt.asIntN(64, exact) !== exact) return invalid(`The longValue of parameter ${name} does not fit 64 bits.`)
  return Result.succeed({ oid: oids.int8, value: eightBytes((view) => view.setBigInt64(0, exact)) })
}

const stringParameter = (value: string, hint: TypeHint | undefined): Result.Result<Parameter, Reason> => {
  if (hint === undefined) return Result.succeed({ oid: oids.text, value })
  const form = hintForms[hint]
  if (form !== undefined && !form.test(value)) {
    return Result.fail(new BadRequest({ message: `Cannot parse date or time "${value}"` }))
  }
  return Result.succeed({ oid: hintOids[hint], value })
}

const members = (field: Field): number => {
  let count = 0
  for (const value of Object.values(field)) if (value !== undefined) count++
  return count
}

const toParameter = ({ name, value, typeHint }: SqlParameter): Result.Result<Parameter, Reason> => {
  if (members(value) !== 1) return invalid(`The value of parameter ${name} must have exactly one member.`)
  if ("stringValue" in value) return stringParameter(value.stringValue, typeHint)
  if ("longValue" in value) return longParameter(name, value.longValue)
  if ("booleanValue" in value) {
    return Result.succeed({ oid: oids.bool, value: Uint8Array.of(value.booleanValue ? 1 : 0) })
  }
  if ("doubleValue" in value) {
    return Result.succeed({ oid: oids.float8, value: eightBytes((view) => view.setFloat64(0, value.doubleValue)) })
  }
  if ("blobValue" in value) return Result.succeed({ oid: oids.bytea, value: value.blobValue })
  if ("arrayValue" in value) return invalid("Array parameters are not supported.")
  return value.isNull
    ? Result.succeed({ oid: oids.inferred, value: null })
    : invalid(`The value of parameter ${name} has isNull false, and no value.`)
}

const missing: Parameter = { oid: oids.inferred, value: undefined }

/**
 * The parameters for a statement's placeholders, in order.
 *
 * The service is not known to check names. A placeholder without a value is not bound, so PostgreSQL refuses the
 * statement (08P01). A value without a placeholder is ignored. If two values have the same name, the last one is used.
 */
export const bindParameters = (
  names: ReadonlyArray<string>,
  parameters: ReadonlyArray<SqlParameter>
): Result.Result<ReadonlyArray<Parameter>, Reason> => {
  const byName = new Map<string, Parameter>()
  for (const parameter of parameters) {
    const converted = toParameter(parameter)
    if (Result.isFailure(converted)) return Result.fail(converted.failure)
    byName.set(parameter.name, converted.success)
  }
  // Trailing placeholders without a value are not declared, so that a dollar-quoted text with a colon can be sent.
  const declared = names.map((name) => byName.get(name) ?? missing)
  return Result.succeed(declared.slice(0, declared.findLastIndex((parameter) => parameter !== missing) + 1))
}
