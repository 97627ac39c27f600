/** Migrations: every statement is where it is said to be, nothing but blanks is left between them, and each is one. */
import * as Migration from "../../../src/operations/migrate/Migration.ts"
import { createdBy, partsOf } from "../../../src/operations/migrate/statements/StatementParts.ts"
import { sqlWords } from "./lexer.ts"
import { isAskable, objectionTo } from "./postgres.ts"
import type { Target } from "./Target.ts"

/** A text without comments of either kind, which nest, white space and semicolons; and whether it ends in a comment. */
const blankless = (between: string): { readonly left: string; readonly isOpen: boolean } => {
  let depth = 0
  let isLine = false
  let left = ""
  for (let at = 0; at < between.length; at++) {
    const two = between.slice(at, at + 2)
    if (isLine) isLine = !/[\n\r]/.test(between.charAt(at))
    else if (two === "/*" || (two === "*/" && depth > 0)) {
      depth += two === "/*" ? 1 : -1
      at++
    } else if (depth > 0) continue
    else if (two === "--") isLine = true
    else if (!/[ \n\t\r\f\v;]/.test(between.charAt(at))) left += between.charAt(at)
  }
  return { left, isOpen: isLine || depth > 0 }
}

/** Whether the comment that a text begins with has no end: PostgreSQL refuses it as a statement. */
const isEndless = (text: string): boolean => {
  if (!text.startsWith("/*")) return false
  let depth = 0
  for (const [mark] of text.matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1
    if (depth === 0) return false
  }
  return true
}

/** Whether a statement may begin here, once the one before has ended. */
const isBeginning = (script: string, ended: number, start: number): boolean => {
  const { isOpen, left } = blankless(script.slice(ended, start))
  const rest = script.slice(start)
  return left === "" && !isOpen && (!/^(?:--|\/\*)/.test(rest) || isEndless(rest))
}

const cut = (text: string): string | undefined => {
  const migration = Migration.parse("001_a.sql", text)
  if (migration === undefined) return "a migration with a good name is none"
  const { statements, text: script } = migration
  let at = 0
  for (const { line, sql } of statements) {
    // The same text may stand in a comment before.
    let start = script.indexOf(sql, at)
    while (start !== -1 && !isBeginning(script, at, start)) start = script.indexOf(sql, start + 1)
    if (start === -1) return `before ${JSON.stringify(sql)} something is left`
    if (script.slice(0, start).split("\n").length !== line) return `a statement is not on line ${line}`
    createdBy(partsOf(sql))
    Migration.firstWords(sql)
    at = start + sql.length
  }
  const { left } = blankless(script.slice(at))
  return left === "" ? undefined : `after the statements ${JSON.stringify(left)} is left`
}

const judge = async (text: string): Promise<string | undefined> => {
  if (!isAskable(text)) return undefined
  for (const { sql } of Migration.parse("001_a.sql", text)?.statements ?? []) {
    const objection = await objectionTo(sql)
    if (objection?.message.includes("multiple commands") === true)
      return `PostgreSQL finds several statements in ${JSON.stringify(sql)}`
  }
  return undefined
}

export const migrations: Target = {
  name: "migrations",
  round: 5000,
  files: /src\/operations\/migrate\/(?:Migration|StatementParts)|statement\/SqlLexer/,
  seeds: [
    "-- alex: no transaction\ncreate unique index concurrently i on t (a);\n",
    '\ufeffcreate table if not exists "a".b (c int);\r\nalter table b add column d text;  \n',
    "create or replace function f() returns trigger as $$ begin return new; end $$ language plpgsql;"
  ],
  words: [
    ...sqlWords,
    "-- alex: no transaction\n",
    "create",
    "table",
    "index concurrently",
    "if not exists",
    "\ufeff",
    "\r\n",
    "trigger",
    "view"
  ],
  run: (input) => cut(input.toString("utf8")),
  judge: (input) => judge(input.toString("utf8"))
}
