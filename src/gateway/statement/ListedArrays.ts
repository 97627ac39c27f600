/** Arrays of a client's that are sent as lists of texts, for what {@link isListed} is about. Pure. */
import { isListed, listText } from "../../data-api/values/ArrayLists.ts"

const element = /"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|[^\s"\\{},]+/y

/** The elements of an array of one dimension; undefined for any other text, which is left to PostgreSQL. */
const elementsOf = (text: string): ReadonlyArray<string | null> | undefined => {
  if (text === "{}") return []
  if (!text.startsWith("{")) return undefined
  const elements: Array<string | null> = []
  for (let at = 1; ; at++) {
    element.lastIndex = at
    const found = element.exec(text)
    if (found === null) return undefined
    const [word, quoted] = found
    if (quoted !== undefined) elements.push(quoted.replaceAll(/\\([\s\S])/g, "$1"))
    else elements.push(word.toUpperCase() === "NULL" ? null : word)
    at += word.length
    if (text[at] !== ",") return text[at] === "}" && at === text.length - 1 ? elements : undefined
  }
}

/** The list for a value with this cast; undefined if the value is sent as it is. */
export const listOf = (cast: string | undefined, value: string | null): string | undefined => {
  if (value === null || cast?.startsWith("_") !== true || !isListed(`${cast.slice(1)}[]`)) return undefined
  const elements = elementsOf(value)
  return elements === undefined ? undefined : listText(elements)
}
