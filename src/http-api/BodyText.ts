/** What of a body `JSON.parse` would change without a word: digits of numbers, and members whose name comes twice. */
import * as Option from "effect/Option"
import type { Problem } from "../domain/Problems.ts"
import { exactNumber } from "../spelling/ExactNumber.ts"

/** An object or a list that has begun, and where in it the text is. */
interface Opened {
  /** The names so far; undefined for a list. */
  readonly names: Set<string> | undefined
  /** The name or index of the value that comes next or is being read. */
  at: string | number
  /** Whether a string is a name, which is so until its colon. */
  isName: boolean
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

/** The problems of a text that is known to be JSON. */
const problemsIn = (text: string): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
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

const parsed = /* @__PURE__ */ Option.liftThrowable((text: string): unknown => JSON.parse(text))

const whole = (message: string): ReadonlyArray<Problem> => [{ path: "", message }]

/** Why a text is no body, or none that can be read exactly as it is written; none if it can. */
export const problemsOfText = (text: string): ReadonlyArray<Problem> => {
  if (text.trim() === "") return whole("expected a JSON object, and the body is empty")
  const read = parsed(text)
  if (Option.isNone(read))
    return whole("expected JSON, and the body can't be read as such: send it as JSON.stringify writes it")
  if (typeof read.value !== "object" || read.value === null || Array.isArray(read.value)) {
    return whole("expected a JSON object, in braces")
  }
  return problemsIn(text)
}
