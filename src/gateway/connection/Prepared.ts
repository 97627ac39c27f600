/** Prepared statements and portals of the extended protocol. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Format, FrontendMessage } from "../protocol/FrontendMessages.ts"
import type { Session } from "../session/ClientSession.ts"
import { checkGrammar, isEnd, mayHideFault } from "../session/GrammarCheck.ts"
import { packable, withPackedLiterals } from "../session/LongStatements.ts"
import type { Prepared } from "../session/PreparedText.ts"
import { type Bound, namedFault } from "../session/RowStatements.ts"
import type { Row, StatementOutcome } from "../session/StatementOutcome.ts"
import { whyNot } from "../session/WhyNot.ts"
import { callParametersSql, readCallParameters } from "../statement/CallParameters.ts"
import { type ClientStatement, statementOf } from "../statement/ClientStatement.ts"
import type { Description } from "../statement/DescribeSql.ts"
import { innerQuery } from "../statement/InnerQuery.ts"
import { aborted, changedResult, type Refused, refusal, refusedText } from "../statement/Refused.ts"
import { isText, versionFault } from "../values/BinaryForms.ts"
import { fromBinary, isReadable } from "../values/ComposedForms.ts"
import { binaryValue, encodedRow, encodedText } from "../values/EncodedValues.ts"
import type { Encoding } from "../values/Encodings.ts"
import { noShapes, type TypeShapes } from "../values/TypeShape.ts"
import { fixedColumns } from "./FixedColumns.ts"

type BindMessage = Extract<FrontendMessage, { readonly _tag: "Bind" }>

/** A statement with its parameters' values, and the state of its execution. */
export interface Portal {
  readonly prepared: Prepared
  readonly bound: Bound | undefined
  readonly formats: ReadonlyArray<Format>
  outcome: StatementOutcome | undefined
  /** The rows of the last page. */
  rows: ReadonlyArray<Row>
  /** The index of the first one that is not sent yet. */
  next: number
  sent: number
  ended: boolean
}

/** The parameters of statements that PREPARE refuses: CALL, EXPLAIN, DECLARE and CREATE TABLE AS. */
const describeParameters = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  oids: ReadonlyArray<number>,
  types: ReadonlyArray<string>
) {
  const called = callParametersSql(statement, oids)
  if (called !== undefined) return readCallParameters(yield* session.send({ sql: called.sql }), called.count)
  const inner = innerQuery(statement)
  if (inner === undefined || !inner.words.some((word) => /^\$\d+$/.test(word))) return undefined
  const answer = yield* session.describe(inner, types)
  if (answer === "unknown") return undefined
  if ("sqlState" in answer) return yield* Effect.as(whyNot(session, inner, oids), undefined)
  return { ...answer, columns: undefined, sends: [] }
})

/** Whether a statement needs no description, such as a write without parameters and rows. */
const isPlain = ({ kind, returnsRows, words }: ClientStatement, types: ReadonlyArray<number>): boolean =>
  (kind !== "query" && kind !== "write") ||
  (returnsRows === false && types.length === 0 && !words.some((word) => word.startsWith("$")))

/** The first words of PostgreSQL's utility commands; any other first word is a syntax error. */
const commands = new Set(
  `abort alter analyse analyze begin call checkpoint close cluster comment commit copy create deallocate declare discard
  do drop end execute explain fetch grant import listen load lock move notify prepare reassign refresh reindex release
  reset revoke rollback savepoint security set show start truncate unlisten vacuum`.split(/\s+/)
)

const VOID = 2278

/** Whether the client leaves a parameter's type to PostgreSQL. */
const isOpen = (oid = 0): boolean => oid === 0 || oid === 705

/** Removes arguments of type void, as PostgreSQL does: JDBC sends them for the result of a function. */
const withoutVoid = (sql: string, types: ReadonlyArray<number>): string => {
  if (!types.includes(VOID)) return sql
  const { starts, words } = statementOf(sql)
  const isVoid = (word = ""): boolean => /^\$\d+$/.test(word) && types[Number(word.slice(1)) - 1] === VOID
  const text = sql.split("")
  for (const [index, word] of words.entries()) {
    if (!isVoid(word)) continue
    const at = starts[index] ?? 0
    text.fill(" ", at, at + word.length)
    if (words[index + 1] === ",") text[starts[index + 1] ?? 0] = " "
    else if (words[index - 1] === "," && !isVoid(words[index - 2])) text[starts[index - 1] ?? 0] = " "
  }
  return text.join("")
}

/** Refuses a number between those of the parameters that no parameter has: PostgreSQL can't know its type. */
const refuseUnused = (
  { words }: ClientStatement,
  { parameters }: Description,
  types: ReadonlyArray<number>
): Effect.Effect<void, Refused> => {
  const unused = parameters.findIndex((_, index) => isOpen(types[index]) && !words.includes(`$${index + 1}`))
  return unused === -1
    ? Effect.void
    : Effect.fail(refusal("42P18", `could not determine data type of parameter $${unused + 1}`))
}

/** Refuses a type that is left open of a statement that has no parameters. */
const refuseOpen = (types: ReadonlyArray<number>): Effect.Effect<void, Refused> => {
  const open = types.findIndex((oid) => isOpen(oid))
  return open === -1
    ? Effect.void
    : Effect.fail(refusal("42P18", `could not determine data type of parameter $${open + 1}`))
}

/** Refuses all but its end in a transaction that has failed. */
const refuseAborted = (session: Session, statement: ClientStatement | undefined): Effect.Effect<void, Refused> =>
  session.transaction?.failed === true && statement !== undefined && !isEnd(statement)
    ? Effect.fail(aborted())
    : Effect.void

/** The faults that PostgreSQL finds in a statement without running it: those of its grammar, and of the query within. */
const checkUnrun = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  if (statement.kind !== "write") yield* checkGrammar(session, [statement])
  const query = statement.kind === "write" ? statement : innerQuery(statement)
  if (query === undefined || query.words[0] === "execute") return
  const answer = yield* session.describe(query, [])
  if (answer !== "unknown" && "sqlState" in answer) yield* whyNot(session, query, [])
})

/**
 * Parse.
 *
 * @param isBound Whether a Bind of the statement follows, so that a statement that needs no description may show its
 * faults when it runs.
 */
export const prepare = Effect.fnUntraced(function* (
  session: Session,
  sql: string,
  types: ReadonlyArray<number>,
  isBound: Effect.Effect<boolean>
) {
  const isCall = /^\s*call\b/i.test(sql)
  const [written, ...others] = session.upstream.texts.statementsOf(
    isCall ? sql : withoutVoid(sql, types),
    session.settings
  )
  if (others.length > 0) {
    return yield* refusal("42601", "cannot insert multiple commands into a prepared statement")
  }
  const fault = written === undefined ? undefined : namedFault(written)
  if (fault !== undefined) return yield* fault
  if (written !== undefined && mayHideFault(session, [written])) yield* checkGrammar(session, [written])
  yield* refuseAborted(session, written)
  const statement = written === undefined ? undefined : packable(written)
  const bare: Prepared = { statement, description: undefined, parameters: types }
  if (statement?.kind === "other" && !commands.has(statement.words[0] ?? "")) {
    yield* whyNot(session, statement, [])
  }
  if (statement === undefined) return bare
  const asked = types.map((oid) => (isOpen(oid) || oid === VOID ? "unknown" : String(oid)))
  const packed = yield* withPackedLiterals(session, statement, types)
  if (packed !== undefined) return packed
  const inner = yield* describeParameters(session, statement, types, asked)
  if (inner !== undefined) return { statement, description: inner, parameters: inner.parameters } satisfies Prepared
  if (isPlain(statement, types)) {
    if (!(yield* isBound)) yield* checkUnrun(session, statement)
    yield* refuseOpen(types)
    return bare
  }
  const description = yield* session.describe(statement, asked)
  if (description !== "unknown" && !("sqlState" in description)) {
    yield* refuseUnused(statement, description, types)
    return { statement, description, parameters: description.parameters } satisfies Prepared
  }
  yield* whyNot(session, statement, types)
  if (types.length > 0 || statement.words.some((word) => /^\$\d+$/.test(word))) {
    return yield* description === "unknown"
      ? refusal(
          "54000",
          "the statement is too long to ask for the types of its parameters",
          "Split it: the Data API accepts statements of up to 65,536 characters."
        )
      : refusal(
          description.sqlState,
          "the statement could not be described, and could have been a moment later",
          "Retry it."
        )
  }
  return bare
})

/** The columns of a statement, if they are known before it runs. */
export const knownColumns = (session: Session, { description, statement }: Prepared) =>
  description?.columns ?? (statement === undefined ? undefined : fixedColumns(session, statement))

const textOf = (bytes: Uint8Array, encoding: Encoding): Result.Result<string, Refused> =>
  Result.mapError(encoding.decode(bytes), refusedText)

const formatAt = (formats: ReadonlyArray<Format>, index: number): Format =>
  formats.length === 1 ? (formats[0] ?? "text") : (formats[index] ?? "text")

const bindHas = (count: number, of: string, than: string): Refused =>
  refusal("08P01", `bind message has ${count} ${of} but ${than}`)

/** The error of a Bind whose values are not as many as its statement's parameters; undefined if they are. */
const misfit = (
  { parameters }: Prepared,
  { parameterFormats, statement, values }: BindMessage
): Refused | undefined => {
  if (parameterFormats.length > 1 && parameterFormats.length !== values.length)
    return bindHas(parameterFormats.length, "parameter formats", `${values.length} parameters`)
  if (values.length !== parameters.length) {
    const requires = `prepared statement "${statement}" requires ${parameters.length}`
    return refusal("08P01", `bind message supplies ${values.length} parameters, but ${requires}`)
  }
  return undefined
}

/** The error of a Bind that asks for formats that are none, or not as many as there are columns. */
const misshapen = (
  session: Session,
  prepared: Prepared,
  { resultFormats, unsupportedFormat }: BindMessage
): Refused | undefined => {
  if (unsupportedFormat !== undefined) return refusal("22023", `unsupported format code: ${unsupportedFormat}`)
  const columns = resultFormats.length > 1 ? knownColumns(session, prepared)?.length : undefined
  return columns !== undefined && resultFormats.length !== columns
    ? bindHas(resultFormats.length, "result formats", `query has ${columns} columns`)
    : undefined
}

/** Refuses all but its end, without values, in a transaction that has failed. */
const abortedBind = (session: Session, { statement }: Prepared, { values }: BindMessage): Refused | undefined =>
  session.transaction?.failed === true && (statement === undefined || !isEnd(statement) || values.length > 0)
    ? aborted()
    : undefined

/** Refuses a prepared statement whose columns have changed since it was prepared, as PostgreSQL does. */
const checkColumns = Effect.fnUntraced(function* (
  session: Session,
  { parameters, statement }: Prepared,
  description: Description
) {
  const { descriptions } = session.upstream
  if (statement === undefined) return
  const answer = yield* session.describe(statement, parameters.map(String))
  if (answer === "unknown") return
  if ("sqlState" in answer) return yield* whyNot(session, statement, parameters)
  const seen = (columns: Description["columns"] = []) =>
    columns.map(({ name, typeModifier, typeOid }) => `${typeOid} ${typeModifier} ${name}`).join("\n")
  if (seen(answer.columns) !== seen(description.columns)) return yield* changedResult()
  descriptions.confirm(description)
})

/** The text of a binary value of a parameter. */
const textOfBinary = (
  oid: number,
  index: number,
  value: Uint8Array,
  shapes: TypeShapes,
  encoding: Encoding
): Result.Result<string, Refused> => {
  const text = fromBinary(oid, value, shapes, encoding)
  if (text !== undefined) return Result.succeed(text)
  if (isText(oid)) return textOf(value, encoding)
  const fault = versionFault(oid, value)
  if (fault !== undefined) return Result.fail(refusal("XX000", fault))
  return Result.fail(
    isReadable(oid, shapes)
      ? refusal("22P03", `incorrect binary data format in bind parameter ${index + 1}`)
      : refusal("0A000", `the gateway reads no binary form of the type ${oid}`, "Send the parameter as text.")
  )
}

const boundOf = (
  { description, literals = [], parameters }: Prepared,
  { parameterFormats, resultFormats, values }: BindMessage,
  shapes: TypeShapes,
  encoding: Encoding
): Result.Result<Bound | undefined, Refused> => {
  const texts: Array<string | null> = []
  for (const [index, value] of values.entries()) {
    if (value === null) {
      texts.push(null)
      continue
    }
    const text =
      formatAt(parameterFormats, index) === "text"
        ? textOf(value, encoding)
        : textOfBinary(parameters[index] ?? 0, index, value, shapes, encoding)
    if (Result.isFailure(text)) return Result.fail(text.failure)
    texts.push(text.success)
  }
  const isBinary = (column: number) => formatAt(resultFormats, column) === "binary"
  return Result.succeed(
    description === undefined ? undefined : { description, values: [...texts, ...literals], isBinary }
  )
}

/**
 * Bind: converts the values to text.
 *
 * @param isTaken whether there is a portal or a cursor of this name
 */
export const bind = (
  session: Session,
  prepared: Prepared,
  message: BindMessage,
  isTaken = false
): Effect.Effect<Bound | undefined, Refused> => {
  const { parameterFormats, values } = message
  const { encoding } = session.settings
  const taken = isTaken ? refusal("42P03", `cursor "${message.portal}" already exists`) : undefined
  const refused =
    misfit(prepared, message) ??
    abortedBind(session, prepared, message) ??
    taken ??
    misshapen(session, prepared, message)
  if (refused !== undefined) return Effect.fail(refused)
  const unknown = prepared.parameters.filter(
    (oid, index) => values[index] !== null && formatAt(parameterFormats, index) === "binary" && !isReadable(oid)
  )
  const bound =
    unknown.length === 0
      ? Effect.fromResult(boundOf(prepared, message, noShapes, encoding))
      : Effect.flatMap(session.shapes(unknown), (shapes) =>
          Effect.fromResult(boundOf(prepared, message, shapes, encoding))
        )
  const { description } = prepared
  return description?.columns === undefined || session.upstream.descriptions.isCurrent(description)
    ? bound
    : Effect.andThen(checkColumns(session, prepared, description), bound)
}

export const newPortal = (prepared: Prepared, bound: Bound | undefined, formats: ReadonlyArray<Format>): Portal => ({
  prepared,
  bound,
  formats,
  outcome: undefined,
  rows: [],
  next: 0,
  sent: 0,
  ended: false
})

/** The format of a portal's column. */
export const formatOf =
  ({ formats }: Portal) =>
  (column: number): Format =>
    formatAt(formats, column)

/** Encodes a row in the formats that the client asked for. */
export const encodeRow = (
  row: Row,
  { columns = [], encoded }: StatementOutcome,
  portal: Portal,
  encoding: Encoding
): Result.Result<ReadonlyArray<Uint8Array | string | null>, Refused> => {
  if (!portal.formats.includes("binary")) return encodedRow(row, encoding)
  const values: Array<Uint8Array | string | null> = []
  for (const [index, value] of row.entries()) {
    if (value === null) values.push(value)
    else if (formatAt(portal.formats, index) === "text") {
      const text = encodedText(value, encoding)
      if (Result.isFailure(text)) return Result.fail(text.failure)
      values.push(text.success)
    } else {
      const oid = columns[index]?.typeOid ?? 0
      const bytes = binaryValue(oid, value, encoded?.has(index) === true, encoding)
      if (Result.isFailure(bytes)) return Result.fail(bytes.failure)
      values.push(bytes.success)
    }
  }
  return Result.succeed(values)
}
