/** Maps an error position in the sent text to the same token of the client's text. Pure. */

import { characters } from "../../data-api/Limits.ts"
import { meaningful, type Token } from "../../data-api/statement/SqlLexer.ts"

/** The UTF-16 index of a character. */
export const indexOfCharacter = (text: string, character: number): number => {
  let index = 0
  for (let left = character; left > 0 && index < text.length; left--) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1
  }
  return index
}

/** The end of a placeholder in the sent text, where it is `(`, `:p1`, `::`, the type, `)`. */
const endOfPlaceholder = (tokens: ReadonlyArray<Token>, sent: string, from: number): number => {
  const first = tokens[from]
  if (first === undefined || sent[first.start] !== "(") return from + 1
  let at = from + 1
  while (at < tokens.length && sent[tokens[at]?.start ?? 0] !== ")") at++
  return at + 1
}

/**
 * @param position from 1, in characters of `sent`
 * @returns from 1, in characters of `own`; undefined if the position is in text that the gateway added
 */
export const positionIn = (own: string, sent: string, position: number): number | undefined => {
  const at = indexOfCharacter(sent, position - 1)
  const theirs = meaningful(sent)
  let next = 0
  for (const token of meaningful(own)) {
    const from = next
    next = token.kind === "parameter" ? endOfPlaceholder(theirs, sent, from) : from + 1
    const start = theirs[from]?.start ?? 0
    const end = theirs[next - 1]?.end ?? sent.length
    if (at < start || at >= end) continue
    const within = token.kind === "parameter" ? 0 : characters(sent.slice(start, at))
    return characters(own.slice(0, token.start)) + within + 1
  }
  // At the end of the input.
  return at >= (theirs.at(-1)?.end ?? 0) ? characters(own) + 1 : undefined
}
