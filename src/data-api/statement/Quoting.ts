/** Quotes names and texts for SQL, and reads quoted names. Pure. */

/** A text as a string literal, of the same meaning whatever `standard_conforming_strings` is. */
export const literal = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted
}

/** A name in quotes, whatever characters it has. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The name that a word of a statement stands for, without its quotes; a word without quotes must be in lower case. */
export const unquotedName = (word = ""): string =>
  word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word
