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

/** How many of the sent tokens from `from` on stand for one of the client's, as their end. */
const endOfSame = (token: Token, tokens: ReadonlyArray<Token>, sent: string, from: number): number => {
  if (token.kind === "parameter") return endOfPlaceholder(tokens, sent, from)
  // The upper bound of a slice: `[1:2]` is sent as `[1 : 2]`.
  return from + (token.kind === "placeholder" ? 2 : 1)
}

/** The characters of a token before a position, of which `before` is the sent text. */
const charactersWithin = (token: Token, own: string, before: string): number => {
  if (token.kind === "parameter") return 0
  if (token.kind === "placeholder") return before === "" ? 0 : 1
  // A dollar-quoted string is sent as one in quotes, where the service would misread it.
  const quote = token.kind === "dollarString" ? /^E?'/.exec(before)?.[0] : undefined
  if (quote === undefined) return characters(before)
  const body = before.slice(quote.length).replaceAll("''", "'")
  return (
    own.indexOf("$", token.start + 1) +
    1 -
    token.start +
    characters(quote === "E'" ? body.replaceAll("\\\\", "\\") : body)
  )
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
    next = endOfSame(token, theirs, sent, from)
    const start = theirs[from]?.start ?? 0
    const end = theirs[next - 1]?.end ?? sent.length
    if (at < start || at >= end) continue
    return characters(own.slice(0, token.start)) + charactersWithin(token, own, sent.slice(start, at)) + 1
  }
  // At the end of the input.
  return at >= (theirs.at(-1)?.end ?? 0) ? characters(own) + 1 : undefined
}
