/**
 * `JSON.parse` without a fault of V8's. From V8 13 (Node 24) to 14.6 at least (Node 26), it may take a key that is
 * written with an escape for another one: it compares the text of the key, escapes and all, with the key that objects
 * had next before. So `{"a":1,"\"":2}` is read as `{"a":1,"\\":2}` where `{"a":1,"\\":2}` was read earlier in the
 * process, by whomever. Reported as https://github.com/nodejs/node/issues/63785.
 */

/** V8's own; a program may put {@link parseJson} in its place. */
const { parse } = JSON

const quote = 0x22
const backslash = 0x5c

/** Where the string ends whose opening quote, or an escape of which, is at `start`: after its closing quote. */
const endOfString = (text: string, start: number): number => {
  let at = start
  do at += text.charCodeAt(at) === backslash ? 2 : 1
  while (at < text.length && text.charCodeAt(at) !== quote)
  return at + 1
}

const colon = /\s*:/y

/** Only strings with an escape are looked through, and most texts have none. */
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

/** As `JSON.parse` does: `__proto__` is a member like any other. */
const define = (object: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  } else object[key] = value
}

const primitive = /[^\s,:{}[\]"]+/y

/** Reads a text that is known to be JSON. A string alone has no key, so that V8 reads it right. */
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
 * Reads JSON as `JSON.parse` should, with the same errors. Texts in which a key has an escape take about three times as
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
  // The errors are V8's own, with their words.
  const parsed: unknown = parse(text)
  return hasEscapedKey(text) ? read(text) : parsed
}
