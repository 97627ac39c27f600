/** A cache of parsed client texts, since programs send the same texts again. */
import { type ClientStatement, statementsOf } from "./ClientStatement.ts"

const CAPACITY = 500
/** A longer text is probably a script that runs once, and is not remembered. */
export const LONGEST_TEXT = 10_000

export class ClientTexts {
  readonly #known = new Map<string, ReadonlyArray<ClientStatement>>()

  /** The statements of a text. */
  statementsOf(text: string): ReadonlyArray<ClientStatement> {
    if (text.length > LONGEST_TEXT) return statementsOf(text)
    const known = this.#known.get(text)
    // The map's order is the order of last use.
    if (known !== undefined) this.#known.delete(text)
    const statements = known ?? statementsOf(text)
    this.#known.set(text, statements)
    if (this.#known.size > CAPACITY) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    return statements
  }
}
