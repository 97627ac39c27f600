/** Tells from a statement's tokens what it locks, rewrites and loses, by the rules of PostgreSQL's manual. */
import { nameOf, type Part, partsOf } from "./StatementParts.ts"

/** A lock on a table by PostgreSQL's name for it. */
interface Lock {
  readonly table: string
  readonly mode: string
}

const isName = (part: Part | undefined): part is Part => part?.kind === "word" || part?.kind === "identifier"

/** A possibly qualified name, and the index of the part after it. */
const nameAt = (
  parts: ReadonlyArray<Part>,
  at: number
): { readonly name: string; readonly next: number } | undefined => {
  const first = parts[at]
  if (!isName(first)) return undefined
  const second = parts[at + 2]
  if (parts[at + 1]?.text === "." && isName(second)) {
    return { name: `${nameOf(first)}.${nameOf(second)}`, next: at + 3 }
  }
  return { name: nameOf(first), next: at + 1 }
}

const ifExists = new Set(["if", "not", "exists", "only", "table"])

/** Skips words that stand before a name. */
const past = (parts: ReadonlyArray<Part>, at: number, words: ReadonlySet<string> = ifExists): number => {
  let next = at
  for (let part = parts[next]; part?.kind === "word" && words.has(part.text); part = parts[next]) next++
  return next
}

/** The names in a list: `a, only b, c`. */
const namesAt = (parts: ReadonlyArray<Part>, at: number): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (let next = at; ; ) {
    const found = nameAt(parts, past(parts, next))
    if (found === undefined) return names
    names.push(found.name)
    next = parts[found.next]?.text === "*" ? found.next + 1 : found.next
    if (parts[next]?.text !== ",") return names
    next++
  }
}

/** Splits parts at commas that are outside parentheses. */
const split = (parts: ReadonlyArray<Part>): ReadonlyArray<ReadonlyArray<Part>> => {
  const pieces: Array<Array<Part>> = [[]]
  let depth = 0
  for (const part of parts) {
    if (part.text === "(") depth++
    if (part.text === ")") depth--
    if (part.text === "," && depth === 0) pieces.push([])
    else pieces.at(-1)?.push(part)
  }
  return pieces
}

const textOf = (parts: ReadonlyArray<Part>): string =>
  parts.map(({ kind, text }) => (kind === "word" || kind === "symbol" || kind === "number" ? text : "?")).join(" ")

/** The index of the first such word outside parentheses. */
const indexOf = (parts: ReadonlyArray<Part>, word: string, from = 0): number => {
  let depth = 0
  return parts.findIndex(({ kind, text }, index) => {
    if (text === "(") depth++
    if (text === ")") depth--
    return index >= from && depth === 0 && kind === "word" && text === word
  })
}

/** An ALTER TABLE: the table, and its actions as parts. */
const alteration = (parts: ReadonlyArray<Part>) => {
  if (parts[0]?.text !== "alter" || parts[1]?.text !== "table") return undefined
  const found = nameAt(parts, past(parts, 2))
  if (found === undefined) return undefined
  const from = parts[found.next]?.text === "*" ? found.next + 1 : found.next
  return { table: found.name, actions: split(parts.slice(from)) }
}

const referenced = (parts: ReadonlyArray<Part>): ReadonlyArray<Lock> =>
  parts.flatMap(({ kind, text }, index) => {
    const found = kind === "word" && text === "references" ? nameAt(parts, index + 1) : undefined
    return found === undefined ? [] : [{ table: found.name, mode: "SHARE ROW EXCLUSIVE" }]
  })

/** Actions that need less than ACCESS EXCLUSIVE, by how they begin. */
const weaker: ReadonlyArray<readonly [RegExp, string]> = [
  [/^validate constraint/, "SHARE UPDATE EXCLUSIVE"],
  [/^alter (column )?\S+ set (statistics|\( n_distinct)/, "SHARE UPDATE EXCLUSIVE"],
  [/^(cluster on|set without cluster|attach partition|set \( (fillfactor|autovacuum|toast))/, "SHARE UPDATE EXCLUSIVE"],
  [/^(enable|disable) (always |replica )?trigger/, "SHARE ROW EXCLUSIVE"],
  [/^add (constraint \S+ )?foreign key/, "SHARE ROW EXCLUSIVE"]
]

const strength = ["SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"]

const modeOf = (action: ReadonlyArray<Part>): string =>
  weaker.find(([pattern]) => pattern.test(textOf(action)))?.[1] ?? "ACCESS EXCLUSIVE"

const alterationLocks = (parts: ReadonlyArray<Part>): ReadonlyArray<Lock> => {
  const found = alteration(parts)
  if (found === undefined) return []
  const modes = found.actions.map(modeOf)
  const mode = strength.findLast((one) => modes.includes(one)) ?? "ACCESS EXCLUSIVE"
  return [{ table: found.table, mode }, ...referenced(parts)]
}

/** The lock on the table whose name follows a word, such as ON or TO. */
const after = (parts: ReadonlyArray<Part>, word: string, mode: string): ReadonlyArray<Lock> => {
  const at = indexOf(parts, word)
  const found = at === -1 ? undefined : nameAt(parts, past(parts, at + 1))
  return found === undefined ? [] : [{ table: found.name, mode }]
}

const listed = (parts: ReadonlyArray<Part>, at: number, mode: string): ReadonlyArray<Lock> =>
  namesAt(parts, past(parts, at)).map((table) => ({ table, mode }))

const beginsWrite = new Set(["insert", "update", "delete", "merge"])

/** Tables that are written: by the statement itself, or by one in its WITH. */
const writes = (parts: ReadonlyArray<Part>): ReadonlyArray<Lock> =>
  parts.flatMap(({ kind, text }, index) => {
    const before = parts[index - 1]?.text
    const begins = index === 0 || before === "(" || (before === ")" && parts[0]?.text === "with")
    if (kind !== "word" || !beginsWrite.has(text) || !begins) return []
    const found = nameAt(parts, past(parts, index + 1, new Set(["into", "from", "only"])))
    return found === undefined ? [] : [{ table: found.name, mode: "ROW EXCLUSIVE" }]
  })

const isConcurrent = (parts: ReadonlyArray<Part>): boolean => indexOf(parts.slice(0, 4), "concurrently") !== -1

const lockPatterns: ReadonlyArray<readonly [RegExp, (parts: ReadonlyArray<Part>) => ReadonlyArray<Lock>]> = [
  [/^alter table /, alterationLocks],
  [/^drop table /, (parts) => listed(parts, 2, "ACCESS EXCLUSIVE")],
  [/^truncate /, (parts) => listed(parts, 1, "ACCESS EXCLUSIVE")],
  [/^create (unique )?index /, (parts) => after(parts, "on", isConcurrent(parts) ? "SHARE UPDATE EXCLUSIVE" : "SHARE")],
  [/^create (or replace )?(constraint )?trigger /, (parts) => after(parts, "on", "SHARE ROW EXCLUSIVE")],
  [/^create (or replace )?rule /, (parts) => after(parts, "to", "ACCESS EXCLUSIVE")],
  [/^(create|alter|drop) policy /, (parts) => after(parts, "on", "ACCESS EXCLUSIVE")],
  [/^drop (trigger|rule) /, (parts) => after(parts, "on", "ACCESS EXCLUSIVE")],
  [/^create ((global |local )?(temp|temporary) |unlogged )?table /, referenced],
  [
    /^(cluster|reindex table|vacuum full|refresh materialized view) /,
    (parts) => listed(parts, words(parts), "ACCESS EXCLUSIVE")
  ],
  [/^comment on column /, (parts) => commented(parts)],
  [/^comment on table /, (parts) => listed(parts, 3, "SHARE UPDATE EXCLUSIVE")],
  [/^(with|insert|update|delete|merge) /, writes]
]

const before = new Set([
  "cluster",
  "verbose",
  "reindex",
  "table",
  "vacuum",
  "full",
  "refresh",
  "materialized",
  "view",
  "concurrently"
])

const words = (parts: ReadonlyArray<Part>): number => past(parts, 0, before)

/** The table of `schema.table.column`. */
const commented = (parts: ReadonlyArray<Part>): ReadonlyArray<Lock> => {
  const at = indexOf(parts, "is")
  const names = parts.slice(3, at).filter(isName).map(nameOf).slice(0, -1)
  return names.length === 0 ? [] : [{ table: names.join("."), mode: "SHARE UPDATE EXCLUSIVE" }]
}

/** What a statement locks: the strongest lock on each table. */
export const locksOf = (sql: string): ReadonlyArray<Lock> => {
  const parts = partsOf(sql)
  const text = `${textOf(parts.slice(0, 6))} `
  const locks = lockPatterns.find(([pattern]) => pattern.test(text))?.[1](parts) ?? []
  return locks.filter(({ table }, index) => locks.findIndex((lock) => lock.table === table) === index)
}

/** An action of ALTER TABLE that rewrites the whole table. */
const rewrites =
  /^(alter (column )?\S+ (set data )?type |set (logged|unlogged|access method)|add (column )?(if not exists )?\S+ .*\bgenerated always as \()/

const sayings: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^alter (column )?\S+ (set data )?type /,
    "changing a column's type rewrites the table unless both types are stored in the same form"
  ],
  [/^set (logged|unlogged)/, "the whole table is rewritten"],
  [/^add .*\bgenerated always as \(.*\) stored/, "a stored generated column rewrites the table"],
  [
    /^add (column )?(if not exists )?\S+ .*\bdefault (clock_timestamp|random|gen_random_uuid|uuid_generate_v4) /,
    "a default that differs for each row rewrites the table"
  ],
  [/^alter (column )?\S+ set not null/, "SET NOT NULL reads the whole table"],
  [/^drop (column )?(if exists )?(?!constraint )\S+/, "data is lost"]
]

const checksEveryRow = /^add (constraint \S+ )?(check|foreign key)/

const actionWarnings = (action: ReadonlyArray<Part>): ReadonlyArray<string> => {
  const text = textOf(action)
  const found = sayings.filter(([pattern]) => pattern.test(text)).map(([, saying]) => saying)
  if (!checksEveryRow.test(text) || / not valid( |$)/.test(text)) return found
  return [...found, "the constraint is checked against every row; add it NOT VALID and validate it later"]
}

/** The tables that a statement rewrites, as far as its text shows. */
export const rewritesOf = (sql: string): ReadonlyArray<string> => {
  const found = alteration(partsOf(sql))
  return found?.actions.some((action) => rewrites.test(textOf(action))) === true ? [found.table] : []
}

/** What would be slow or block the application if the table is large. */
export const warningsOf = (sql: string): ReadonlyArray<string> => {
  const parts = partsOf(sql)
  const text = `${textOf(parts.slice(0, 6))} `
  if (/^create (unique )?index /.test(text) && !isConcurrent(parts)) {
    return ["no row can be written while the index is built; CONCURRENTLY avoids that"]
  }
  if (/^update /.test(text)) return ["the update keeps its rows locked until the migration ends"]
  if (/^(drop table|truncate) /.test(text)) return ["data is lost"]
  if (/^do /.test(text))
    return ["the locks of a DO block can't be read from its text: alex-db migrate plan --try shows them"]
  return [...new Set(alteration(parts)?.actions.flatMap(actionWarnings))]
}
