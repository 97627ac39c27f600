/** Writes a text as one word of a POSIX shell, so that a command in a message can be copied. */
const plain = /^[\w@%+=:,./-]*$/

/** What a shell would interpret is quoted. */
export const shellWord = (text: string): string => (plain.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
