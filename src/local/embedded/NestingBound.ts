/**
 * Refuses what is nested too deeply for the embedded database, before it is bound.
 *
 * PostgreSQL checks the depth of its own stack; in WebAssembly another stack, which belongs to the JavaScript engine and
 * can't be measured from inside, ends before that, and the database with it. Measured on Node 24: JSON ends it between
 * 5,000 and 10,000 levels, parentheses of a regular expression and chains of operators between 2,000 and 5,000. Chains
 * of 3,000 operators PostgreSQL itself refuses (54001).
 */
import { pgTypeByName } from "../../data-api/values/PgOids.ts"
import { Refusal, type Statement } from "../engine/Session.ts"

const jsonLevels = 3_000
const patternLevels = 2_000
const operators = 2_500

/** The error of a server whose `max_stack_depth` is reached. */
const stackDepthExceeded = new Refusal({
  sqlState: "54001",
  message: "stack depth limit exceeded",
  hint: "The embedded database takes JSON of 3000 levels, patterns of 2000 levels and chains of 2500 operators."
})

/** How deep opening characters are nested, without what stands in double quotes. */
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

/** What is skipped whole, then parentheses, what begins another expression, and operators. */
const token =
  /'[^']*'|"[^"]*"|--[^\n]*|\$(\w*)\$[\s\S]*?\$\1\$|([([])|([)\]])|(,|;|\b(?:and|or|when|then|else|select|from|where|group|order|having|union|values|on|set|as)\b)|::|\bnot\b|[-+*/<>=~!@#%^&|?]+/gi

/** How many operators and parentheses may lie in each other. */
const chainOf = (sql: string): number => {
  const outer: Array<number> = []
  let chain = 0
  let longest = 0
  for (const [text, , open, close, boundary] of sql.matchAll(token)) {
    if (open !== undefined) outer.push(++chain)
    else if (close !== undefined) chain = Math.max((outer.pop() ?? 1) - 1, 0)
    else if (boundary !== undefined) chain = outer.at(-1) ?? 0
    else if (!/^['"$]|^--/.test(text)) chain++
    longest = Math.max(longest, chain)
  }
  return longest
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
  // Quotes of the statement itself may hold JSON, and are no more than its own where they do not.
  if (isLong && (isTooDeep(sql, isJson, isPattern) || chainOf(sql) > operators)) return stackDepthExceeded
  const found = parameters.some(
    ({ oid, value }) => typeof value === "string" && isTooDeep(value, isJson || jsonOids.has(oid), isPattern)
  )
  return found ? stackDepthExceeded : undefined
}
