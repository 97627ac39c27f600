/** UPDATE and DELETE by table and condition. Values are converted to the columns' types. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import { encodeJson, encodeRows } from "../values/PgValue.ts"
import type { Values } from "./Batch.ts"
import { columnName, misuse, separated, type WriteResult, written } from "./Bulk.ts"

/** The rows to update or delete: those whose columns equal these values. */
export interface Condition {
  readonly where?: Values | undefined
  /** Must be true to update or delete every row, without a condition. */
  readonly all?: boolean | undefined
  /** The columns of these rows to return; `"*"` for all. None by default. */
  readonly returning?: ReadonlyArray<string> | "*" | undefined
}

/** A FROM item: one row of the table's types with these values. */
const record = (sql: SqlClient.SqlClient, operation: string, table: string, values: Values, alias: string) => {
  const keys = Object.keys(values)
  const columns = keys.map((key) => columnName(sql, key))
  const json = Result.flatMap(encodeRows(keys, columns, [values]), ([row]) => encodeJson(row))
  return Result.isFailure(json)
    ? Effect.fail(misuse(operation, `A value can't be sent: ${json.failure.message}.`))
    : Effect.succeed(sql`json_populate_record(null::${sql(table)}, ${json.success}::json) as ${sql.literal(alias)}`)
}

/** Compares columns with the values of `w`, a row of the columns' types. */
const matching = (sql: SqlClient.SqlClient, operation: string, table: string, { all, where = {} }: Condition) => {
  const keys = Object.keys(where)
  const open = keys.find((key) => where[key] === undefined)
  if (open !== undefined) return Effect.fail(misuse(operation, `The condition on "${open}" has no value.`))
  if (keys.length === 0 && all !== true) {
    return Effect.fail(
      misuse(operation, `There is no condition: pass { all: true } to ${operation} every row of ${table}.`)
    )
  }
  return Effect.map(record(sql, operation, table, where, "w"), (w) => ({
    from: w,
    condition: sql.and(
      keys.length === 0
        ? ["true"]
        : keys.map((key) => (where[key] === null ? sql`t.${sql(key)} is null` : sql`t.${sql(key)} = w.${sql(key)}`))
    )
  }))
}

/** Updates columns of the rows that match a condition. */
export const updateRows = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  table: string,
  values: Values,
  condition: Condition
): Effect.fn.Return<WriteResult, SqlError.SqlError> {
  const keys = Object.keys(values)
  if (keys.length === 0) return yield* misuse("update", "There is no column to set.")
  const { condition: matches, from } = yield* matching(sql, "update", table, condition)
  const set = yield* record(sql, "update", table, values, "s")
  const assignments = separated(
    sql,
    ", ",
    keys.map((key) => sql`${sql(key)} = s.${sql(key)}`)
  )
  return yield* written(
    sql,
    sql`update ${sql(table)} as t set ${assignments} from ${set}, ${from} where ${matches}`,
    condition.returning,
    "t"
  )
})

/** Deletes the rows that match a condition. */
export const deleteRows = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  table: string,
  condition: Condition
): Effect.fn.Return<WriteResult, SqlError.SqlError> {
  const { condition: matches, from } = yield* matching(sql, "delete", table, condition)
  return yield* written(
    sql,
    sql`delete from ${sql(table)} as t using ${from} where ${matches}`,
    condition.returning,
    "t"
  )
})
