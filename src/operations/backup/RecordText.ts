/**
 * Converts PostgreSQL's text form of a row, `(1,"two words",)`, to values and back. Each value is the output of its
 * type's output function, so it is exact for every type. Pure.
 */

/** The values of a row: texts, and null for NULL. */
export type Values = ReadonlyArray<string | null>

/** The characters that end a value or have a meaning in it. */
const special = /[,()"\\]/g

/** Reads one value from `at`, up to the comma or the parenthesis that ends it. */
const valueAt = (text: string, start: number): { readonly value: string | null; readonly end: number } => {
  let value = ""
  let isQuoted = false
  let isNull = true
  let at = start
  for (;;) {
    special.lastIndex = at
    const found = special.exec(text)
    const end = found?.index ?? text.length
    value += text.slice(at, end)
    if (end > at) isNull = false
    const char = text[end]
    if (char === undefined || (!isQuoted && (char === "," || char === ")")))
      return { value: isNull ? null : value, end }
    at = end + 1
    if (char === "\\") {
      value += text[at] ?? ""
      at++
    } else if (char === '"') {
      if (isQuoted && text[at] === '"') {
        value += '"'
        at++
      } else isQuoted = !isQuoted
    } else value += char
    isNull = false
  }
}

/**
 * The values in a row's text.
 *
 * @param columns How many columns the row has: `()` is a row without columns as well as one whose only value is NULL.
 */
export const valuesOf = (text: string, columns: number): Values => {
  const values: Array<string | null> = []
  for (let at = 1; values.length < columns; ) {
    const { end, value } = valueAt(text, at)
    values.push(value)
    at = end + 1
  }
  return values
}

const quoted = (value: string | null): string =>
  value === null ? "" : `"${value.replaceAll(/["\\]/g, (char) => char + char)}"`

/** The text of a row with these values. */
export const textOf = (values: Values): string => `(${values.map(quoted).join(",")})`
