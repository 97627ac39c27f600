/** The lexer of SQL, with PostgreSQL's own as the judge. */
import { fromNamed, fromNumbered } from "../../../src/data-api/statement/Placeholders.ts"
import { splitStatements, type Token, tokenize } from "../../../src/data-api/statement/SqlLexer.ts"
import { kindOf } from "../../../src/data-api/statement/StatementKind.ts"
import { partsOf } from "../../../src/operations/migrate/statements/StatementParts.ts"
import { isAskable, type Objection, objectionTo } from "./postgres.ts"
import type { Target } from "./Target.ts"

/** Words of SQL, and what its lexer tells apart. */
export const sqlWords = [
  "'",
  '"',
  "$$",
  "$a$",
  "$1",
  ":a",
  "::",
  "/*",
  "*/",
  "--",
  "\n",
  ";",
  "(",
  ")",
  "E'",
  "U&'",
  "\\",
  "?",
  "??",
  "begin",
  "atomic",
  "end",
  "create function",
  "case",
  "select",
  "insert into",
  "with",
  "as",
  "returning",
  "in (",
  "copy",
  "set",
  "é",
  "\ud83d\ude00",
  "uescape '!'",
  "E'\\''",
  "0x1F",
  "1_000",
  "1e5",
  ".5",
  "\r",
  "\f"
]

const isBlank = ({ kind }: Token): boolean => kind === "space" || kind === "comment"

/** The same tokens, with blanks of the least kind that keeps them apart, and the strings as they are told to be. */
const respelled = (sql: string, spell: (token: Token, text: string) => string): string =>
  tokenize(sql)
    .map((token) => {
      const text = sql.slice(token.start, token.end)
      // Two strings are one where a line ends between them.
      if (isBlank(token) && token.unterminated !== true)
        return token.kind === "space" && /[\n\r]/.test(text) ? "\n" : " "
      return spell(token, text)
    })
    .join("")

/** Which token an objection is about: the number of those before it. */
const tokenAt = (sql: string, { position }: Objection): number => {
  const offset = [...sql].slice(0, position - 1).join("").length
  return tokenize(sql).filter((token) => !isBlank(token) && token.end <= offset).length
}

const said = (sql: string, objection: Objection | undefined): string =>
  objection === undefined ? "nothing" : `${objection.code} ${objection.message} at token ${tokenAt(sql, objection)}`

const isOfSyntax = (objection: Objection | undefined): boolean =>
  objection?.code === "42601" && /^syntax error|^unterminated|trailing junk|zero-length/.test(objection.message)

/** PostgreSQL says the same of a text and of the tokens that it has been cut into. */
const judge = async (sql: string): Promise<string | undefined> => {
  if (!isAskable(sql)) return undefined
  const objection = await objectionTo(sql)
  const blankless = respelled(sql, (_, text) => text)
  const [one, other] = [said(sql, objection), said(blankless, await objectionTo(blankless))]
  if (one !== other) return `PostgreSQL says "${one}", and of the tokens "${other}": ${JSON.stringify(blankless)}`
  if (!/uescape/i.test(sql) && !objection?.code.startsWith("22")) {
    const bare = respelled(sql, ({ kind, unterminated }, text) =>
      unterminated !== true && (kind === "dollarString" || (kind === "string" && text.startsWith("'"))) ? "'x'" : text
    )
    const ofBare = await objectionTo(bare)
    if (isOfSyntax(objection) !== isOfSyntax(ofBare))
      return `PostgreSQL says "${one}", and with other strings "${said(bare, ofBare)}": ${JSON.stringify(bare)}`
  }
  const count = splitStatements(sql).length
  const isMany = objection?.message.includes("multiple commands") === true
  const isUndecided = objection !== undefined && !isMany && /^(?:42601|22|54)/.test(objection.code)
  return isUndecided || isMany === count > 1 ? undefined : `${count} statements, of which PostgreSQL says "${one}"`
}

export const lexer: Target = {
  name: "lexer",
  round: 3000,
  files: /src\/data-api\/statement\//,
  seeds: [
    "select 'a''b', E'\\'', \"q\"\"i\", $$ $1 $$, $t$ ; $t$, $1::int, :name -- c\n/* /* */ */ from t;",
    "with a as (insert into t values (1) returning *) select * from a where b in (:x, :y)",
    "create function f() returns int begin atomic select 1; select case when true then 1 end; end;",
    "set local x = 1; copy t from stdin; begin; commit"
  ],
  words: sqlWords,
  run: (input) => {
    const sql = input.toString("utf8")
    let at = 0
    for (const { end, start } of tokenize(sql)) {
      if (start !== at || end <= start) return `the tokens leave a gap at ${at}`
      at = end
    }
    if (at !== sql.length) return `the tokens end at ${at} of ${sql.length}`
    for (const { sql: statement } of splitStatements(sql)) {
      if (!sql.includes(statement)) return "a statement is not in its script"
      kindOf(statement)
      partsOf(statement)
    }
    fromNumbered(sql)
    fromNamed(sql, ["a", "name"])
    return undefined
  },
  judge: (input) => judge(input.toString("utf8"))
}
