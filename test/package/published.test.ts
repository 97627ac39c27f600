/** What the build changes of the compiled modules. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { withShortStatements } from "../../scripts/shortStatements.ts"

const src = fileURLToPath(new URL("../../src", import.meta.url))

it("a statement is published without indentation, and with its line breaks, unless they stand at a parenthesis", () => {
  const indented = "sql`\n    WITH a AS (\n      SELECT 1\n    )\n    SELECT ($" + "{given}\n    )\n  `"
  const flush = "sql`\nWITH a AS (SELECT 1)\nSELECT ($" + "{given}\n)\n`"
  assert.strictEqual(withShortStatements("tagged.js", indented), flush)
})

it("a statement with comments is published with all line breaks, since they end comments", () => {
  const indented = "`\n    SELECT * -- all\n    FROM users\n    $" + "{sql`(\n      1)`}`"
  const flush = "`\nSELECT * -- all\nFROM users\n$" + "{sql`(1)`}`"
  assert.strictEqual(withShortStatements("tagged.js", `found = sql${indented}`), `found = sql${flush}`)
  assert.strictEqual(withShortStatements("untagged.js", `fixed = f(${indented})`), `fixed = f(${flush})`)
})

it("a string of SQL that has a line break, and a text that is no SQL, are published as they are", () => {
  for (const text of ["const stored = sql`\n  SELECT 'a\n  b'`", "const help = `Usage:\n  alex-db`"]) {
    assert.strictEqual(withShortStatements("text.js", text), text)
  }
})

it("no module is published with more changed than white space", () => {
  const flush = (text: string) => text.replaceAll(/(?<=\()\n *|\n *(?=\))|(?<=\n) +/g, "")
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
  const changed = files.filter((name) => {
    const text = readFileSync(join(src, name), "utf8")
    const short = withShortStatements(name, text)
    assert.strictEqual(flush(short), flush(text), name)
    return short !== text
  })
  assert.include(changed, "repository/Users.ts")
})
