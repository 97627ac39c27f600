/** Binds the literals of a client's long statement as parameters, so that the service takes it. */
import * as Effect from "effect/Effect"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { withoutLiterals } from "../statement/literals/WithoutLiterals.ts"
import type { Session } from "./ClientSession.ts"
import { whyNot } from "./WhyNot.ts"

const oidOf = (type: string): number => (type === "unknown" ? 0 : Number(type))

/** The statement with parameters, its description, and their values; undefined if it is sent as it is. */
export const boundLiterals = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const found =
    session.settings.current("standard_conforming_strings") === "on" ? withoutLiterals(statement) : undefined
  if (found === undefined) return undefined
  const description = yield* session.describe(found.statement, found.types)
  if (description === "unknown") return undefined
  if (!("sqlState" in description)) return { ...found, description }
  // Its own error would be about the length.
  yield* whyNot(session, found.statement, found.types.map(oidOf))
  return undefined
})
