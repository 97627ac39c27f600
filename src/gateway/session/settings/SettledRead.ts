/**
 * A read with the session's settings in one request, outside of a transaction: `query_to_xml` has PostgreSQL read, plan
 * and run a text after the settings are applied, so that its literals are read by them as well.
 */
import * as Effect from "effect/Effect"
import type { ExecuteStatementResponse } from "../../../data-api/DataApi.ts"
import type { DataApiError } from "../../../data-api/DataApiError.ts"
import { isLonger, MAX_RESULT_BYTES, MAX_SQL_LENGTH } from "../../../data-api/Limits.ts"
import { idempotent } from "../../../data-api/RetryPolicy.ts"
import { isRead } from "../../../data-api/sql/ReadOnly.ts"
import { literal } from "../../../data-api/statement/Quoting.ts"
import { tokenize } from "../../../data-api/statement/SqlLexer.ts"
import type { ClientStatement } from "../../statement/ClientStatement.ts"
import { type Refused, refusal, refusedBy } from "../../statement/Refused.ts"
import type { Call, Session } from "../ClientSession.ts"

type Due = ReturnType<Session["settings"]["due"]>

/** Settings that act on what is read, planned or run after them; a timeout, say, acts from the next statement on. */
const actsAtOnce =
  /^(?:bytea_output|datestyle|extra_float_digits|intervalstyle|lc_(?:monetary|numeric|time)|role|search_path|timezone)$/

/** Whether a statement with due settings can be such a read. */
export const readsAlone = ({ settings, upstream }: Session, { kind, sql, tail }: ClientStatement): boolean =>
  kind === "query" &&
  tail === 0 &&
  !upstream.readOnly &&
  !upstream.wholeSession &&
  settings.due(sql).every(([name]) => actsAtOnce.test(name)) &&
  isRead(sql)

const TOO_LARGE = "alex: the result exceeds the size limit"

/** One row with all rows as JSON; a result that the service would not return is not made whole. */
const asJson = (sql: string): string => `select pg_catalog.json_agg(case when size > ${MAX_RESULT_BYTES}
then ('${TOO_LARGE}' || pg_catalog.left(line, 0))::pg_catalog.int4::pg_catalog.text else line end) c
from (select line, pg_catalog.sum(pg_catalog.octet_length(line)) over (rows unbounded preceding) size from (
${sql}
) r(line)) s`

/** An expression for the text of a query, in which `format` writes the values of the parameters as literals. */
const textOf = ({ parameters = [], sql }: Call): string => {
  const query = asJson(sql)
  if (parameters.length === 0) return literal(query)
  const numbers = new Map(parameters.map(({ name }, index) => [`:${name}`, index + 1]))
  const template = tokenize(query).map(({ end, kind, start }) => {
    const text = query.slice(start, end)
    const number = kind === "placeholder" ? numbers.get(text) : undefined
    return number === undefined ? text.replaceAll("%", "%%") : `%${number}$L`
  })
  const values = parameters.map(({ name }) => `(:${name}::pg_catalog.text)`)
  return `pg_catalog.format(${literal(template.join(""))}, variadic array[${values.join(", ")}])`
}

const settled = (call: Call, due: Due): string => {
  const applied = due.map(
    ([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, true) is not null`
  )
  const plain = [
    ["&lt;", "<"],
    ["&gt;", ">"],
    ["&amp;", "&"]
  ].reduce((text, [from, to]) => `pg_catalog.replace(${text}, '${from}', '${to}')`, "substring(xml from '<c>(.*)</c>')")
  return `select pg_catalog.json_array_elements_text(${plain}::pg_catalog.json)
from (select case when ${applied.join(" and ")} then pg_catalog.query_to_xml(${textOf(call)}, false, true, '')::pg_catalog.text end xml) q`
}

/** The failure of the request; undefined if the read is to be run in a transaction, where its error has its position. */
const failureOf = (error: DataApiError): Refused | undefined => {
  const { reason } = error
  if (reason._tag !== "DatabaseError") return refusedBy(error)
  if (reason.primary.includes(TOO_LARGE)) return refusal("54000", "the result exceeds the size limit of the service")
  // It was cancelled.
  return reason.sqlState?.startsWith("57") ? refusedBy(error) : undefined
}

/** Sends the call of a query, with the settings that are due before it if it is such a read. */
export const sendQuery = (
  session: Session,
  statement: ClientStatement,
  call: Call
): Effect.Effect<ExecuteStatementResponse, Refused> =>
  Effect.suspend(() => {
    const due = session.transaction === undefined ? session.settings.due(statement.sql) : []
    if (due.length === 0) return session.send(call)
    const inTransaction = Effect.andThen(session.begin(true), session.send(call))
    const sql = settled(call, due)
    if (isLonger(sql, MAX_SQL_LENGTH)) return inTransaction
    const { parameters } = call
    const { database, upstream } = session
    return Effect.catch(
      session.tagged(sql, (text) => idempotent(upstream.api.executeStatement({ sql: text, parameters, database }))),
      (error): Effect.Effect<ExecuteStatementResponse, Refused> => {
        const failure = failureOf(error)
        return failure === undefined ? inTransaction : Effect.fail(failure)
      }
    )
  })
