/** PREPARE, EXECUTE and DEALLOCATE, emulated since the service does not keep prepared statements. */

import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { fromNumbered, render } from "../../data-api/statement/Placeholders.ts"
import { unquotedName } from "../../data-api/statement/Quoting.ts"
import { forgetNumbers, withNumbers } from "../sequences/InsertedNumbers.ts"
import { type ClientStatement, type Kind, statementOf } from "../statement/ClientStatement.ts"
import type { Description } from "../statement/DescribeSql.ts"
import { innerQuery } from "../statement/InnerQuery.ts"
import { type Refused, refusal } from "../statement/Refused.ts"
import type { Session } from "./ClientSession.ts"
import { createFrom, creationOf } from "./CreatedTables.ts"
import { asItIs, type Bound, query } from "./RowStatements.ts"
import { done, type StatementOutcome } from "./StatementOutcome.ts"

/** A statement prepared by PREPARE or a Parse message; both use the same names. */
export interface Prepared {
  /** Undefined for a text without a statement. */
  readonly statement: ClientStatement | undefined
  /** Undefined if PostgreSQL could not describe the statement, or did not need to. */
  readonly description: Description | undefined
  readonly parameters: ReadonlyArray<number>
  /** The values of the parameters that follow the client's own. */
  readonly literals?: ReadonlyArray<string>
}

/** The items of a list in parentheses that begins with the word at `at`, and the index of the word after the list. */
const listAt = ({ sql, starts, words }: ClientStatement, at: number) => {
  const items: Array<string> = []
  if (words[at] !== "(") return { items, end: at }
  let depth = 0
  let from = starts[at + 1] ?? sql.length
  for (let index = at; index < words.length; index++) {
    const word = words[index]
    if (word === "(" || word === "[") depth++
    else if (word === ")" || word === "]") depth--
    if (depth === 0 || (depth === 1 && word === ",")) {
      items.push(sql.slice(from, starts[index]).trim())
      from = (starts[index] ?? 0) + 1
    }
    if (depth === 0) return { items, end: index + 1 }
  }
  return { items, end: words.length }
}

/** PREPARE name (types) AS statement. */
export const prepareText = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const name = unquotedName(statement.words[1])
  if (session.prepared.has(name)) {
    return yield* refusal("42P05", `prepared statement "${name}" already exists`)
  }
  const { end, items } = listAt(statement, 2)
  const from = statement.starts[end + 1]
  if (statement.words[end] !== "as" || from === undefined) return yield* asItIs(session, statement)
  const body = statementOf(statement.sql.slice(from), statement.offset + from)
  const answer = yield* session.describe(body, items)
  if (answer === "unknown" || "sqlState" in answer) {
    // Gets PostgreSQL's own error.
    yield* session.send({ sql: statement.sql, positionOf: (position) => statement.offset + position })
    return yield* refusal("0A000", "the statement can't be prepared through the Data API", "Run it without PREPARE.")
  }
  session.prepared.set(name, { statement: body, description: answer, parameters: answer.parameters })
  return done("PREPARE")
})

/** The kinds that EXECUTE can send to the service; the gateway handles all others itself. */
const runsByName: ReadonlySet<Kind> = new Set(["query", "write", "other"])

/** The statement with its arguments in place of the parameters. */
const filled = (
  { description, statement }: Prepared,
  name: string,
  values: ReadonlyArray<string>
): Effect.Effect<ClientStatement, Refused> => {
  if (statement === undefined || !runsByName.has(statement.kind)) {
    return Effect.fail(
      refusal(
        "0A000",
        `EXECUTE of the prepared statement "${name}" is not supported`,
        "Execute it with a Bind message."
      )
    )
  }
  const casts = description?.casts ?? []
  if (values.length !== casts.length) {
    return Effect.fail(refusal("42601", `wrong number of parameters for prepared statement "${name}"`))
  }
  const template = fromNumbered(statement.sql)
  if (Result.isFailure(template)) return Effect.fail(refusal("42601", template.failure))
  const texts = values.map((value, index) => ({ _tag: "Literal" as const, text: `((${value})::${casts[index]})` }))
  return Effect.succeed(statementOf(render(template.success, texts)))
}

/** EXPLAIN and CREATE TABLE AS of an EXECUTE. */
export const ofNamed = (
  session: Session,
  statement: ClientStatement,
  bound?: Bound
): Effect.Effect<StatementOutcome, Refused> => {
  const inner = innerQuery(statement)
  if (inner === undefined) return asItIs(session, statement, bound)
  const name = unquotedName(inner.words[1])
  const found = session.prepared.get(name)
  if (found === undefined) return Effect.fail(refusal("26000", `prepared statement "${name}" does not exist`))
  const lead = statement.sql.slice(0, statement.sql.length - inner.sql.length)
  const { end, items } = listAt(inner, 2)
  // WITH NO DATA is not part of EXECUTE.
  const rest = inner.starts[end] === undefined ? "" : ` ${inner.sql.slice(inner.starts[end])}`
  return Effect.flatMap(filled(found, name, items), (body) => {
    const whole = statementOf(lead + body.sql + rest)
    const creation = bound === undefined ? creationOf(whole) : undefined
    return creation === undefined ? asItIs(session, whole, bound) : createFrom(session, whole, creation)
  })
}

/** EXECUTE name (values). */
export const executeText = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const name = unquotedName(statement.words[1])
  const found = session.prepared.get(name)
  if (found === undefined) return yield* refusal("26000", `prepared statement "${name}" does not exist`)
  const body = yield* filled(found, name, listAt(statement, 2).items)
  forgetNumbers(session, body)
  const run: Effect.Effect<StatementOutcome, Refused> =
    body.returnsRows === true
      ? query(session, body, undefined, found.description)
      : withNumbers(session, body, undefined)
  return yield* run
})

/** DEALLOCATE. */
export const deallocate = Effect.fnUntraced(function* (session: Session, { words }: ClientStatement) {
  const word = words.at(-1)
  if (word === "all") {
    session.prepared.clear()
    return done("DEALLOCATE ALL")
  }
  const name = unquotedName(word)
  if (!session.prepared.delete(name)) return yield* refusal("26000", `prepared statement "${name}" does not exist`)
  return done("DEALLOCATE")
})
