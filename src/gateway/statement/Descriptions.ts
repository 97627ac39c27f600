/** What statements take and return: asked for once, and remembered as long as it may be right. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { DataApi, Field } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { idempotent } from "../../data-api/RetryPolicy.ts"
import { fromNumbered, render } from "../../data-api/statement/Placeholders.ts"
import type { ClientStatement } from "./ClientStatement.ts"
import {
  ANSWER_SQLSTATE,
  answerOf,
  type Description,
  describeSql,
  literal,
  type Refusal,
  readAnswer,
  readAnswerSql
} from "./DescribeSql.ts"
import { columnOf, fieldText, isKnownType } from "./FieldText.ts"
import { frameOf } from "./Wrapped.ts"

const none: Field = { isNull: true }

/** Another client may change a table; what was learnt of it is asked for again after this many milliseconds. */
const LIFETIME = 60_000
const CAPACITY = 2000

/** Where a statement is to be described. */
export interface Place {
  readonly database: string | undefined
  readonly transactionId: string | undefined
  /** The session's settings that the names in a statement depend on, or all of them in an own transaction. */
  readonly settings: ReadonlyArray<readonly [name: string, value: string]>
  /** What the transaction has done so far that names in a statement may depend on. */
  readonly names: string
}

export type Answer = Description | Refusal | "unknown"

const read = (answer: string): Answer => {
  const decoded = readAnswer(answer)
  return Result.isSuccess(decoded) ? decoded.success : "unknown"
}

/** After these a whole number is a value, not a type's modifier or a column's place. */
const beforeValues = new Set(["=", "<", ">", "+", "-", "*", "/", "%", "limit", "offset", "and", "between"])

/** Another number may be of another type. */
const sizeOf = (digits: string): string => {
  if (digits.length < 10) return "4"
  const value = BigInt(digits)
  return value <= 2_147_483_647n ? "4" : value <= 9_223_372_036_854_775_807n ? "8" : digits
}

/**
 * A statement but for its constants, on which what it returns does not depend: programs that write values into their
 * statements send ever new ones.
 */
export const shapeOf = ({ words }: Pick<ClientStatement, "words">): string => {
  let shape = ""
  let before = ""
  for (const word of words) {
    const isNumber = beforeValues.has(before) && /^\d+$/.test(word)
    shape += `${word.startsWith("'") ? "''" : isNumber ? sizeOf(word) : word} `
    before = word
  }
  return shape
}

export class Descriptions {
  readonly #api: DataApi["Service"]
  readonly #known = new Map<string, { readonly description: Description; readonly until: number }>()

  constructor(api: DataApi["Service"]) {
    this.#api = api
  }

  /** Forgets everything: a statement has changed what names mean, or what tables look like. */
  clear(): void {
    this.#known.clear()
  }

  #key(statement: ClientStatement, types: ReadonlyArray<string>, { database, names, settings }: Place): string {
    const set = settings.length === 0 ? "" : JSON.stringify(settings)
    return [database, set, names, types.join("\u0001"), shapeOf(statement)].join("\0")
  }

  /** Outside of a transaction the answer comes as an error. */
  #askAlone(sql: string, { database }: Place): Effect.Effect<Answer, DataApiError> {
    return Effect.matchEffect(idempotent(this.#api.executeStatement({ sql, database })), {
      onSuccess: () => Effect.succeed<Answer>("unknown"),
      onFailure: (error) => {
        if (error.reason._tag !== "DatabaseError") return Effect.fail(error)
        const { primary, sqlState = "" } = error.reason
        return Effect.succeed(sqlState === ANSWER_SQLSTATE ? read(answerOf(primary)) : { sqlState })
      }
    })
  }

  #askWithin(sql: string, { database, transactionId }: Place): Effect.Effect<Answer, DataApiError> {
    const run = (text: string) => this.#api.executeStatement({ sql: text, database, transactionId })
    return Effect.map(Effect.andThen(run(sql), run(readAnswerSql)), ({ records }) => {
      const field = records?.[0]?.[0]
      return field !== undefined && "stringValue" in field ? read(field.stringValue) : "unknown"
    })
  }

  /** Without a table: the service's own metadata of a query of no rows, and the catalogue for types that it has no code for. */
  #askMetadata(
    statement: ClientStatement,
    description: Description,
    { database, transactionId }: Place
  ): Effect.Effect<Answer, DataApiError> {
    const { lead, trail } = frameOf(statement, "", "*")
    const template = fromNumbered(`${lead}${statement.sql}${trail} limit 0`)
    if (statement.kind !== "query" || statement.tail > 0 || Result.isFailure(template)) return Effect.succeed("unknown")
    const nulls = description.casts.map((cast) => ({ _tag: "Literal" as const, text: `(null::${cast})` }))
    const call = { database, transactionId, includeResultMetadata: true }
    return Effect.flatMap(
      this.#api.executeStatement({ ...call, sql: render(template.success, nulls) }),
      ({ columnMetadata = [] }) => {
        const columns = columnMetadata.map(columnOf)
        const foreign = columnMetadata.flatMap(({ typeName }) => (isKnownType(typeName) ? [] : [typeName]))
        if (foreign.length === 0) return Effect.succeed<Answer>({ ...description, columns })
        const names = [...new Set(foreign)].map(literal).join(", ")
        const sql = `select typname, oid, typlen from pg_catalog.pg_type where typname in (${names}) and pg_catalog.pg_type_is_visible(oid)`
        return Effect.map(this.#api.executeStatement({ ...call, sql }), ({ records = [] }) => {
          const types = new Map(records.map((record) => [fieldText(record[0] ?? none), record.map(fieldText)]))
          return {
            ...description,
            columns: columns.map((column, index) => {
              const type = isKnownType(columnMetadata[index]?.typeName ?? "")
                ? undefined
                : types.get(columnMetadata[index]?.typeName ?? "")
              return type === undefined ? column : { ...column, typeOid: Number(type[1]), typeSize: Number(type[2]) }
            })
          }
        })
      }
    )
  }

  /** Describes a statement; `unknown` where it can't be asked for. */
  describe(
    statement: ClientStatement,
    types: ReadonlyArray<string>,
    place: Place
  ): Effect.Effect<Answer, DataApiError> {
    return Effect.suspend(() => {
      const key = this.#key(statement, types, place)
      const known = this.#known.get(key)
      const inTransaction = place.transactionId !== undefined
      // The settings of a transaction hold in it already.
      const settings = inTransaction ? [] : place.settings
      const ask = Effect.suspend(() => {
        const sql = describeSql(statement, types, settings, inTransaction)
        if (sql === undefined) return Effect.succeed<Answer>("unknown")
        const asked = inTransaction ? this.#askWithin(sql, place) : this.#askAlone(sql, place)
        return Effect.flatMap(asked, (answer) =>
          answer !== "unknown" && "noTable" in answer && answer.noTable
            ? this.#askMetadata(statement, answer, place)
            : Effect.succeed(answer)
        )
      })
      return Effect.clockWith((clock) => {
        const now = clock.currentTimeMillisUnsafe()
        if (known !== undefined && known.until > now) return Effect.succeed<Answer>(known.description)
        return Effect.tap(ask, (answer) => Effect.sync(() => this.#keep(key, answer, now)))
      })
    })
  }

  #keep(key: string, answer: Answer, now: number): void {
    this.#known.delete(key)
    if (answer === "unknown" || "sqlState" in answer) return
    this.#known.set(key, { description: answer, until: now + LIFETIME })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= CAPACITY) return
      this.#known.delete(oldest)
    }
  }
}
