/** What `JSON.parse` would silently change in a text: digits of numbers, and members whose name comes twice. */
import { exactNumber } from "./ExactNumber.ts"

/** An object or a list that has begun, and where in it the text is. */
interface Opened {
  /** The names so far; undefined for a list. */
  readonly names: Set<string> | undefined
  /** The name or index of the value that comes next or is being read. */
  at: string | number
  /** Whether a string is a name, which is so until its colon. */
  isName: boolean
}

/** What would be changed, and what to do: `quantity` has more digits than a number keeps. */
interface Changed {
  /** Names and indexes with points between, as in the problems of a schema. */
  readonly path: string
  readonly message: string
}

/** A caller corrects some problems at a time; a list of thousands helps nobody. */
const mostProblems = 20

const quote = 0x22
const backslash = 0x5c

/** The offset after the string that begins at an offset. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1
  return at + 1
}

const number = /-?\d[\d.eE+-]*/y

const pathOf = (opened: ReadonlyArray<Opened>): string => opened.map(({ at }) => at).join(".")

const inexact = "has more digits than a JSON number keeps: send fewer digits, or send an amount as text"

const twice = "comes twice in one object: send it once"

/** Where a text that is known to be JSON says what a value can't hold, and what to send in its place. */
export const changedIn = (text: string): ReadonlyArray<Changed> => {
  const problems: Array<Changed> = []
  const opened: Array<Opened> = []
  const named = (holder: Opened, written: string) => {
    holder.at = String(JSON.parse(written))
    if (holder.names?.has(holder.at) === true) problems.push({ path: pathOf(opened), message: twice })
    holder.names?.add(holder.at)
  }
  for (let at = 0; at < text.length && problems.length < mostProblems; ) {
    const token = text[at] ?? ""
    const holder = opened.at(-1)
    if (token === '"') {
      const end = endOfString(text, at)
      if (holder?.isName === true) named(holder, text.slice(at, end))
      at = end
      continue
    }
    number.lastIndex = at
    const digits = number.exec(text)?.[0]
    if (digits !== undefined && exactNumber(digits) === undefined) {
      problems.push({ path: pathOf(opened), message: inexact })
    }
    if (token === "{") opened.push({ names: new Set(), at: "", isName: true })
    else if (token === "[") opened.push({ names: undefined, at: 0, isName: false })
    else if (token === "}" || token === "]") opened.pop()
    else if (token === ":" && holder !== undefined) holder.isName = false
    else if (token === "," && holder !== undefined) {
      holder.isName = holder.names !== undefined
      if (typeof holder.at === "number") holder.at++
    }
    at += digits?.length ?? 1
  }
  return problems
}
