/**
 * Makes text from a database or a caller safe to show: characters that would control a terminal, forge a line, reverse
 * the order of the letters or stay invisible become escapes.
 */
import * as Predicate from "effect/Predicate"

// Controls (C0, DEL, C1), line and paragraph separators, lone surrogates; whatever has no glyph: bidirectional
// controls, zero-width characters, tags, fillers, soft hyphens. What joins two emoji into one or selects the look of
// one stays; elsewhere it could make two names look alike.
const hidden =
  /(?!(?<=\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\ufe0f)?)\u200d(?=\p{Extended_Pictographic})|(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  return (
    named[character] ??
    (code <= 0xff ? `\\x${hex.padStart(2, "0")}` : code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`)
  )
}

/** Visible ASCII, which needs no look at each character. */
const plainLine = /^[\x20-\x7e]*$/

/** One line: line breaks and tabs become escapes too. */
export const visible = (text: string): string => (plainLine.test(text) ? text : text.replace(hidden, escapeOf))

/** Text of several lines, such as SQL: each line made visible, tabs as they are. */
export const visibleLines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.split("\t").map(visible).join("\t"))
    .join("\n")

// The colours of this program: nothing else may follow an ESC.
const esc = "\u001b"
const colour = new RegExp(`(${esc}\\[\\d{1,2}m)`)

/** Lines of nothing but visible ASCII, which need no look at each character. */
const plain = /^[\n\x20-\x7e]*$/

/** What is about to be written to a terminal: lines and colours stay, every other control character is shown. */
export const visibleOutput = (text: string): string =>
  plain.test(text)
    ? text
    : text
        .split(colour)
        .map((piece, index) => (index % 2 === 1 ? piece : visibleLines(piece)))
        .join("")

/** JSON text with the same value, in which nothing is hidden. */
export const visibleJson = (json: string): string =>
  json.replace(hidden, (character) =>
    character === "\n"
      ? character
      : [...Array(character.length).keys()]
          .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
          .join("")
  )

/** A member of a report with this name holds text of several lines. */
const ofSeveralLines = "sql"

const visibleMember = (value: unknown, name: string): unknown => {
  if (typeof value === "string") return name === ofSeveralLines ? visibleLines(value) : visible(value)
  if (Array.isArray(value)) return value.map((item) => visibleMember(item, name))
  if (!Predicate.isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, visibleMember(member, key)]))
}

/** A report whose every text is visible, whatever a database held. Its shape is the same. */
export const visibleReport = <A>(report: A): A => visibleMember(report, "") as A
