/** How FETCH and MOVE say where a cursor goes. Pure. */
import type { ClientStatement } from "../../statement/ClientStatement.ts"

/** The movement of FETCH or MOVE: over `count` rows, by `by` rows, or to row `to` (a negative one from the end). */
export type Move = { readonly count: number } | { readonly by: number } | { readonly to: number }

/** PostgreSQL takes a number of more bits for a syntax error. */
const isInt4 = (number: number): boolean => number === (number | 0)

const numberOf = (text: string): number | undefined => {
  if (text === "all") return Number.POSITIVE_INFINITY
  return /^[+-]?\d+$/.test(text) && isInt4(Number(text)) ? Number(text) : undefined
}

/** Parses FETCH or MOVE; undefined after a syntax error. */
export const moveOf = ({ words }: ClientStatement): Move | undefined => {
  const asked = words.slice(1, -1)
  if (/^(?:from|in)$/.test(asked.at(-1) ?? "")) asked.pop()
  const [first = "next", ...rest] = asked
  const number = numberOf(rest.join(""))
  switch (first) {
    case "next":
      return { count: 1 }
    case "prior":
      return { count: -1 }
    case "first":
      return { to: 1 }
    case "last":
      return { to: -1 }
    case "absolute":
      return number === undefined ? undefined : { to: number }
    case "relative":
      return number === undefined ? undefined : number === 0 ? { count: 0 } : { by: number }
    case "forward":
      return rest.length === 0 ? { count: 1 } : number === undefined ? undefined : { count: number }
    case "backward":
      return rest.length === 0 ? { count: -1 } : number === undefined ? undefined : { count: -number }
    default: {
      const count = numberOf(asked.join(""))
      return count === undefined ? undefined : { count }
    }
  }
}
