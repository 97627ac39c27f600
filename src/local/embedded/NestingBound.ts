/**
 * Refuses statements and parameters that are nested too deeply for the embedded database, before they are bound.
 *
 * PostgreSQL checks the depth of its own stack. In WebAssembly there is a second stack, the JavaScript engine's, which
 * PostgreSQL can't measure; if it overflows first, the database stops. Measured on Node 24, it overflows between 5,000
 * and 10,000 levels of JSON, and between 2,000 and 5,000 parentheses of a regular expression or operators in a chain.
 * PostgreSQL itself refuses chains of 3,000 operators, and subselects from 800 levels on (54001). But with subselects,
 * lists of IN or rows, the second stack overflows at 1,600 to 1,800 levels, or earlier if the program's own calls are
 * deep.
 */
import { pgTypeByName } from "../../data-api/values/PgOids.ts"
import { Refusal, type Statement } from "../engine/Session.ts"

const jsonLevels = 3_000
const patternLevels = 2_000
const operators = 2_500
const parentheses = 1_500
const subselects = 800

/** The error of a server whose `max_stack_depth` is reached. */
const stackDepthExceeded = new Refusal({
  sqlState: "54001",
  message: "stack depth limit exceeded",
  hint: "The embedded database takes JSON of 3000 levels, patterns of 2000 levels, parentheses of 1500 levels, subselects of 800 levels and chains of 2500 operators."
})

/** The depth to which brackets are nested, without those in double quotes if `quoted`. */
const depthOf = (text: string, opening: string, closing: string, quoted: boolean): number => {
  let depth = 0
  let deepest = 0
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (quoted && character === '"') {
      for (index++; index < text.length && text.charAt(index) !== '"'; index++) if (text.charAt(index) === "\\") index++
    } else if (opening.includes(character)) deepest = Math.max(deepest, ++depth)
    else if (closing.includes(character) && depth > 0) depth--
  }
  return deepest
}

/** Marks that may begin or end a string in dollar quotes; they may overlap. */
const dollarQuote = /(?=(\$\w*\$))/g

/**
 * Matches strings and comments (skipped), the start of a string in dollar quotes, parentheses, words and marks that
 * begin another expression, and operators.
 */
const token =
  /'[^']*'|"[^"]*"|--[^\n]*|(\$\w*\$)|([([])|([)\]])|(,|;|\b(?:and|or|when|then|else|select|from|where|group|order|having|union|values|on|set|as)\b|(?<=\(\s*)with\b)|::|\bnot\b|[-+*/<>=~!@#%^&|?]+/gi

const beginsSubselect = /^(?:select|values|with)$/i

/** The end of a string that a dollar quote begins at `start`; undefined if the text does not end it. */
const dollarStrings = (sql: string): ((quote: string, start: number) => number | undefined) => {
  // Where each quote occurs last: a search for one that does not come again would read the whole text.
  const last = new Map([...sql.matchAll(dollarQuote)].map(({ 1: quote = "", index }) => [quote, index]))
  return (quote, start) => {
    const from = start + quote.length
    return (last.get(quote) ?? -1) < from ? undefined : sql.indexOf(quote, from) + quote.length
  }
}

/** An open parenthesis: the length of the operator chain at it, and whether it contains a subselect. */
interface Open {
  readonly chain: number
  isSubselect: boolean
}

/** Whether operators, parentheses or subselects are nested too deeply. */
const isNestedTooDeeply = (sql: string): boolean => {
  const outer: Array<Open> = []
  let chain = 0
  let levels = 0
  const endOf = dollarStrings(sql)
  token.lastIndex = 0
  for (let match = token.exec(sql); match !== null; match = token.exec(sql)) {
    const [text, quote, open, close, boundary] = match
    const around = outer.at(-1)
    if (quote !== undefined) token.lastIndex = endOf(quote, match.index) ?? match.index + 1
    else if (open !== undefined) outer.push({ chain: ++chain, isSubselect: false })
    else if (close !== undefined) {
      outer.pop()
      chain = Math.max((around?.chain ?? 1) - 1, 0)
      if (around?.isSubselect === true) levels--
    } else if (boundary !== undefined) {
      chain = around?.chain ?? 0
      if (around?.isSubselect === false && beginsSubselect.test(boundary)) {
        around.isSubselect = true
        levels++
      }
    } else if (!/^['"$]|^--/.test(text)) chain++
    if (chain > operators || outer.length > parentheses || levels > subselects) return true
  }
  return false
}

const isTooDeep = (text: string, isJson: boolean, isPattern: boolean): boolean =>
  (isJson && text.length > jsonLevels && depthOf(text, "[{", "]}", true) > jsonLevels) ||
  (isPattern && text.length > patternLevels && depthOf(text, "(", ")", false) > patternLevels)

const jsonOids = new Set(["json", "jsonb"].map((name) => pgTypeByName.get(name)?.oid))

/** The refusal of a statement whose text or parameters are nested too deeply. */
export const refusalOfDepth = ({ parameters, sql }: Statement): Refusal | undefined => {
  const isLong = sql.length > patternLevels
  if (!isLong && parameters.every(({ value }) => typeof value !== "string" || value.length <= patternLevels)) {
    return undefined
  }
  const isJson = /json/i.test(sql)
  const isPattern = /~|similar|regexp|substring/i.test(sql)
  // The statement's own strings may contain JSON or a pattern.
  if (isLong && (isTooDeep(sql, isJson, isPattern) || isNestedTooDeeply(sql))) return stackDepthExceeded
  const found = parameters.some(
    ({ oid, value }) => typeof value === "string" && isTooDeep(value, isJson || jsonOids.has(oid), isPattern)
  )
  return found ? stackDepthExceeded : undefined
}
