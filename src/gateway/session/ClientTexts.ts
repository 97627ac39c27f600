/** A cache of parsed client texts, since programs send the same texts again. */
import { remember } from "../../data-api/statement/RecentTexts.ts"
import { type ClientStatement, statementsOf } from "../statement/ClientStatement.ts"

const CAPACITY = 500
/** A longer text is probably a script that runs once, and is not remembered. */
export const LONGEST_TEXT = 10_000

export class ClientTexts {
  readonly #known = new Map<string, ReadonlyArray<ClientStatement>>()

  /** The statements of a text. */
  statementsOf(text: string): ReadonlyArray<ClientStatement> {
    if (text.length > LONGEST_TEXT) return statementsOf(text)
    const statements = this.#known.get(text) ?? statementsOf(text)
    remember(this.#known, text, statements, CAPACITY)
    return statements
  }
}
