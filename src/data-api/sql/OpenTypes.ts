/** SQL texts of statements whose parameter types PostgreSQL must be asked for. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ExecuteStatementResponse } from "../DataApi.ts"
import { because, type DataApiError, DatabaseError, UnexpectedResponse } from "../DataApiError.ts"
import { isLonger, MAX_SQL_LENGTH } from "../Limits.ts"
import { idempotent } from "../RetryPolicy.ts"
import { shortenNumbers } from "../statement/NumberLists.ts"
import { shapeOf, wordsOf } from "../statement/Shape.ts"
import type { PgParameter } from "../values/PgValue.ts"
import { type DataApiConnection, failed, refused } from "./DataApiConnection.ts"
import type { Answer } from "./ParameterTypes.ts"
import {
  hasOpenTypes,
  type KnownStatement,
  questionOf,
  rememberText,
  type ServiceText,
  type TypeQuestion,
  textKey,
  textOf
} from "./StatementTexts.ts"
import { otherColumns } from "./TextColumns.ts"
import {
  ANSWER_SQLSTATE,
  answerOf,
  type Columns,
  type InferredType,
  type Lookup,
  lookupSql,
  type Question,
  readAnswer,
  readAnswerSql,
  type Undecided
} from "./TypeLookup.ts"

/** SQLSTATEs of statements whose types PostgreSQL can never infer: `count($1)`, `$1 is null`, an ambiguous operator. */
const undecidable = /^(?:42P18|42725|42804|42P38)$/

/** SQLSTATEs that mean that DO or the language plpgsql is not available. */
const unusable = /^(?:42501|42704|0A000|58P01)$/

/** SQLSTATEs of a wrong cast: a value can't be read as its type, or no operator or function exists for it. */
const mistyped = /^(?:42804|42883|42846|42725|42704|42P18|42P38|3F000|22P02|22P03|22003|22007|22008|22023)$/

const text: Answer = { lookup: undefined, lasts: false }

const answered = (lookup: Lookup | Undecided): Answer =>
  !("sqlState" in lookup)
    ? { lookup, lasts: true }
    : { lookup: undefined, lasts: undecidable.test(lookup.sqlState), refusal: lookup }

const unreadable = (message: string): DataApiError => failed(new UnexpectedResponse({ message, code: "", status: 200 }))

const read = (answer: string): Effect.Effect<Answer, DataApiError> => {
  const lookup = readAnswer(answer)
  return Result.isFailure(lookup) ? Effect.fail(unreadable(lookup.failure)) : Effect.succeed(answered(lookup.success))
}

/** The text in the first column of the first row. */
export const firstText = ({ records }: ExecuteStatementResponse): string | undefined => {
  const field = records?.[0]?.[0]
  return field !== undefined && "stringValue" in field ? field.stringValue : undefined
}

/** Asks outside of a transaction: the answer comes as an error. */
const askAlone = (connection: DataApiConnection, sql: string): Effect.Effect<Answer, DataApiError> => {
  const { api, database, types } = connection.options
  return Effect.matchEffect(idempotent(api.executeStatement({ sql, database })), {
    onSuccess: () => Effect.succeed(text),
    onFailure: (error) => {
      if (error.reason._tag !== "DatabaseError") return Effect.fail(error)
      const { primary, sqlState = "" } = error.reason
      if (sqlState === ANSWER_SQLSTATE) return read(answerOf(primary))
      if (!unusable.test(sqlState)) return Effect.fail(error)
      types.usable = false
      return Effect.succeed(text)
    }
  })
}

/** Asks within a transaction, which an error would abort: a first request stores the answer, a second one reads it. */
const askWithin = (connection: DataApiConnection, sql: string): Effect.Effect<Answer, DataApiError> => {
  const { api, database, types } = connection.options
  const transactionId = connection.transaction?.id
  return Effect.andThen(
    Effect.tapError(idempotent(api.executeStatement({ sql, database, transactionId })), ({ sqlState = "" }) =>
      Effect.sync(() => {
        if (unusable.test(sqlState)) types.usable = false
      })
    ),
    Effect.flatMap(api.executeStatement({ sql: readAnswerSql, database, transactionId }), (response) =>
      response.records === undefined ? Effect.succeed(text) : read(firstText(response) ?? "")
    )
  )
}

/** The lookup; a question that is too long is asked with one number in place of each list of numbers. */
const lookupOf = (question: Question, columns: Columns, inTransaction: boolean): string | undefined =>
  lookupSql(question, columns, inTransaction) ??
  lookupSql({ ...question, sql: shortenNumbers(question.sql) }, columns, inTransaction)

const emptyJson = (index: number): string =>
  `Parameter $${index + 1} is an empty array where json is expected, and would be stored as {}: write sql.json([]).`

/** One run of a statement. */
export interface Call {
  readonly connection: DataApiConnection
  readonly statement: KnownStatement
  readonly parameters: ReadonlyArray<PgParameter>
}

/** What the types of a statement's parameters and columns depend on. */
export const keyOf = ({ connection, parameters }: Pick<Call, "connection" | "parameters">): string => {
  const names = connection.transaction?.names ?? ""
  return names === "" ? textKey(parameters) : `${textKey(parameters)}\n${names}`
}

/** The question that may make a text short enough: it is too long, and has lists with columns of several types. */
const opening = ({ parameters, statement }: Call, { sql }: ServiceText): TypeQuestion | undefined => {
  if (statement.kind.prepared === undefined || !isLonger(sql, MAX_SQL_LENGTH)) return undefined
  const question = questionOf(statement, parameters, true)
  return question.opened.size === 0 ? undefined : question
}

/** The cached text, or one that needs no lookup; undefined if the types must be asked for. */
export const knownText = (call: Call): ServiceText | undefined => {
  const { connection, parameters, statement } = call
  const key = keyOf(call)
  const known = statement.texts.get(key)
  if (known !== undefined && known.learnt?.current !== false) return known
  const { infers, types } = connection.options
  const asks = infers && types.usable
  if (asks && hasOpenTypes(statement, parameters)) return undefined
  const made = textOf(statement, parameters)
  return asks && opening(call, made) !== undefined ? undefined : rememberText(statement, key, made)
}

/** Asks PostgreSQL for a statement's types, and builds its text. */
export const learnText = (
  call: Call,
  question = questionOf(call.statement, call.parameters)
): Effect.Effect<ServiceText, DataApiError> =>
  Effect.suspend(() => {
    const { connection, parameters, statement } = call
    const { transaction } = connection
    const { types } = connection.options
    const known = question.types.map((type) => type ?? "?").join()
    const key = `${known}\n${shapeOf(wordsOf(question.sql))}\n${transaction?.names ?? ""}`
    const ask = Effect.suspend(() => {
      const sql = lookupOf(question, statement.kind.returnsWritten ? "typed" : "as known", transaction !== undefined)
      // Not cached: a statement of the same shape may have shorter constants and comments.
      if (sql === undefined) return Effect.succeed(text)
      return transaction === undefined ? askAlone(connection, sql) : askWithin(connection, sql)
    })
    const asked =
      transaction === undefined
        ? types.askOnce(key, ask)
        : // Not shared: another connection's question may wait for a lock that this transaction holds.
          connection.inTurn(types.ask(key, ask), false)
    return Effect.flatMap(asked, (learnt) => {
      const inferred = learnt.lookup?.parameters
      const at = (index: number) => question.standsFor[index] ?? index
      // PostgreSQL was not told that these are arrays, and other types depend on it: `unnest($1)`, `$1 || $2`.
      const retyped = [...question.types]
      parameters.forEach(({ _tag }, index) => {
        if (_tag === "TextArray" && inferred?.[at(index)]?.isArray !== true) retyped[at(index)] ??= "text[]"
      })
      if (types.usable && retyped.join() !== question.types.join())
        return learnText(call, { ...question, types: retyped })
      const misplaced = parameters.findIndex(
        ({ _tag }, index) => _tag === "EmptyArray" && /^jsonb?$/.test(inferred?.[at(index)]?.name ?? "")
      )
      // An empty array is sent as '{}', which PostgreSQL would read as an empty json object.
      if (misplaced !== -1) return Effect.fail(refused(emptyJson(misplaced)))
      const made = textOf(statement, parameters, question.standsFor, learnt, question.opened)
      const wider = types.usable && question.opened.size === 0 ? opening(call, made) : undefined
      if (wider !== undefined) return learnText(call, wider)
      return Effect.succeed(rememberText(statement, keyOf(call), made))
    })
  })

/**
 * The error of a statement that could not be prepared. It was sent with strings as text, so its own error may be
 * misleading; then the error of the preparation replaces it.
 */
export const ownFailure = ({ learnt }: ServiceText, error: DataApiError): DataApiError => {
  const { sqlState = "" } = error
  const refusal = learnt?.refusal
  if (refusal === undefined || sqlState === refusal.sqlState || !mistyped.test(sqlState)) return error
  return because(error, DatabaseError.fromMessage(`ERROR: ${refusal.message}; SQLState: ${refusal.sqlState}`))
}

/**
 * The columns of a statement whose result could not be returned; undefined if PostgreSQL does not describe them. They
 * are cached with the text, so that the next run of a write can return its rows.
 */
export const learnColumns = (call: Call, sent: ServiceText): Effect.Effect<ReadonlyArray<InferredType> | undefined> =>
  Effect.suspend(() => {
    const known = sent.learnt?.lookup?.results
    if (known?.every(({ column }) => column !== undefined) === true) return Effect.succeed(known)
    const { connection, parameters, statement } = call
    const { transaction } = connection
    const sql = lookupOf(questionOf(statement, parameters), "named", transaction !== undefined)
    if (sql === undefined || statement.kind.prepared === undefined) return Effect.undefined
    const ask =
      transaction === undefined ? askAlone(connection, sql) : connection.inTurn(askWithin(connection, sql), false)
    return Effect.match(ask, {
      // The caller reports the statement's own failure.
      onFailure: () => undefined,
      onSuccess: ({ lookup }) => {
        if (lookup?.results === undefined) return undefined
        if (sent.learnt === undefined) {
          rememberText(statement, keyOf(call), {
            ...sent,
            learnt: { lookup, refusal: undefined, current: true }
          })
        }
        return lookup.results
      }
    })
  })

/** The types of the columns of a statement's result. */
const resultsOf = ({ learnt }: ServiceText): string | undefined =>
  learnt?.lookup?.results?.map(({ name }) => name).join()

/**
 * Asks for the types again after a statement was refused, since they may have changed, and returns the new text. Fails
 * with the statement's error if the text is the same.
 *
 * The refused statement changed nothing, so it can run again; in a transaction, which it has aborted, it can't.
 */
export const relearnText = (
  call: Call,
  sent: ServiceText,
  error: DataApiError
): Effect.Effect<ServiceText, DataApiError> => {
  const { sqlState = "" } = error
  if (sent.learnt === undefined) return Effect.fail(error)
  const isOutdated = mistyped.test(sqlState) || (call.statement.kind.returnsWritten && otherColumns.test(sqlState))
  if (!isOutdated) return Effect.fail(error)
  sent.learnt.current = false
  if (call.connection.transaction !== undefined) return Effect.fail(error)
  return Effect.flatMap(learnText(call), (made) =>
    made.sql === sent.sql && resultsOf(made) === resultsOf(sent) ? Effect.fail(error) : Effect.succeed(made)
  )
}
