/** SET, RESET and DISCARD: the gateway keeps the settings of a session, since the service has no sessions. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { ANSWER_SQLSTATE, answerOf } from "../../../data-api/sql/TypeLookup.ts"
import { literal } from "../../../data-api/statement/Quoting.ts"
import { releaseLocks } from "../../locks/AdvisoryLocks.ts"
import type { ClientStatement } from "../../statement/ClientStatement.ts"
import { commandTag } from "../../statement/CommandTag.ts"
import { type Refused, refusal, refusedBy } from "../../statement/Refused.ts"
import { encodingName } from "../../values/Encodings.ts"
import type { Call, Session } from "../ClientSession.ts"
import { changeNames, changeSettings, noteModes, type OpenTransaction } from "../OpenTransaction.ts"
import { asItIs, atTerminator } from "../RowStatements.ts"
import { done } from "../StatementOutcome.ts"
import { askedEncoding, encodingSet } from "./ClientEncoding.ts"
import { ofUser } from "./SessionSettings.ts"
import {
  asLocal,
  changeOf,
  characteristics,
  configCalls,
  decidesNames,
  localPosition,
  material,
  ofGateway,
  quotedSetting,
  reported,
  resetWithin,
  targetOf
} from "./Settings.ts"

const separator = "\u001f"

const currentOf = (names: ReadonlyArray<string>): string =>
  names.map((name) => `coalesce(current_setting(${literal(name)}, true), '')`).join(` || E'\\x1f' || `)

/** Tries a SET in a DO block that is rolled back, and returns the settings' values before and after it. */
export const tryAndRollBack = (session: Session, sql: string, names: ReadonlyArray<string>) => {
  const set = material(session.settings.values, "show", true).map(
    ([name, value]) => `perform set_config(${literal(name)}, ${literal(value)}, true);`
  )
  const body = `declare before text := ${currentOf(names)}; begin ${set.join(" ")}
execute ${literal(sql)}; raise exception using errcode = '${ANSWER_SQLSTATE}', message = 'alex-database asks for a setting, which is no failure: '
|| replace(encode(convert_to(before || E'\\x1f' || ${currentOf(names)}, 'UTF8'), 'base64'), chr(10), ''); end`
  return Effect.matchEffect(session.call({ sql: `do ${literal(body)}` }), {
    onSuccess: () => Effect.fail(refusal("XX000", "the setting could not be read")),
    onFailure: (error) => {
      if (error.reason._tag !== "DatabaseError" || error.reason.sqlState !== ANSWER_SQLSTATE) {
        return Effect.fail(refusedBy(error))
      }
      const values = answerOf(error.reason.primary).split(separator)
      return Effect.succeed({ before: values.slice(0, names.length), after: values.slice(names.length) })
    }
  })
}

/** Tries a client's SET or RESET; an error of its syntax is PostgreSQL's own, with its place in the statement. */
const tried = (session: Session, statement: ClientStatement, names: ReadonlyArray<string>) =>
  Effect.catch(tryAndRollBack(session, asLocal(statement), names), (error) =>
    Effect.andThen(error.fields.code === "42601" ? asItIs(session, statement) : Effect.void, Effect.fail(error))
  )

const valueWithin = Effect.fnUntraced(function* (session: Session, name: string) {
  const { records } = yield* session.send({ sql: `show ${quotedSetting(name)}`, early: true })
  const field = records?.[0]?.[0]
  return field !== undefined && "stringValue" in field ? field.stringValue : undefined
})

/** Remembers the current values in the transaction. Uses SHOW, since SET TRANSACTION would fail after a query. */
export const rememberWithin = Effect.fnUntraced(function* (session: Session, names: ReadonlyArray<string>) {
  for (const name of names) {
    session.transaction?.pending.delete(name)
    const value = yield* valueWithin(session, name)
    if (value !== undefined) session.settings.remember(name, value)
  }
})

/** Remembers what clients are told of among the settings that a transaction has changed for itself. */
const rememberLocal = Effect.fnUntraced(function* (session: Session, names: ReadonlyArray<string>) {
  for (const name of names) {
    if (!reported.has(name)) continue
    const value = yield* valueWithin(session, name)
    if (value !== undefined) session.settings.local.set(name, value)
  }
})

/** SET client_encoding, which PostgreSQL sees only where its words are wrong. */
const setEncoding = Effect.fnUntraced(function* (session: Session, statement: ClientStatement, isLocal: boolean) {
  const asked = encodingSet(statement)
  if (asked === undefined) {
    yield* tried(session, statement, ["client_encoding"])
    return yield* refusal("0A000", "the value of client_encoding is written in a way that the gateway does not read")
  }
  const { settings } = session
  const value =
    asked.to === undefined ? (settings.startup.get("client_encoding") ?? "UTF8") : yield* askedEncoding(asked.to)
  if (isLocal) settings.local.set("client_encoding", value)
  else settings.remember("client_encoding", value)
})

/** An expression with literals in place of its parameters. */
const withValues = (expression: string, values: ReadonlyArray<string | null>): string =>
  expression.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const value = values[Number(number) - 1]
    return value === null || value === undefined ? "null" : literal(value)
  })

/** The text of a string literal; undefined for any other expression. */
const constantOf = (expression: string): string | undefined =>
  /^'((?:[^']|'')*)'(?:\s*::\s*(?:text|varchar))?$/i.exec(expression)?.[1]?.replaceAll("''", "'")

/** Whether a query gives `client_encoding` a value by `set_config`, which the service would take to be its own. */
export const setsEncoding = (statement: ClientStatement, values: ReadonlyArray<string | null>): boolean =>
  configCalls(statement).some(
    ([name = "", value = ""]) =>
      constantOf(withValues(name, values))?.toLowerCase() === "client_encoding" &&
      encodingName(constantOf(withValues(value, values)) ?? "") !== "UTF8"
  )

export const encodingByFunction = (): Refused =>
  refusal("0A000", "set_config does not set client_encoding through the gateway", "SET client_encoding does.")

/** Remembers the settings that a query has changed by `set_config`, for the session or the transaction. */
export const rememberConfig = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  values: ReadonlyArray<string | null>
) {
  const calls = configCalls(statement).map(([name = "", value = "", isLocal = ""]) => ({
    name: constantOf(withValues(name, values))?.toLowerCase(),
    value: withValues(value, values),
    lasts: /^(?:false|'(?:f|false|off|0)')$/i.test(withValues(isLocal, values))
  }))
  if (calls.length === 0) return
  const { transaction } = session
  for (const { name } of calls) if (name !== undefined) transaction?.changed.add(name)
  if (transaction !== undefined) changeSettings(transaction, `${statement.sql}${JSON.stringify(values)}`)
  if (transaction !== undefined && calls.some(({ name }) => name === undefined || decidesNames(name))) {
    changeNames(transaction, `${statement.sql}${JSON.stringify(values)}`)
  }
  const lasting = calls.flatMap(({ lasts, name, value }) => (lasts && name !== undefined ? [{ name, value }] : []))
  const names = lasting.map(({ name }) => name)
  if (transaction !== undefined) {
    yield* rememberLocal(
      session,
      calls.flatMap(({ lasts, name }) => (lasts || name === undefined ? [] : [name]))
    )
  }
  if (names.length === 0) return
  if (transaction !== undefined) return yield* rememberWithin(session, names)
  const again = lasting.map(({ name, value }) => `perform set_config(${literal(name)}, ${value}, true);`)
  const { after, before } = yield* tryAndRollBack(session, `do ${literal(`begin ${again.join(" ")} end`)}`, names)
  for (const [index, name] of names.entries()) {
    session.settings.noteBefore(name, before[index] ?? "")
    session.settings.remember(name, after[index])
  }
})

/** Whether a SET must be refused, since it could make a transaction writable; `U&` names could hide that. */
const refusesWrites = (session: Session, { words }: ClientStatement): boolean =>
  session.upstream.readOnly &&
  words.some((word) => /^(?:write|u&".*|"?(?:default_)?transaction_read_only"?)$/is.test(word))

export const readOnlyGateway = (): Refused =>
  refusal("25006", "the gateway is read-only", "Start it without --read-only to write.")

/** The modes of SET TRANSACTION; undefined for SET TRANSACTION SNAPSHOT. */
const modesOf = ({ sql, starts, words }: ClientStatement): string | undefined =>
  words[1] === "transaction" && words[2] !== "snapshot" ? sql.slice(starts[2]) : undefined

/** Notes a SET in a transaction: it replaces a pending setting, and may change what names mean. */
const noteSet = (transaction: OpenTransaction, name: string | undefined, { sql }: ClientStatement): void => {
  changeSettings(transaction, sql)
  if (name === undefined) return
  transaction.pending.delete(name)
  if (name !== "") transaction.changed.add(name)
  // PostgreSQL resets the role when the user changes.
  if (name === "session_authorization") transaction.pending.delete("role")
  if (decidesNames(name)) changeNames(transaction, sql)
}

/** The settings whose value is a list of quoted names. */
const namesList = /^(?:search_path|temp_tablespaces|\w+_preload_libraries)$/

/** Resets a setting in the transaction to its value at the start of the session. */
const setBack = (session: Session, name: string) => {
  const value = session.settings.startup.get(name)
  if (value === undefined) return session.send({ sql: resetWithin(name), early: true })
  // SET would read a list of names as one name. For other settings not set_config: SET TRANSACTION fails after a query.
  const sql = namesList.test(name)
    ? `select set_config(${literal(name)}, ${literal(value)}, true)`
    : `set local ${targetOf(name)} ${literal(value)}`
  return session.send({ sql, early: true })
}

/** Sends a SET to the transaction, until whose end it holds there. */
const sendSet = (session: Session, statement: ClientStatement, options: Pick<Call, "early">) =>
  Effect.mapError(
    session.send({
      ...options,
      sql: asLocal(statement),
      positionOf: (position) => localPosition(statement, position)
    }),
    (error) => atTerminator(error, statement)
  )

/** SET. */
export const set = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const tag = commandTag(statement.words, 0)
  if (refusesWrites(session, statement)) return yield* readOnlyGateway()
  const { name, resets, scope } = changeOf(statement)
  const { transaction } = session
  if (name === "client_encoding" && (scope === "session" || transaction !== undefined)) {
    yield* setEncoding(session, statement, scope === "local")
    return done(tag)
  }
  if (scope !== "session" || name === undefined) {
    const modes = modesOf(statement)
    if (transaction !== undefined && modes !== undefined) {
      yield* session.setModes(modes)
      if (session.transaction !== undefined) noteModes(session.transaction, modes)
    } else if (transaction !== undefined) {
      // SET CONSTRAINTS names constraints, which the pending search_path finds.
      const namesConstraints = statement.words[1] === "constraints"
      yield* sendSet(session, statement, namesConstraints ? {} : { early: true })
      noteSet(transaction, name, statement)
      if (scope === "local" && name !== undefined) yield* rememberLocal(session, [name])
    } else {
      // PostgreSQL reads it, and it does nothing there: in the transaction of the whole session it would.
      const read = yield* Effect.result(asItIs(session, statement))
      yield* session.rollback()
      if (Result.isFailure(read) && read.failure.fields.code === "42601") return yield* read.failure
      session.listener.notice({
        severity: "WARNING",
        code: "25P01",
        message: `${tag.replace(/^SET$/, scope === "local" ? "SET LOCAL" : "SET TRANSACTION")} can only be used in transaction blocks`
      })
      yield* Effect.fromResult(read)
    }
    return done(tag)
  }
  const names = name === "characteristics" ? characteristics : [name]
  if (transaction === undefined) {
    const { after, before } = yield* tried(session, statement, names)
    for (const [index, one] of names.entries()) {
      session.settings.noteBefore(one, before[index] ?? "")
      session.settings.remember(one, resets ? undefined : after[index])
    }
    return done(tag)
  }
  // A statement may set only the style or only the order; the other must already have the session's value.
  const pending = name === "datestyle" ? transaction.pending.get(name) : undefined
  if (pending !== undefined) yield* session.send({ sql: `set local datestyle to ${literal(pending)}`, early: true })
  yield* resets ? setBack(session, name) : sendSet(session, statement, { early: true })
  noteSet(transaction, name, statement)
  yield* rememberWithin(session, names)
  return done(tag)
})

/** What RESET ALL does not reset: the user, and the transaction's own modes. */
const survives = (name: string): boolean => ofUser.has(name) || name === "seed" || name.startsWith("transaction_")

/** The settings that RESET ALL resets, as far as they may have been changed. */
const resetByAll = ({ settings, transaction }: Session): ReadonlyArray<string> =>
  [...new Set([...settings.names, ...(transaction?.changed ?? [])])].filter((name) => !survives(name))

/** RESET. */
export const reset = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  if (refusesWrites(session, statement)) return yield* readOnlyGateway()
  const { name } = changeOf(statement)
  if (name === undefined && statement.words.length > 2) yield* asItIs(session, statement)
  const names = name === undefined ? resetByAll(session) : [name]
  // Lets PostgreSQL refuse the name of an unknown setting.
  if (name !== undefined && session.transaction === undefined && !ofGateway.has(name)) {
    yield* tried(session, statement, names)
  }
  for (const one of names) {
    if (session.transaction !== undefined && !ofGateway.has(one)) {
      yield* setBack(session, one)
      noteSet(session.transaction, one, statement)
    }
    session.settings.remember(one, undefined)
  }
  return done("RESET")
})

/** DISCARD: PostgreSQL itself discards what a transaction has of a session. */
export const discard = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const { sql, words } = statement
  const tag = commandTag(words, 0)
  if (!/^discard (?:all|plans|sequences|temp|temporary)$/.test(words.join(" "))) yield* asItIs(session, statement)
  const all = words[1] === "all"
  if (all && session.status !== "I") return yield* refusal("25001", "DISCARD ALL cannot run inside a transaction block")
  if (session.transaction === undefined && session.upstream.wholeSession) yield* session.begin(true)
  if (all) {
    for (const name of session.settings.names) session.settings.remember(name, undefined)
    session.prepared.clear()
    session.held.clear()
    yield* releaseLocks(session)
  }
  if (session.transaction === undefined) return done(tag)
  for (const one of all ? ["discard temp", "discard sequences", "select pg_advisory_unlock_all()"] : [sql]) {
    yield* session.send({ sql: one })
  }
  session.noteNames(sql)
  return done(tag)
})
