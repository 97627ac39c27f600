/**
 * `JSON.parse` without a bug of V8. From V8 13 (Node 24) to at least 14.6 (Node 26), V8 may read a key with an escape
 * as another key, because it compares the escaped text with the key that followed in earlier objects. So
 * `{"a":1,"\"":2}` is read as `{"a":1,"\\":2}` if the process parsed `{"a":1,"\\":2}` before. Reported as
 * https://github.com/nodejs/node/issues/63785.
 */

/** V8's own function, kept because a program may replace `JSON.parse` by {@link parseJson}. */
const { parse } = JSON

const quote = 0x22
const backslash = 0x5c

/** The end of a string, after its closing quote. `start` is its opening quote or an escape in it. */
const endOfString = (text: string, start: number): number => {
  let at = start
  do at += text.charCodeAt(at) === backslash ? 2 : 1
  while (at < text.length && text.charCodeAt(at) !== quote)
  return at + 1
}

const colon = /\s*:/y

/** Whether a key has an escape. Only strings with an escape are checked, and most texts have none. */
const hasEscapedKey = (text: string): boolean => {
  for (let at = text.indexOf("\\"); at !== -1; at = text.indexOf("\\", colon.lastIndex)) {
    const end = endOfString(text, at)
    colon.lastIndex = end
    if (colon.test(text)) return true
    colon.lastIndex = end
  }
  return false
}

type Opened = Array<unknown> | Record<string, unknown>

/** Sets a member as `JSON.parse` does, for which `__proto__` is an ordinary one. */
const define = (object: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  } else object[key] = value
}

const primitive = /[^\s,:{}[\]"]+/y

/** Parses a text that is known to be JSON. V8 parses each string alone, without a key, and so without the bug. */
const read = (text: string): unknown => {
  const root: Array<unknown> = []
  const opened: Array<Opened> = [root]
  let holder: Opened = root
  let key: string | undefined
  const put = (value: unknown): void => {
    if (Array.isArray(holder)) holder.push(value)
    else define(holder, key ?? "", value)
    key = undefined
  }
  for (let at = 0; at < text.length; ) {
    const token = text[at] ?? ""
    if (token === "{" || token === "[") {
      const value: Opened = token === "{" ? {} : []
      put(value)
      opened.push(value)
      holder = value
      at++
    } else if (token === "}" || token === "]") {
      opened.pop()
      holder = opened.at(-1) ?? root
      at++
    } else if (token === '"') {
      const end = endOfString(text, at)
      const value: string = parse(text.slice(at, end))
      if (Array.isArray(holder) || key !== undefined) put(value)
      else key = value
      at = end
    } else {
      primitive.lastIndex = at
      const found = primitive.exec(text)?.[0]
      if (found !== undefined) put(parse(found))
      at += found?.length ?? 1
    }
  }
  return root[0]
}

/**
 * Parses JSON as `JSON.parse` should, with the same errors. A text with an escape in a key takes about three times as
 * long.
 *
 * @example
 * ```ts
 * import { parseJson } from "./SoundJson.ts"
 *
 * parseJson('{"a":1,"\\"":2}') // { a: 1, '"': 2 }
 * ```
 */
export const parseJson = (text: string): unknown => {
  // First by V8, so that errors and their messages are V8's.
  const parsed: unknown = parse(text)
  return hasEscapedKey(text) ? read(text) : parsed
}
