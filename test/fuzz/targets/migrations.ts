/** Migrations: every statement is where it is said to be, nothing but blanks is left between them, and each is one. */
import * as Migration from "../../../src/operations/migrate/Migration.ts"
import { createdBy, partsOf } from "../../../src/operations/migrate/StatementParts.ts"
import { sqlWords } from "./lexer.ts"
import { isAskable, objectionTo } from "./postgres.ts"
import type { Target } from "./Target.ts"

/** A text without comments of either kind, white space and semicolons; comments nest. */
const rest = (between: string): string => {
  let depth = 0
  let left = ""
  for (let at = 0; at < between.length; at++) {
    const two = between.slice(at, at + 2)
    if (two === "/*") depth++
    if (two === "*/" && depth > 0) depth--
    if (two === "/*" || (two === "*/" && left === "")) at++
    else if (depth > 0) continue
    else if (two === "--") while (at + 1 < between.length && !/[\n\r]/.test(between.charAt(at + 1))) at++
    else if (!/[ \n\t\r\f\v;]/.test(between.charAt(at))) left += between.charAt(at)
  }
  return left
}

const cut = (text: string): string | undefined => {
  const migration = Migration.parse("001_a.sql", text)
  if (migration === undefined) return "a migration with a good name is none"
  let at = 0
  for (const { line, sql } of migration.statements) {
    const lines = migration.text.split("\n")
    const from = Math.max(at, lines.slice(0, line - 1).join("\n").length)
    const start = migration.text.indexOf(sql, from)
    if (start === -1) return `a statement is not from line ${line} on`
    if (migration.text.slice(0, start).split("\n").length !== line) return `a statement is not on line ${line}`
    const left = rest(migration.text.slice(at, start))
    if (left !== "") return `between statements ${JSON.stringify(left)} is left`
    createdBy(partsOf(sql))
    Migration.firstWords(sql)
    at = start + sql.length
  }
  const left = rest(migration.text.slice(at))
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
