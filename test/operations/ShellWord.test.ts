/** Words of commands in messages: a shell gives them to the program as they are. */
import { spawnSync } from "node:child_process"
import { assert, it } from "@effect/vitest"
import { Reset } from "../../src/operations/index.ts"
import { shellWord } from "../../src/operations/ShellWord.ts"

it("a shell reads back what was written, and plain names stay as they are", () => {
  for (const name of [
    "alex",
    "my-app_2",
    "we ird",
    'a "b" \\',
    "it's",
    "$HOME `id` ;|&",
    "🙂 %41",
    "-x",
    "*",
    "a\nb"
  ]) {
    const { stdout } = spawnSync("sh", ["-c", `printf %s ${shellWord(name).replace(/^-/, "'-'")}`], {
      encoding: "utf8"
    })
    assert.strictEqual(stdout, name)
  }
  assert.strictEqual(shellWord("my-app_2"), "my-app_2")
})

it("a refused reset has a command that can be copied, whatever the database's name", () => {
  const { message } = new Reset.ResetRefused({ database: `my "app's"`, location: "localhost", reason: "is not local" })
  assert.include(message, `Confirm with --confirm 'my "app'\\''s"'`)
})
