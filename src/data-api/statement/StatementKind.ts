/** Classifies a statement by its words, as far as the driver treats kinds differently. Pure. */
import { meaningful, type Token } from "./SqlLexer.ts"

export interface StatementKind {
  /** The first word, as OpenTelemetry names an operation: `SELECT`. */
  readonly verb: string
  /** Whether it commits its transaction. */
  readonly commits: boolean
  /** Whether it rolls back to a savepoint, which repairs an aborted transaction. */
  readonly rollsBackToSavepoint: boolean
  /** Whether it may change what names in later statements mean: it sets `search_path` or a role, or is DDL. */
  readonly changesNames: boolean
  /** The first word of PostgreSQL's command tag: `INSERT` also after WITH. */
  readonly command: string
  /** Whether it is a write that returns rows. */
  readonly returnsWritten: boolean
  /** Whether it is such a write, and returns columns that it does not name, or casts of less common types. */
  readonly returnsUnseen: boolean
  /** What to do instead, if it needs a session. Within a transaction there is one. */
  readonly needsSession: string | undefined
  /** The start of the text that can be prepared, after EXPLAIN or DECLARE; undefined if it can't be prepared. */
  readonly prepared: number | undefined
}

/** What else there is for a cluster of Effect's, which asks for a session. */
export const forCluster =
  "For effect/cluster use Cluster.layerRunnerStorage of alex-database/data-api/Cluster, which needs no session."

/** First words of statements that do not change what any name means. */
const keepsNames = new Set(
  "select insert update delete merge values table with savepoint release show explain declare fetch move close lock begin start commit end notify".split(
    " "
  )
)

/** The statements that write rows. */
export const writes = new Set(["insert", "update", "delete", "merge"])

const preparable = new Set("select insert update delete merge values table with".split(" "))

interface Word {
  /** Where it begins, or where the parentheses directly before it begin. */
  readonly start: number
  readonly text: string
  /** Whether it is outside of all parentheses. */
  readonly top: boolean
  /** Whether a parenthesis follows, as after the name of a called function. */
  readonly called: boolean
}

const wordsOf = (sql: string, tokens: ReadonlyArray<Token>): ReadonlyArray<Word> => {
  let depth = 0
  let opened: number | undefined
  return tokens.flatMap(({ end, kind, start: at }, index) => {
    const text = sql.slice(at, end)
    const start = opened ?? at
    opened = text === "(" ? start : undefined
    if (text === "(") depth++
    if (text === ")") depth--
    const after = tokens[index + 1]
    const called = after !== undefined && sql.slice(after.start, after.end) === "("
    return kind === "word" ? [{ start, text: text.toLowerCase(), top: depth === 0, called }] : []
  })
}

const commandOf = (words: ReadonlyArray<Word>): string => {
  const first = words[0]?.text ?? ""
  if (first === "end") return "COMMIT"
  if (first === "abort") return "ROLLBACK"
  const main =
    first === "with"
      ? words.find(({ text, top }) => top && /^(?:select|insert|update|delete|merge|values|table)$/.test(text))
      : words[0]
  return (main?.text ?? first).replace(/^(?:values|table)$/, "select").toUpperCase()
}

const transactionControl = new Set(["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"])
const sessionLock = /^pg_(?:try_)?advisory_lock(?:_shared)?$/

const temporary = /^(?:create(?: or replace)?|into)(?: local| global)? temp(?:orary)?\b/

/** Whether TEMP stands before the kind of a created object or behind INTO: elsewhere it is a name. */
export const isTemporary = (words: ReadonlyArray<string>): boolean =>
  temporary.test((words[0] === "create" ? words : words.slice(words.indexOf("into"))).slice(0, 5).join(" "))

const sessionAdvice = (words: ReadonlyArray<Word>): string | undefined => {
  const [first = "", second = ""] = words.map(({ text }) => text)
  const name = first.toUpperCase()
  if (transactionControl.has(first) && second !== "prepared") {
    return `${name} as a separate statement ends with its request: run the statements within sql.withTransaction.`
  }
  if (first === "set") {
    return "SET has no effect after its request: use SET LOCAL within sql.withTransaction, before the statements that need it."
  }
  if (first === "listen" || first === "unlisten") {
    return `${name} needs a connection that stays open, which the Data API does not have: poll a table, or connect with DATABASE_URL.`
  }
  if (first === "prepare" || first === "execute" || first === "deallocate") {
    return `${name} needs a session, and a prepared statement does not exist after its request: send the statement itself.`
  }
  if ((first === "create" || first === "select") && isTemporary(words.map(({ text }) => text))) {
    return "A temporary table, view or sequence is dropped after its request: create it within sql.withTransaction, and use it there."
  }
  // Definitions and grants name the function without a call of it.
  const lock = preparable.has(first)
    ? words.find(({ called, text }) => called && sessionLock.test(text))?.text
    : undefined
  return lock === undefined
    ? undefined
    : `${lock} holds no lock after its request: call ${lock.replace("advisory_", "advisory_xact_")} within sql.withTransaction. ${forCluster}`
}

/** Types that casts are mostly to, all of which the service returns. */
const commonTypes =
  /^(?:text|varchar|int[248]?|integer|bigint|smallint|numeric|decimal|float[48]?|real|double|bool|boolean|uuid|jsonb?)$/i

/** Whether RETURNING, which begins at `from`, has a `*` for columns, or a cast of a type that is not common. */
const isUnseen = (sql: string, tokens: ReadonlyArray<Token>, from: number): boolean => {
  const texts = tokens.filter(({ start }) => start >= from).map(({ end, start }) => sql.slice(start, end))
  return texts.some((text, at) => {
    if (text === "*") return /^(?:returning|[,.])$/i.test(texts[at - 1] ?? "")
    if (text === "::") return !commonTypes.test(texts[at + 1] ?? "")
    return false
  })
}

/** Classifies a statement. */
export const kindOf = (sql: string): StatementKind => {
  const tokens = meaningful(sql)
  const words = wordsOf(sql, tokens)
  const [first = "", second = "", third = ""] = words.map(({ text }) => text)
  const prefixed = first === "explain" || first === "declare"
  const body = prefixed ? words.find(({ text }) => preparable.has(text)) : words[0]
  const returning = writes.has(first) ? words.find(({ text, top }) => top && text === "returning") : undefined
  return {
    verb: first.toUpperCase(),
    command: commandOf(words),
    returnsWritten: returning !== undefined,
    returnsUnseen: returning !== undefined && isUnseen(sql, tokens, returning.start),
    needsSession: sessionAdvice(words),
    commits: first === "commit" || first === "end" || (first === "prepare" && second === "transaction"),
    rollsBackToSavepoint:
      first === "rollback" && (second === "to" || (/^(?:work|transaction)$/.test(second) && third === "to")),
    changesNames:
      !keepsNames.has(first) ||
      words.some(({ text }) => text === "set_config") ||
      (first === "select" && words.some(({ text }) => text === "into")),
    prepared: body !== undefined && preparable.has(body.text) ? (prefixed ? body.start : 0) : undefined
  }
}
