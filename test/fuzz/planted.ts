/** A parser with a fault that chance alone does not find, and coverage leads to. */
export const parse = (input: Buffer): string | undefined => {
  if (input[0] !== 0x46) return undefined
  if (input[1] !== 0x55) return undefined
  if (input[2] !== 0x5a) return undefined
  return input[3] === 0x21 ? "found" : undefined
}
