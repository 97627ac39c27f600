/** What COPY statements ask for, read from the statements. */
import { Result } from "effect"
import { type CopyOptions, copyOf } from "../../../src/gateway/copy/CopyStatement.ts"
import { statementOf } from "../../../src/gateway/statement/ClientStatement.ts"

const optionsOf = (sql: string): CopyOptions => {
  const copy = Result.getOrThrowWith(copyOf(statementOf(sql)), ({ message }) => new Error(message))
  if (copy === undefined) throw new Error(`no COPY from or to the client: ${sql}`)
  return copy.options
}

export const text = optionsOf("copy notes from stdin")
export const csv = optionsOf("copy notes from stdin with (format csv)")
