/** Compiles statements as `@effect/sql-pg` does: placeholders are `$n` until a statement is sent. */
import * as Statement from "effect/sql/Statement"
import { typedParameter } from "../values/PgEncode.ts"
import { pgTypeByName } from "../values/PgOids.ts"

const quoteIdentifier = Statement.defaultEscape('"')

/** A value that is sent as json whatever its type, also an array, a string or a number. */
interface PgJson extends Statement.Custom<"PgJson", unknown> {}

const pgJson = Statement.custom<PgJson>("PgJson")

/** `sql.json` of `@effect/sql-pg`. */
export const json = (value: unknown): Statement.Fragment => Statement.fragment([pgJson(value)])

const jsonbOid = pgTypeByName.get("jsonb")?.oid ?? 0

/** @param transformJson Whether `transform` also applies to names within the values of `sql.json`. */
export const makeCompiler = (
  transform: ((name: string) => string) | undefined,
  transformJson = true
): Statement.Compiler => {
  const transformed =
    transformJson && transform !== undefined ? Statement.defaultTransforms(transform).value : (value: unknown) => value
  return Statement.makeCompiler<PgJson>({
    dialect: "pg",
    placeholder: (index) => `$${index}`,
    onIdentifier:
      transform === undefined
        ? quoteIdentifier
        : (value, withoutTransform) => quoteIdentifier(withoutTransform ? value : transform(value)),
    onRecordUpdate: (placeholders, alias, columns, values, returning) => [
      `(values ${placeholders}) AS ${alias}${columns}${returning === undefined ? "" : ` RETURNING ${returning[0]}`}`,
      returning === undefined ? values.flat() : values.flat().concat(returning[1])
    ],
    onCustom: ({ paramA }, placeholder, withoutTransform) => [
      placeholder(undefined),
      [typedParameter(jsonbOid, withoutTransform ? paramA : transformed(paramA))]
    ]
  })
}
