/** Asks PostgreSQL for the parameters and columns of statements, and caches the answers. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { DataApi, Field } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { idempotent } from "../../data-api/RetryPolicy.ts"
import { ANSWER_SQLSTATE, answerOf } from "../../data-api/sql/TypeLookup.ts"
import { fromNumbered, render } from "../../data-api/statement/Placeholders.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import { remember } from "../../data-api/statement/RecentTexts.ts"
import { shapeOf } from "../../data-api/statement/Shape.ts"
import type { ClientStatement } from "./ClientStatement.ts"
import { type Description, describeSql, readDescription, readDescriptionSql, type Undescribed } from "./DescribeSql.ts"
import { columnOf, fieldText, isKnownType } from "./FieldText.ts"
import { type ShortStatement, shortStatement } from "./rows/ShortStatement.ts"
import { frameOf } from "./Wrapped.ts"

const none: Field = { isNull: true }

/** Milliseconds until a description is asked for again, since another client may have changed a table. */
const LIFETIME = 60_000
const CAPACITY = 2000

/** The database, transaction and settings in which a statement is described. */
export interface Place {
  readonly database: string | undefined
  readonly transactionId: string | undefined
  /** The session's settings that decide what the names in a statement mean. */
  readonly settings: ReadonlyArray<readonly [name: string, value: string]>
  /** What stands for the statements of the transaction so far that may have changed what names mean. */
  readonly names: string
  /** Whether the transaction is known to be READ ONLY. */
  readonly isReadOnly: boolean
}

export type Answer = Description | Undescribed | "unknown"

const read = (answer: string): Answer => {
  const decoded = readDescription(answer)
  return Result.isSuccess(decoded) ? decoded.success : "unknown"
}

const lacksTable = (answer: Answer): answer is Description =>
  answer !== "unknown" && "noTable" in answer && answer.noTable

export class Descriptions {
  readonly #api: DataApi["Service"]
  readonly #known = new Map<string, { readonly description: Description; readonly until: number }>()

  /** What has been described since the last statement that may have changed a table. */
  #current = new WeakSet<Description>()

  constructor(api: DataApi["Service"]) {
    this.#api = api
  }

  /** Clears the cache, after a statement that may have changed a table, or what a name means. */
  clear(): void {
    this.#known.clear()
    this.#current = new WeakSet()
  }

  /** Whether no statement has run since that may have changed the description. */
  isCurrent(description: Description): boolean {
    return this.#current.has(description)
  }

  /** Notes that a description still holds. */
  confirm(description: Description): void {
    this.#current.add(description)
  }

  #key(statement: ClientStatement, types: ReadonlyArray<string>, { database, names, settings }: Place): string {
    const set = settings.length === 0 ? "" : JSON.stringify(settings)
    return [database, set, names, types.join("\u0001"), shapeOf(statement.words)].join("\0")
  }

  /** Asks outside of a transaction: an error carries the answer. */
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
    return Effect.map(Effect.andThen(run(sql), run(readDescriptionSql)), ({ records }) => {
      const field = records?.[0]?.[0]
      return field !== undefined && "stringValue" in field ? read(field.stringValue) : "unknown"
    })
  }

  /** Asks without a table: the service for metadata of no rows, the catalogue for types without a known object id. */
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

  /** Describes a statement; `unknown` if PostgreSQL can't be asked. */
  describe(
    statement: ClientStatement,
    types: ReadonlyArray<string>,
    place: Place
  ): Effect.Effect<Answer, DataApiError> {
    return Effect.suspend(() => {
      const short = shortStatement(statement, types)
      if (short !== undefined) {
        return Effect.map(this.describe(short.statement, short.types, place), (answer) => this.#ofWhole(short, answer))
      }
      const key = this.#key(statement, types, place)
      // One that tells no tables is for the transactions alone that can't ask for them.
      const lesser = `${key}\0${place.isReadOnly ? "read only" : (place.transactionId ?? "")}`
      const known = this.#known.get(key) ?? this.#known.get(lesser)
      const inTransaction = place.transactionId !== undefined
      // The transaction already has its settings.
      const settings = inTransaction ? [] : place.settings
      const ask = Effect.suspend(() => {
        const sql = describeSql(statement, types, settings, inTransaction)
        if (sql === undefined) return Effect.succeed<Answer>("unknown")
        const asked = inTransaction ? this.#askWithin(sql, place) : this.#askAlone(sql, place)
        return Effect.flatMap(asked, (answer) =>
          lacksTable(answer) ? this.#askMetadata(statement, answer, place) : Effect.succeed(answer)
        )
      })
      return Effect.clockWith((clock) => {
        const now = clock.currentTimeMillisUnsafe()
        if (known !== undefined && known.until > now) return Effect.succeed<Answer>(known.description)
        return Effect.tap(ask, (answer) =>
          Effect.sync(() => this.#keep(lacksTable(answer) ? lesser : key, answer, now))
        )
      })
    })
  }

  /** The description of a statement, from that of its short form. */
  #ofWhole({ standsFor }: ShortStatement, answer: Answer): Answer {
    if (answer === "unknown" || "sqlState" in answer) return answer
    const whole: Description = {
      ...answer,
      parameters: standsFor.map((at) => answer.parameters[at] ?? 0),
      casts: standsFor.map((at) => answer.casts[at] ?? "")
    }
    if (this.isCurrent(answer)) this.confirm(whole)
    return whole
  }

  #keep(key: string, answer: Answer, now: number): void {
    this.#known.delete(key)
    if (answer === "unknown" || "sqlState" in answer) return
    this.#current.add(answer)
    remember(this.#known, key, { description: answer, until: now + LIFETIME }, CAPACITY)
  }
}
