/** A cache of parsed client texts, since programs send the same texts again. */
import { remember } from "../../data-api/statement/RecentTexts.ts"
import { type ClientStatement, statementsOf } from "../statement/ClientStatement.ts"
import { statementsOfEscaped, statementsOfSetting } from "../statement/literals/EscapedStrings.ts"
import type { SessionSettings } from "./settings/SessionSettings.ts"

const CAPACITY = 500
/** A longer text is probably a script that runs once, and is not remembered. */
export const LONGEST_TEXT = 10_000

export class ClientTexts {
  readonly #known = new Map<string, ReadonlyArray<ClientStatement>>()

  /** The statements of a text that a session with these settings receives. */
  statementsOf(text: string, settings: SessionSettings): ReadonlyArray<ClientStatement> {
    if (text.includes("\\")) {
      if (settings.current("standard_conforming_strings") === "off") return statementsOfEscaped(text)
      // PostgreSQL reads the whole text before it runs the first statement.
      if (/standard_conforming_strings/i.test(text)) return statementsOfSetting(text)
    }
    if (text.length > LONGEST_TEXT) return statementsOf(text)
    const statements = this.#known.get(text) ?? statementsOf(text)
    remember(this.#known, text, statements, CAPACITY)
    return statements
  }
}
