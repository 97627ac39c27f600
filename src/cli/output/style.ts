/** Colours of a terminal. Nothing is imported, since help needs them before anything else is loaded. */

/** Marks a piece of text, or leaves it as it is where there are no colours. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly warn: (text: string) => string
}

const code = (on: number, off: number, canColor: boolean) => (text: string) =>
  canColor ? `\u001b[${on}m${text}\u001b[${off}m` : text

export const styleOf = (canColor: boolean): Style => ({
  bold: code(1, 22, canColor),
  dim: code(2, 22, canColor),
  good: code(32, 39, canColor),
  bad: code(31, 39, canColor),
  warn: code(33, 39, canColor)
})
