/** Statements with `:named` parameters as texts with `$1`, `$2`; programs send the same ones again and again. */
import * as Result from "effect/Result"
import { fromNamed, type Template } from "../statement/Placeholders.ts"
import { remember } from "../statement/RecentTexts.ts"

/** How many texts are remembered, and the longest of them in UTF-16 units. */
const CAPACITY = 500
const LONGEST_TEXT = 10_000

interface Known {
  readonly names: ReadonlyArray<string>
  readonly numbered: string
}

const isSame = (some: ReadonlyArray<string>, others: ReadonlyArray<string>): boolean =>
  some.length === others.length && some.every((name, index) => name === others[index])

const numberedOf = ({ parameters, pieces }: Template): string =>
  pieces.reduce((text, piece, index) => `${text}$${(parameters[index - 1] ?? 0) + 1}${piece}`)

export class NumberedTexts {
  readonly #known = new Map<string, Known>()

  /** The text with `$1` for the first name, `$2` for the second, or why the text does not fit the names. */
  find(text: string, names: ReadonlyArray<string>): Result.Result<string, string> {
    const known = this.#known.get(text)
    if (known !== undefined && isSame(known.names, names)) return Result.succeed(known.numbered)
    return Result.map(fromNamed(text, names), (template) => {
      const numbered = numberedOf(template)
      if (text.length <= LONGEST_TEXT) remember(this.#known, text, { names, numbered }, CAPACITY)
      return numbered
    })
  }
}
