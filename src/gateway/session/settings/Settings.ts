/** The settings of a session, which the service forgets between calls. Pure. */
import { characters } from "../../../data-api/Limits.ts"
import { literal, quotedName, unquotedName } from "../../../data-api/statement/Quoting.ts"
import { tokenize } from "../../../data-api/statement/SqlLexer.ts"
import { type ClientStatement, clientPosition } from "../../statement/ClientStatement.ts"

/** Settings by name in lower case. */
export type Settings = ReadonlyMap<string, string>

/** Settings that do not affect a statement, unless it reads them. */
const immaterial = new Set(["application_name", "client_min_messages", "log_min_messages", "synchronize_seqscans"])

/** Settings that matter only in a transaction. */
const ofTransactions = new Set(["idle_in_transaction_session_timeout", "transaction_timeout"])

const looks = /\b(?:show|current_setting|set_config|pg_settings|pg_stat_activity|pg_stat_get_activity)\b/i

/** What clients call UTC: the last is Sequelize's `INTERVAL '+00:00'`. Other texts than a zone's name do not differ. */
const utc = /^(?:(?:Etc\/)?(?:UTC|UCT|Universal|Zulu)|<\+00>-00)$/i

/** What may write a zone's name. */
const namesZone = /\b(?:to_char|timeofday|datestyle)\b/i

/** Whether a value gives the same results as the server's own, so that drivers that always set it cost nothing. */
const meansTheSame = (name: string, value: string, own: string | undefined, sql: string): boolean => {
  if (own === undefined) return false
  // From 1 on PostgreSQL writes the shortest exact number, whatever it is: pgJDBC sets 3, others 2.
  if (name === "extra_float_digits") return Number(value) > 0 && Number(own) > 0
  return name === "timezone" && utc.test(value) && utc.test(own) && !namesZone.test(sql)
}

/**
 * The settings that must be applied before a statement, in a transaction or outside of one.
 *
 * @param own the server's own values
 */
export const material = (
  settings: Settings,
  sql: string,
  inTransaction: boolean,
  own: Settings = new Map()
): ReadonlyArray<readonly [name: string, value: string]> => {
  if (settings.size === 0) return []
  const all = looks.test(sql)
  return [...settings].filter(
    ([name, value]) =>
      !ofGateway.has(name) &&
      (all ||
        !(
          immaterial.has(name) ||
          (!inTransaction && ofTransactions.has(name)) ||
          meansTheSame(name, value, own.get(name), sql)
        ))
  )
}

/**
 * What stands for the settings by which PostgreSQL reads the literals of a statement. The service prepares a text once, and
 * PostgreSQL reads them then: `'2020-01-01 12:00'` in the time zone of that moment.
 *
 * @param within what stands for the settings that a transaction has changed for itself
 */
export const readingOf = (settings: Settings, within: string, own: Settings): string => {
  const read = material(settings, "", true, own)
  return read.length === 0 && within === "" ? "" : `${JSON.stringify(read)}${within}`
}

const moment = /\b(?:now|today|tomorrow|yesterday)\b/i

/** Whether a statement may have a literal that means the time at which PostgreSQL reads it; `now()` is none. */
export const namesMoment = (sql: string): boolean =>
  moment.test(sql) &&
  tokenize(sql).some(
    ({ end, kind, start }) => (kind === "string" || kind === "dollarString") && moment.test(sql.slice(start, end))
  )

/** The query that applies settings to a transaction. */
export const setConfig = (settings: ReadonlyArray<readonly [name: string, value: string]>): string =>
  `select ${settings.map(([name, value]) => `set_config(${literal(name)}, ${literal(value)}, true)`).join(", ")}`

/** The settings that the gateway carries out, and the service is never told of: it sends and takes UTF-8. */
export const ofGateway: ReadonlySet<string> = new Set(["client_encoding"])

/** Whether a setting affects what names in a statement mean. */
export const decidesNames = (name: string): boolean =>
  /^(?:search_path|role|session_authorization|row_security)$/.test(name)

/** The settings that affect what names mean. */
export const naming = (settings: Settings): ReadonlyArray<readonly [name: string, value: string]> =>
  [...settings].filter(([name]) => decidesNames(name))

/** The change that a SET or RESET statement makes. */
export interface Change {
  /** `session`: beyond the transaction; `local`: until its end; `transaction`: the transaction's own modes. */
  readonly scope: "session" | "local" | "transaction"
  /** Undefined for RESET ALL. */
  readonly name: string | undefined
  /** Whether the setting gets its default: RESET, or SET ... TO DEFAULT. */
  readonly resets: boolean
}

const aliases: Readonly<Record<string, string>> = { schema: "search_path", names: "client_encoding", time: "timezone" }

/** Names of settings have no upper case, even in quotes. */
const settingName = (word: string | undefined): string => unquotedName(word).toLowerCase()

/** The name at `at`, with all its parts. */
const qualifiedAt = (words: ReadonlyArray<string>, at: number): string => {
  const name = settingName(words[at])
  return words[at + 1] === "." ? `${name}.${qualifiedAt(words, at + 2)}` : name
}

/** The setting named at `at`; SQL's own syntax, such as TIME ZONE, becomes the setting's name. */
const nameAt = (words: ReadonlyArray<string>, at: number): string => {
  const name = settingName(words[at])
  if (name === "session" && words[at + 1] === "authorization") return "session_authorization"
  if (name === "transaction" && words[at + 1] === "isolation") return "transaction_isolation"
  if (name === "xml" && words[at + 1] === "option") return "xmloption"
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined
  if (alias !== undefined && (name !== "time" || words[at + 1] === "zone")) return alias
  return qualifiedAt(words, at)
}

/** Parses a SET or RESET statement. */
export const changeOf = ({ words }: Pick<ClientStatement, "words">): Change => {
  if (words[0] === "reset") {
    return { scope: "session", name: words[1] === "all" ? undefined : nameAt(words, 1), resets: true }
  }
  const [, second = "", third = ""] = words
  if (second === "transaction" || second === "constraints") return { scope: "transaction", name: "", resets: false }
  const local = second === "local"
  const explicit = local || (second === "session" && third !== "authorization" && third !== "characteristics")
  const at = explicit ? 2 : 1
  const resets = words.at(-1) === "default" && words.length <= at + 4
  const name = words[at] === "session" && words[at + 1] === "characteristics" ? "characteristics" : nameAt(words, at)
  return { scope: local ? "local" : "session", name, resets }
}

/** The settings that SET SESSION CHARACTERISTICS may change. */
export const characteristics = [
  "default_transaction_isolation",
  "default_transaction_read_only",
  "default_transaction_deferrable"
] as const

/** The modes that the session's settings give a transaction, without those that the client names itself. */
export const modesSet = (settings: Settings, named: string): ReadonlyArray<string> => {
  const isOn = (name: string) => settings.get(name) === "on"
  const isolation = settings.get("default_transaction_isolation")
  const modes: Array<string> = []
  if (isolation !== undefined && !/\bisolation\b/i.test(named)) modes.push(`isolation level ${isolation}`)
  if (isOn("default_transaction_read_only") && !/\bread\s+(?:only|write)\b/i.test(named)) modes.push("read only")
  if (isOn("default_transaction_deferrable") && !/\bdeferrable\b/i.test(named)) modes.push("deferrable")
  return modes
}

/** A setting's name, of one or two parts, as SHOW takes it. */
export const quotedSetting = (name: string): string => name.split(".").map(quotedName).join(".")

/** What SET LOCAL changes, before the value. */
export const targetOf = (name: string): string =>
  name === "session_authorization" ? "session authorization" : `${quotedSetting(name)} to`

/** The statement that gives a setting its default until the end of the transaction. */
export const resetWithin = (name: string): string => `set local ${targetOf(name)} default`

/** What stands before the rest of a SET that is rewritten as SET LOCAL; undefined for one that stays as it is. */
const restOf = ({ starts, words }: Pick<ClientStatement, "starts" | "words">): number | undefined => {
  if (words[0] !== "set" || words[1] === "local" || words[1] === "transaction" || words[1] === "constraints") return
  const at = words[1] === "session" && words[2] !== "authorization" && words[2] !== "characteristics" ? 2 : 1
  return words[at] === "session" && words[at + 1] === "characteristics" ? undefined : starts[at]
}

const SET_LOCAL = "set local "

/** Rewrites SET as SET LOCAL, for a transaction of the service. */
export const asLocal = (statement: Pick<ClientStatement, "sql" | "starts" | "words">): string => {
  const rest = restOf(statement)
  return rest === undefined ? statement.sql : SET_LOCAL + statement.sql.slice(rest)
}

/** A position in a SET that was rewritten so, from 1, as one in the client's text. */
export const localPosition = (statement: ClientStatement, position: number): number | undefined => {
  const rest = restOf(statement)
  const shift = rest === undefined ? 0 : characters(statement.sql.slice(0, rest)) - SET_LOCAL.length
  return clientPosition(statement, position + shift)
}

/** The arguments of each `set_config` in a statement, as written. */
export const configCalls = ({ sql, starts, words }: ClientStatement): ReadonlyArray<ReadonlyArray<string>> => {
  if (!/set_config/i.test(sql)) return []
  return words.flatMap((word, at) => {
    if (word !== "set_config" || words[at + 1] !== "(") return []
    const callArguments: Array<string> = []
    let from = starts[at + 2] ?? 0
    for (let index = at + 2, depth = 0; index < words.length; index++) {
      const one = words[index]
      if (depth === 0 && (one === "," || one === ")")) {
        callArguments.push(sql.slice(from, starts[index]).trim())
        from = starts[index + 1] ?? 0
        if (one === ")") break
      } else if (one === "(" || one === "[") depth++
      else if (one === ")" || one === "]") depth--
    }
    return [callArguments]
  })
}

/** Settings whose changes are reported to the client, by their names in ParameterStatus. */
export const reported: ReadonlyMap<string, string> = new Map(
  [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone"
  ].map((name) => [name.toLowerCase(), name])
)
