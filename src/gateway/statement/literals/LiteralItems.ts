/** Reads what stands between parentheses item by item: its constants, and what is the same but for them. Pure. */
import { arrayValue, isString, type Literal, numberValue, stringValue } from "./LiteralValue.ts"

/** A constant of an item, from one word to before another. */
export interface Slot {
  readonly literal: Literal
  readonly from: number
  readonly to: number
}

/** An item, from one word to before the comma or the parenthesis after it. */
export interface Item {
  readonly from: number
  readonly to: number
  readonly slots: ReadonlyArray<Slot>
  /** Its words, with a mark for each constant. */
  readonly shape: string
}

/** An item of one constant alone. */
export const ALONE = "?"

/** A query in a row is run for each row; DEFAULT means nothing outside of VALUES. */
const fixed = new Set(["default", "select", "table", "values"])

const begins = (word = ""): boolean => word === "(" || word === "," || word === "["
const ends = (word = ""): boolean => word === "," || word === ")" || word === "]"

const named: Readonly<Record<string, Literal>> = {
  null: { kind: "null", text: null },
  true: { kind: "bool", text: "true" },
  false: { kind: "bool", text: "false" }
}

/** The string, number, NULL, TRUE or FALSE at a word; null if the gateway can't read it, undefined for anything else. */
const scalarAt = (words: ReadonlyArray<string>, at: number): Slot | undefined | null => {
  const word = words[at] ?? ""
  if (isString(word)) {
    const text = stringValue(word)
    const after = words[at + 1]
    // A string goes on in the next line.
    if (text === undefined || isString(after) || after === "uescape") return null
    return { literal: { kind: text === "{}" ? "empty" : "string", text }, from: at, to: at + 1 }
  }
  const sign = word === "-" ? word : ""
  const to = at + sign.length + 1
  const literal = Object.hasOwn(named, word) ? named[word] : numberValue(sign, words[to - 1] ?? "")
  return literal === undefined ? undefined : { literal, from: at, to }
}

/** The array of constants at a word; undefined if there is none. */
export const arrayAt = (words: ReadonlyArray<string>, from: number): Slot | undefined => {
  if (words[from] !== "array" || words[from + 1] !== "[") return undefined
  // The type of an empty one is that of its cast.
  if (words[from + 2] === "]" && words[from + 3] === "::")
    return { literal: { kind: "empty", text: "{}" }, from, to: from + 3 }
  const elements: Array<Literal> = []
  for (let at = from + 2; ; ) {
    const element = scalarAt(words, at)
    if (element === undefined || element === null) return undefined
    elements.push(element.literal)
    const after = words[element.to]
    at = element.to + 1
    if (after === ",") continue
    const literal = after === "]" ? arrayValue(elements, words[at] === "::") : undefined
    return literal === undefined ? undefined : { literal, from, to: at }
  }
}

/** The constant at a word, undefined if there is none, null if the gateway can't read it. */
const slotAt = (words: ReadonlyArray<string>, at: number, isWhole: boolean): Slot | undefined | null => {
  if (!begins(words[at - 1])) return undefined
  const array = arrayAt(words, at)
  if (array !== undefined) return array
  const slot = scalarAt(words, at)
  if (slot === undefined || slot === null || isString(words[at])) return slot
  const after = words[slot.to]
  // A sign is applied after a cast.
  return isWhole && (ends(after) || (after === "::" && words[at] !== "-")) ? slot : undefined
}

/** The items in the parentheses that open at a word, and the word that closes them; undefined if they can't be moved. */
export const itemsAt = (
  words: ReadonlyArray<string>,
  open: number
): { readonly items: ReadonlyArray<Item>; readonly close: number } | undefined => {
  const items: Array<Item> = []
  const brackets = ["("]
  let from = open + 1
  let shape: Array<string> = []
  let slots: Array<Slot> = []
  for (let at = from; at < words.length; at++) {
    const word = words[at] ?? ""
    if (word === ")" || word === "]") brackets.pop()
    if (brackets.length === 0 || (brackets.length === 1 && word === ",")) {
      items.push({ from, to: at, slots, shape: shape.join("\u0001") })
      if (brackets.length === 0) return { items, close: at }
      from = at + 1
      shape = []
      slots = []
      continue
    }
    if (fixed.has(word)) return undefined
    const slot = slotAt(words, at, at === from || brackets.at(-1) === "[")
    if (slot === null) return undefined
    if (word === "(" || word === "[") brackets.push(word)
    shape.push(slot === undefined ? word : ALONE)
    if (slot === undefined) continue
    slots.push(slot)
    at = slot.to - 1
  }
  return undefined
}
