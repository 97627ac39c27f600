/**
 * The lexer on PostgreSQL's own regression tests: PostgreSQL finds as many syntax errors in the statements that it
 * splits them into as those tests expect, and never two statements in one. Some of their files are kept here with their
 * licence; POSTGRES_REGRESS names the folder `src/test/regress` of PostgreSQL's sources, whose files are all tried then.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { PGlite } from "@electric-sql/pglite"
import { afterAll, beforeAll } from "vitest"
import { splitStatements, tokenize } from "../../../src/data-api/statement/SqlLexer.ts"

/** What psql takes out before it sends: its own commands, data of COPY, and variables. */
const asSent = (text: string): string =>
  text
    .replaceAll(/^(copy\b[^;]*\bfrom\s+stdin\b[^;]*);[^\n]*\n(?:(?!\\\.).*\n)*?\\\.\n/gim, "$1;\n")
    .replaceAll(/^\\.*$/gm, "")
    .replaceAll(/\\(?:g(?:set|x|desc|exec)?|crosstabview|watch)\b.*$/gm, ";")
    .replaceAll("\\;", ";")
    .replaceAll(/(?<![:\w]):(?=['"])/g, "")

let database: PGlite
beforeAll(async () => {
  database = await PGlite.create()
}, 120_000)
afterAll(() => database.close())

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined

/** Only parses each statement: nothing is run. */
const syntaxErrors = async (text: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const { line, sql } of splitStatements(text)) {
    try {
      await database.describeQuery(sql)
    } catch (error) {
      const message = error instanceof Error ? error.message : ""
      if (codeOf(error) === "42601" && /syntax error|unterminated|multiple commands/.test(message)) {
        found.push(`line ${line}: ${message}`)
      }
    }
  }
  return found
}

const kept = join(import.meta.dirname, "regress")
const read = (file: string) => asSent(readFileSync(file, "utf8"))

/** How many statements a file has, and how many of them are wrong on purpose: as its expected output says. */
const files: Readonly<Record<string, readonly [statements: number, wrong: number]>> = {
  "comments.sql": [6, 0],
  "create_procedure.sql": [107, 0],
  // PostgreSQL 18 takes one that 15 called wrong.
  "errors.sql": [86, 40],
  // One of the two is right while standard_conforming_strings is off, as the file sets it before.
  "strings.sql": [466, 2]
}

describe("PostgreSQL's regression tests", () => {
  for (const [name, [statements, wrong]] of Object.entries(files)) {
    it(`${name}: ${statements} statements, of which PostgreSQL calls ${wrong} wrong`, async () => {
      const text = read(join(kept, name))
      assert.strictEqual(splitStatements(text).length, statements)
      const found = await syntaxErrors(text)
      assert.deepStrictEqual(
        found.filter((one) => one.includes("multiple commands")),
        []
      )
      assert.strictEqual(found.length, wrong, found.join("\n"))
    })
  }

  const whole = process.env["POSTGRES_REGRESS"] ?? ""
  it.skipIf(!existsSync(join(whole, "sql")))(
    `all of them, where POSTGRES_REGRESS names their folder${whole === "" ? " (SKIPPED: it is not set)" : ""}`,
    async () => {
      const all = readdirSync(join(whole, "sql")).filter((name) => name.endsWith(".sql"))
      const merged: Array<string> = []
      let count = 0
      for (const name of all) {
        const text = read(join(whole, "sql", name))
        count += splitStatements(text).length
        // copy2.sql has data of COPY that only psql can tell from statements.
        if (name !== "copy2.sql" && tokenize(text).some(({ unterminated }) => unterminated))
          merged.push(`${name}: open`)
        const found = await syntaxErrors(text)
        merged.push(...found.filter((one) => one.includes("multiple commands")).map((one) => `${name}, ${one}`))
      }
      assert.isAbove(count, 30_000)
      assert.deepStrictEqual(merged, [])
    },
    600_000
  )
})
