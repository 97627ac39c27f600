/** Writes the rows of a backup into tables, many in a request, and prepares the tables for that. */

import { Effect, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { literal, quotedName } from "../../../data-api/statement/Quoting.ts"
import { messageOf, sqlStateOf } from "../../database/DatabaseFailure.ts"
import { onRefusedRows } from "../../database/OperationAdvice.ts"
import { lacksCharacter } from "../../database/SqlStateAdvice.ts"
import * as Progress from "../../Progress.ts"
import type { Sequence } from "../BackupFormat.ts"
import { columns, table as tableOf, tableText } from "../QuotedName.ts"
import { textOf, type Values } from "../RecordText.ts"
import type { Pair } from "./RestoreTarget.ts"

/** The database refused rows. Nothing of this run is kept; with `resume`, the rows that were committed before are. */
export class RowsRefused extends Schema.TaggedError<RowsRefused>()("RowsRefused", {
  table: Schema.String,
  /** The first and the last row of the table in the request, from 1. */
  first: Schema.Int,
  last: Schema.Int,
  sqlState: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.table}, one of the rows ${this.first} to ${this.last}: ${this.reason} (SQLSTATE ${this.sqlState})`
  }
  /** What is wrong, without what to do. */
  get refusal() {
    return this.message
  }
  /** What to do. */
  get fix() {
    return this.sqlState === "22P05" ? lacksCharacter : onRefusedRows
  }
}

/**
 * The most characters of JSON with the rows of one request. Escaped once more, or as UTF-8, a character takes at most
 * three bytes, which keeps a request below the 4 MiB of the Data API.
 */
const requestLength = 1_000_000

/** Characters of a part of a row that is longer than a request. */
const partLength = 400_000

/** What to do before the rows and after them. */
export interface Preparation {
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
}

const modes: Readonly<Record<string, string>> = { O: "enable", R: "enable replica", A: "enable always", D: "disable" }

/**
 * Drops or disables what would refuse or change the rows, and puts it back after them:
 *
 * - triggers and rules on INSERT, which would change rows or write others, and triggers on TRUNCATE;
 * - foreign keys that no order of the tables satisfies;
 * - constraints that were not validated in the source, since an old row may break one. They are added back as NOT
 *   VALID.
 */
export const preparation = (pairs: ReadonlyArray<Pair>): Preparation => {
  const before: Array<string> = []
  const after: Array<string> = []
  for (const [index, { from, to }] of pairs.entries()) {
    const isLate = (parent: string | null) => pairs.findIndex((pair) => pair.to.name === parent) >= index
    const late = to.foreignKeys.filter(({ parent }) => isLate(parent))
    for (const { comment, definition, isValidated, key, name, relation } of to.constraints) {
      const isOld = from.notValidated.includes(key)
      if (!isOld && !late.some((one) => one.relation === relation && one.name === name)) continue
      const constraint = quotedName(name)
      before.push(`alter table ${relation} drop constraint ${constraint}`)
      after.push(
        `alter table ${relation} add constraint ${constraint} ${definition}${isOld && isValidated ? " not valid" : ""}`
      )
      if (comment !== null) after.push(`comment on constraint ${constraint} on ${relation} is ${literal(comment)}`)
    }
    for (const { kind, mode, name, relation } of to.reactions) {
      before.push(`alter table ${relation} disable ${kind} ${quotedName(name)}`)
      after.push(`alter table ${relation} ${modes[mode] ?? "enable"} ${kind} ${quotedName(name)}`)
    }
  }
  return { before, after }
}

/**
 * Locks the tables against writes by others until the transaction ends; fails if another session holds a table for
 * long.
 */
export const lock = Effect.fnUntraced(function* (schema: string, pairs: ReadonlyArray<Pair>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select set_config('lock_timeout', '15s', true) as patience`
  for (const [done, { to }] of pairs.entries()) {
    const text = `locking ${to.name}, for which other sessions may have to end`
    yield* Progress.report({ operation: "restore", done, total: pairs.length, text })
    yield* sql`lock table ${tableOf(sql, schema, to.name)} in share row exclusive mode`
  }
})

/**
 * Truncates tables in one statement, so that they may refer to each other. Partitions are truncated with their table;
 * tables that inherit from one are not.
 */
export const empty = Effect.fnUntraced(function* (schema: string, pairs: ReadonlyArray<Pair>) {
  const sql = yield* SqlClient.SqlClient
  const tables = pairs.map(({ to }) => `${to.isPartitioned ? "" : "only "}${tableText(schema, to.name)}`)
  yield* sql`truncate ${sql.literal(tables.join(", "))}`
})

/** Sets sequences to their positions; returns the names of those that do not exist. */
export const setSequences = Effect.fnUntraced(function* (schema: string, sequences: ReadonlyArray<Sequence>) {
  const sql = yield* SqlClient.SqlClient
  const missing: Array<string> = []
  for (const { called, name, value } of sequences) {
    const set = yield* sql`
      select setval(c.oid, ${value}::text::int8, ${called}::boolean)::text as value
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = ${schema}::text and c.relname = ${name}::text and c.relkind = 'S'`
    if (set.length === 0) missing.push(name)
  }
  return missing
})

/** Runs statements one after the other. */
export const runAll = Effect.fnUntraced(function* (statements: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  for (const statement of statements) yield* sql.unsafe(statement)
})

/** The states of a statement whose object is there already, or whose table or trigger is not. */
const settled = ["42710", "42P01", "42704"]

/**
 * Runs the statements that put back what an abandoned restore dropped or disabled, where that is still to be done:
 * tables that were dropped or created again meanwhile have what they should have.
 */
export const putBack = Effect.fnUntraced(function* (statements: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  for (const statement of statements) {
    // A failed statement aborts the transaction around it, unless it runs in a savepoint.
    yield* sql.withTransaction(sql.unsafe(statement)).pipe(
      Effect.catchIf(
        (error) => settled.includes(sqlStateOf(error) ?? ""),
        () => Effect.void
      )
    )
  }
})

/** Rows of one table to be written with one request. */
export interface Batch {
  readonly table: number
  readonly lines: ReadonlyArray<string>
  /** Rows of the table that were written before. */
  readonly before: number
}

/** Whether a backup has every column of a table, so that its rows can be read as the table's row type. */
const isWhole = ({ from, to }: Pair): boolean => from.columns.length === to.columns.length

/** The columns of the text of a row, in order. */
const writtenColumns = (pair: Pair): ReadonlyArray<string> =>
  (isWhole(pair) ? pair.to : pair.from).columns.map(({ name }) => name)

/** Collects rows into batches. */
export class Batches {
  readonly #places: ReadonlyArray<ReadonlyArray<number>>
  #table = 0
  #lines: Array<string> = []
  #length = 0
  #before = 0

  constructor(pairs: ReadonlyArray<Pair>) {
    this.#places = pairs.map((pair) =>
      writtenColumns(pair).map((name) => pair.from.columns.findIndex((column) => column.name === name))
    )
  }

  /** Adds a row; returns the batch that was full without it. */
  add(table: number, values: Values): Batch | undefined {
    const line = textOf((this.#places[table] ?? []).map((place) => values[place] ?? null))
    // The least length of the text as JSON; the limit leaves room for what escaping adds.
    const length = JSON.stringify(line).length + 1
    const full = table !== this.#table || this.#length + length > requestLength ? this.take() : undefined
    if (table !== this.#table) {
      this.#table = table
      this.#before = 0
    }
    this.#lines.push(line)
    this.#length += length
    return full
  }

  /** Skips a row that is in place already. */
  skip(table: number): void {
    if (table !== this.#table) this.#before = 0
    this.#table = table
    this.#before++
  }

  /** Returns the rows that are left as a batch. */
  take(): Batch | undefined {
    if (this.#lines.length === 0) return undefined
    const batch = { table: this.#table, lines: this.#lines, before: this.#before }
    this.#before += this.#lines.length
    this.#lines = []
    this.#length = 0
    return batch
  }
}

/** Splits a text into parts, none of which ends inside a surrogate pair. */
const partsOf = (text: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  for (let start = 0; start < text.length; ) {
    const last = text.charCodeAt(start + partLength - 1)
    const end = start + partLength - (last >= 0xd800 && last <= 0xdbff ? 1 : 0)
    parts.push(text.slice(start, end))
    start = end
  }
  return parts
}

/** Sends a row that is too long for a request in parts, which the database joins. */
const sendParts = Effect.fnUntraced(function* (line: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create temporary table alex_parts (part integer, line text) on commit drop`
  for (const [part, text] of partsOf(line).entries()) {
    yield* sql`insert into pg_temp.alex_parts values (${part}::int4, ${text}::text)`
  }
})

/**
 * Whether the database refused a value (class 22) or a constraint was broken (class 23); other failures are not due to
 * the rows.
 */
const isRefusal = (state: string | undefined): state is string => /^2[23]/.test(state ?? "")

const send = Effect.fnUntraced(function* (schema: string, pair: Pair, lines: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const table = tableOf(sql, schema, pair.to.name)
  const names = columns(sql, writtenColumns(pair))
  // A row's text can't leave out a column that the backup lacks, and its type may refuse NULL.
  const type = isWhole(pair) ? table : sql.literal("pg_temp.alex_row")
  if (!isWhole(pair)) {
    yield* sql`create temporary table alex_row on commit drop as select ${names} from ${table} with no data`
  }
  const [long = ""] = lines
  const isLong = long.length > requestLength
  if (isLong) yield* sendParts(long)
  const rows = isLong
    ? sql`select string_agg(line, '' order by part)::${type} as r from pg_temp.alex_parts`
    : sql`select line::${type} as r from json_array_elements_text(${JSON.stringify(lines)}::text::json) line`
  const into = isWhole(pair) || pair.from.columns.length === 0 ? sql`` : sql` (${names})`
  // OFFSET 0: each text is parsed once, and not once for every column.
  yield* sql`insert into ${table}${into} overriding system value select (r).* from (${rows} offset 0) s`
  if (isLong) yield* sql`drop table pg_temp.alex_parts`
  if (!isWhole(pair)) yield* sql`drop table ${type}`
})

/**
 * Writes a batch, in a transaction.
 *
 * @errors RowsRefused, SqlError
 */
export const write = (schema: string, pair: Pair, { before, lines }: Batch) =>
  send(schema, pair, lines).pipe(
    Effect.catchTag("SqlError", (error): Effect.Effect<never, RowsRefused | SqlError.SqlError> => {
      const sqlState = sqlStateOf(error)
      if (!isRefusal(sqlState)) return Effect.fail(error)
      const [first, last] = [before + 1, before + lines.length]
      return Effect.fail(new RowsRefused({ table: pair.to.name, first, last, sqlState, reason: messageOf(error) }))
    })
  )
