/** The command tags of CommandComplete. Pure. */

/** Words between CREATE, DROP or ALTER and the kind of object. */
const modifiers = new Set([
  "or",
  "replace",
  "temp",
  "temporary",
  "global",
  "local",
  "unlogged",
  "unique",
  "recursive",
  "trusted",
  "procedural",
  "constraint"
])

/** Kinds of objects whose names have several words. */
const longKinds = [
  "materialized view",
  "foreign table",
  "foreign data wrapper",
  "event trigger",
  "access method",
  "operator class",
  "operator family",
  "text search configuration",
  "text search dictionary",
  "text search parser",
  "text search template",
  "default privileges",
  "user mapping"
]

/** Kinds of objects that have another name in the tag than in the statement. */
const renamed: Readonly<Record<string, string>> = {
  user: "role",
  group: "role"
}

const objectTag = ([verb = "", ...rest]: ReadonlyArray<string>): string => {
  let at = 0
  while (modifiers.has(rest[at] ?? "")) at++
  const words = rest.slice(at)
  const long = longKinds.find((kind) => words.slice(0, kind.split(" ").length).join(" ") === kind)
  const kind = long ?? words[0] ?? ""
  const isEmpty = words.join(" ").endsWith("with no data")
  if (verb === "create" && kind === "table" && isTableAs(words)) return isEmpty ? "CREATE TABLE AS" : "SELECT 0"
  if (verb === "create" && kind === "materialized view" && !isEmpty) return "SELECT 0"
  return `${verb} ${renamed[kind] ?? kind}`.toUpperCase()
}

const isTableAs = (words: ReadonlyArray<string>): boolean => {
  let depth = 0
  return words.some((word, index) => {
    if (word === "(") depth++
    else if (word === ")") depth--
    return depth === 0 && word === "as" && /^(?:select|with|values|table|execute|\()$/.test(words[index + 1] ?? "")
  })
}

const setTag = (words: ReadonlyArray<string>): string => (words[1] === "constraints" ? "SET CONSTRAINTS" : "SET")

/**
 * @param words the words of the statement, in lower case
 * @param count the number of rows that it returned or wrote
 */
export const commandTag = (words: ReadonlyArray<string>, count: number): string => {
  const [first = "", second = ""] = words
  switch (first) {
    case "insert":
      return `INSERT 0 ${count}`
    case "select":
    case "values":
    case "table":
    case "with":
    case "(":
      return `SELECT ${count}`
    case "update":
    case "delete":
    case "merge":
    case "fetch":
    case "move":
    case "copy":
      return `${first.toUpperCase()} ${count}`
    case "create":
    case "drop":
    case "alter":
      return objectTag(words)
    case "start":
      return "START TRANSACTION"
    case "end":
      return "COMMIT"
    case "abort":
      return "ROLLBACK"
    case "set":
      return setTag(words)
    case "declare":
      return "DECLARE CURSOR"
    case "close":
      return second === "all" ? "CLOSE CURSOR ALL" : "CLOSE CURSOR"
    case "discard":
      return `DISCARD ${second.replace(/^temporary$/, "temp").toUpperCase()}`
    case "deallocate":
      return words.at(-1) === "all" ? "DEALLOCATE ALL" : "DEALLOCATE"
    case "truncate":
      return "TRUNCATE TABLE"
    case "lock":
      return "LOCK TABLE"
    case "security":
      return "SECURITY LABEL"
    case "import":
      return "IMPORT FOREIGN SCHEMA"
    case "refresh":
      return "REFRESH MATERIALIZED VIEW"
    case "reassign":
      return "REASSIGN OWNED"
    case "grant":
    case "revoke":
      return words.includes("on") ? first.toUpperCase() : `${first.toUpperCase()} ROLE`
    case "rollback":
    case "commit":
      return second === "prepared" ? `${first.toUpperCase()} PREPARED` : first.toUpperCase()
    default:
      return first.toUpperCase()
  }
}
