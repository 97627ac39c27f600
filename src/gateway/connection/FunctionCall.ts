/** FunctionCall messages, which libpq and JDBC use for large objects. */
import * as Effect from "effect/Effect"
import * as Backend from "../protocol/BackendMessages.ts"
import type { FrontendMessage } from "../protocol/FrontendMessages.ts"
import type { Session } from "../session/ClientSession.ts"
import { endImplicit, execute } from "../session/Execute.ts"
import { statementOf } from "../statement/ClientStatement.ts"
import { fieldText } from "../statement/FieldText.ts"
import { aborted, type Refused, refusal } from "../statement/Refused.ts"
import { bind, encodeRow, newPortal, prepare } from "./Prepared.ts"
import type { Answering } from "./SimpleQuery.ts"

type FunctionCallMessage = Extract<FrontendMessage, { readonly _tag: "FunctionCall" }>

/** A function's name and argument types. */
interface Callable {
  readonly name: string
  readonly types: ReadonlyArray<number>
}

/** Functions by object id, cached for each session. */
const known = new WeakMap<Session, Map<number, Callable>>()

const callableOf = Effect.fnUntraced(function* (session: Session, oid: number) {
  const functions = known.get(session) ?? new Map<number, Callable>()
  known.set(session, functions)
  const found = functions.get(oid)
  if (found !== undefined) return found
  const sql = `select format('%I.%I', n.nspname, p.proname), array_to_string(p.proargtypes, ' ')
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace where p.oid = ${oid} and p.prokind = 'f' and not p.proretset`
  const [record] = (yield* session.send({ sql })).records ?? []
  const [name, types] = (record ?? []).map(fieldText)
  if (name === undefined || name === null) return yield* refusal("42883", `function with OID ${oid} does not exist`)
  const callable: Callable = { name, types: (types ?? "").split(" ").filter(Boolean).map(Number) }
  functions.set(oid, callable)
  return callable
})

/** Calls a function, and sends what it returns. */
export const callFunction = (
  { run, session, socket }: Answering,
  message: FunctionCallMessage
): Effect.Effect<void> => {
  const called = Effect.gen(function* () {
    if (session.transaction?.failed === true) return yield* aborted()
    const { name, types } = yield* callableOf(session, message.function)
    const { resultFormat, unsupportedFormat, values } = message
    if (values.length !== types.length) {
      return yield* refusal(
        "08P01",
        `function call message contains ${values.length} arguments but function requires ${types.length}`
      )
    }
    if (message.formats.length > 1 && message.formats.length !== values.length) {
      const given = `function call message contains ${message.formats.length} argument formats`
      return yield* refusal("08P01", `${given} but ${values.length} arguments`)
    }
    const sql = `select ${name}(${types.map((_, index) => `$${index + 1}`).join(", ")})`
    const prepared = yield* prepare(session, sql, types, Effect.succeed(true))
    const formats = { parameterFormats: message.formats, resultFormats: [resultFormat] }
    const bound = yield* bind(session, prepared, {
      _tag: "Bind",
      portal: "",
      statement: "",
      ...formats,
      values,
      unsupportedFormat
    })
    const statement = prepared.statement ?? statementOf(sql)
    const outcome = yield* run(statement, execute(session, statement, bound))
    const portal = newPortal(prepared, bound, [resultFormat])
    const [value = null] = yield* Effect.fromResult(
      encodeRow(outcome.rows[0] ?? [null], outcome, portal, session.settings.encoding)
    )
    yield* endImplicit(session, false)
    socket.send(Backend.functionCallResponse(value))
  })
  const refused = ({ fields }: Refused) =>
    Effect.andThen(
      Effect.ignore(endImplicit(session, true)),
      Effect.sync(() => {
        if (session.transaction !== undefined) session.transaction.failed = true
        socket.send(Backend.errorResponse(fields, session.settings.encoding))
      })
    )
  return Effect.catch(called, refused)
}
