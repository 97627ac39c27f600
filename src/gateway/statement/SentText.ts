/** The text that is sent for a client's statement: the service's placeholders in place of `$1`. Pure. */
import * as Result from "effect/Result"
import { castTo, fromNumbered, render } from "../../data-api/statement/Placeholders.ts"
import type { ClientStatement } from "./ClientStatement.ts"
import type { Wrapped } from "./Wrapped.ts"

export interface SentText {
  /** What it was made of. */
  readonly wrapped: string
  readonly casts: ReadonlyArray<string> | undefined
  readonly sql: string
  /** How many values it takes. */
  readonly count: number
  /** The values that it takes, from 0. */
  readonly used: ReadonlySet<number>
}

/** The statement's text with these casts of its parameters; a failure where its placeholders can't be read. */
export const sentText = (
  { made, words }: ClientStatement,
  wrapped: Wrapped,
  casts: ReadonlyArray<string> | undefined
): Result.Result<SentText, string> => {
  const known = made.sent
  if (known !== undefined && known.wrapped === wrapped.sql && known.casts === casts) return Result.succeed(known)
  return Result.map(fromNumbered(wrapped.sql), (template) => {
    // What a function's body has are its own arguments.
    if (
      casts === undefined &&
      words[0] === "create" &&
      /^(?:function|procedure)$/.test(words[words[1] === "or" ? 3 : 1] ?? "")
    ) {
      const own = Array.from({ length: template.count }, (_, at) => ({ _tag: "Literal" as const, text: `$${at + 1}` }))
      made.sent = { wrapped: wrapped.sql, casts, sql: render(template, own), count: 0, used: new Set() }
      return made.sent
    }
    const placements = Array.from({ length: template.count }, (_, index) => castTo(casts?.[index] ?? "pg_catalog.text"))
    made.sent = {
      wrapped: wrapped.sql,
      casts,
      sql: render(template, placements),
      count: template.count,
      used: new Set(template.parameters)
    }
    return made.sent
  })
}
