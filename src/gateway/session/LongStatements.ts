/** Statements that are too long for the values in their text: these are sent as parameters. */
import * as Effect from "effect/Effect"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import type { Description } from "../statement/DescribeSql.ts"
import { packLiterals } from "../statement/literals/PackedLiterals.ts"
import { isChangedResult, type Refused } from "../statement/Refused.ts"
import { withoutDefaults } from "../statement/rows/WithoutDefaults.ts"
import type { Session } from "./ClientSession.ts"
import type { Prepared } from "./PreparedText.ts"
import type { Bound } from "./RowStatements.ts"
import type { StatementOutcome } from "./StatementOutcome.ts"
import { whyNot } from "./WhyNot.ts"

/** Characters of a statement that may be too long, with what is sent around it, to be run or to be described. */
const LONG = 30_000

/** A statement whose own values are parameters. */
interface Moved extends Prepared {
  readonly statement: ClientStatement
  readonly description: Description
  readonly literals: ReadonlyArray<string>
  /** What stands for the statement in questions for its types and columns. */
  readonly question: ClientStatement
}

const parametersIn = ({ words }: ClientStatement): number =>
  words.reduce((most, word) => (/^\$\d+$/.test(word) ? Math.max(most, Number(word.slice(1))) : most), 0)

/** A long statement without what keeps its rows from being packed. */
export const packable = (statement: ClientStatement): ClientStatement =>
  statement.sql.length < LONG ? statement : withoutDefaults(statement)

/** A long statement with its values as parameters; undefined if it is short, or its values can't be moved. */
export const withPackedLiterals = Effect.fnUntraced(function* (
  session: Session,
  statement: ClientStatement,
  types: ReadonlyArray<number>
) {
  const { kind, sql } = statement
  const isOther = kind !== "query" && kind !== "write"
  if (sql.length < LONG || isOther) return undefined
  const own = Math.max(types.length, parametersIn(statement))
  const packed = packLiterals(statement, own)
  if (packed === undefined) return undefined
  const { question, values } = packed
  const asked = types.map((oid) => (oid === 0 || oid === 705 ? "unknown" : String(oid)))
  const answer = yield* session.describe(question, asked)
  if (answer === "unknown") return undefined
  if ("sqlState" in answer) return yield* Effect.as(whyNot(session, question, types), undefined)
  const sent = packed.sent(answer.casts)
  const description: Description = { ...answer, casts: sent.casts }
  const parameters = answer.parameters.slice(0, own)
  return { statement: sent.statement, description, parameters, literals: values, question } satisfies Moved
})

/** The values of a statement without parameters of its own. */
export const boundTo = ({ description, literals, question }: Moved): Bound => ({
  description,
  values: literals,
  isBinary: () => false,
  question
})

/** Runs a statement without parameters of its own. */
export const runLong = (
  session: Session,
  written: ClientStatement,
  run: (statement: ClientStatement, bound: Bound | undefined) => Effect.Effect<StatementOutcome, Refused>
): Effect.Effect<StatementOutcome, Refused> => {
  if (written.sql.length < LONG) return run(written, undefined)
  const statement = packable(written)
  const once = Effect.flatMap(withPackedLiterals(session, statement, []), (moved) =>
    moved === undefined ? run(statement, undefined) : run(moved.statement, boundTo(moved))
  )
  // Refused before it ran, for columns that were learnt too long ago.
  return Effect.catch(once, (error) => {
    if (!isChangedResult(error)) return Effect.fail(error)
    session.forgetNames()
    return once
  })
}
