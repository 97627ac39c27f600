/** How the local server's requests are logged: a line for people, or one JSON document each. */
import type { Field } from "../../data-api/DataApi.ts"
import type { RequestLog } from "../../local/http/HttpServer.ts"
import { visible, visibleJson, visibleLines } from "./visible.ts"

export interface LineOptions {
  readonly json: boolean
  /** Shows SQL, values and messages, which may be confidential. */
  readonly trace: boolean
}

const valueText = (value: Field): string => {
  if ("isNull" in value) return "NULL"
  if ("blobValue" in value) return `<${value.blobValue.length} bytes>`
  if ("arrayValue" in value) return "<array>"
  return String(Object.values(value)[0])
}

const traced = ({ call, message }: RequestLog) => {
  const request = call?.request
  const sets =
    request === undefined || !("sql" in request)
      ? []
      : "parameterSets" in request
        ? (request.parameterSets ?? [])
        : "parameters" in request
          ? [request.parameters ?? []]
          : []
  return {
    sql: request !== undefined && "sql" in request ? request.sql : undefined,
    parameters: sets.map((set) => Object.fromEntries(set.map(({ name, value }) => [name, valueText(value)]))),
    message
  }
}

/** Indents text below its log line, so that it can't pass for a line of its own. */
const indented = (text: string): string => `\n${visibleLines(text)}`.replaceAll("\n", "\n  ")

/** One line for a request; the last six characters stand for its transaction. */
export const requestLine = (entry: RequestLog, now: Date, { json, trace }: LineOptions): string => {
  const { error, message, millis, operation, requestId, rows, status, transactionId, updated } = entry
  const transaction = transactionId?.slice(-6)
  const sqlState = /SQLState: (\w{5})$/.exec(message ?? "")?.[1]
  const ms = Math.round(millis * 100) / 100
  const time = now.toISOString()
  const more = trace ? traced(entry) : undefined
  if (json)
    return visibleJson(
      JSON.stringify({ time, requestId, operation, status, ms, rows, updated, transaction, error, sqlState, ...more })
    )
  const parts = [
    time.slice(11, 23),
    operation,
    `${ms} ms`,
    rows === undefined ? "" : `${rows} rows`,
    updated === undefined ? "" : `${updated} updated`,
    transaction === undefined ? "" : `tx ${transaction}`,
    error ?? "",
    sqlState ?? ""
  ]
  const head = visible(parts.filter((part) => part !== "").join("  "))
  const statement = more?.sql === undefined ? "" : indented(`${more.sql} ${JSON.stringify(more.parameters)}`)
  return head + statement + (more?.message === undefined || more.message === "" ? "" : indented(more.message))
}
