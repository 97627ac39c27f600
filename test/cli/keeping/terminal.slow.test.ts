/** What a restore asks a person at a terminal, and what becomes of the answer. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { commandLine } from "../../CommandLine.ts"
import { isPresent } from "../../clients/program.ts"
import { execute } from "../../local/calls.ts"
import { alexDb, folder } from "./Processes.ts"

interface Said {
  readonly code: number | null
  /** What the terminal showed, without colours and movements of the cursor. */
  readonly screen: string
}

/** Runs a command at a terminal of `script`, and types the answer once it has asked. */
const atTerminal = (cwd: string, args: ReadonlyArray<string>, question: string, answer: string) =>
  Effect.callback<Said>((resume) => {
    const command = [process.execPath, commandLine(), ...args].map((word) => `'${word}'`).join(" ")
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      cwd,
      env: { PATH: process.env.PATH, TERM: "xterm" }
    })
    let screen = ""
    let hasAnswered = false
    child.stdout.on("data", (chunk: Buffer) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is steered by them
      screen += chunk.toString().replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "")
      if (hasAnswered || !screen.includes(question)) return
      hasAnswered = true
      child.stdin.write(answer)
    })
    child.on("close", (code) => resume(Effect.succeed({ code, screen })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const rowsIn = (cwd: string, dataFolder: string) =>
  Effect.map(alexDb(["backup", "-"], { cwd, env: { ALEX_DB_DIR: dataFolder } }), ({ stdout }) =>
    stdout.toString().includes("test_user_001") ? "the test user" : "nobody"
  )

it.live("a backup on stdin can't be resumed, because it would be read more than once", () =>
  Effect.gen(function* () {
    const { code, stderr } = yield* alexDb(["restore", "-", "--resume"], { cwd: yield* folder })
    assert.strictEqual(code, 2)
    assert.include(stderr, "--resume reads the backup more than once, which stdin does not allow")
    assert.include(stderr, "Name a file")
  })
)

describe.skipIf(!isPresent("script of util-linux", "script", ["--version"]))("at a terminal", () => {
  it.live(
    "rows are replaced by a restore only after the database's name was typed",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const question = "Type the database's name to replace these rows"
        const made = yield* alexDb(["reset", "--with-test-data"], { cwd })
        assert.strictEqual(made.code, 0, made.stderr)
        yield* alexDb(["reset"], { cwd, env: { ALEX_DB_DIR: "other" } })
        yield* alexDb(["backup", "empty.jsonl"], { cwd, env: { ALEX_DB_DIR: "other" } })

        const wrong = yield* atTerminal(cwd, ["restore", "empty.jsonl", "--resume"], question, "production\r")
        assert.strictEqual(wrong.code, 1, wrong.screen)
        assert.match(wrong.screen, /users.*1[\s\S]*Type the database's name/)
        assert.strictEqual(yield* rowsIn(cwd, ".alex-db"), "the test user")

        const right = yield* atTerminal(cwd, ["restore", "empty.jsonl"], question, "alex\r")
        assert.strictEqual(right.code, 0, right.screen)
        assert.strictEqual(yield* rowsIn(cwd, ".alex-db"), "nobody")
      }),
    300_000
  )

  it.live(
    "a repair asks before it changes something, and does not where there is nothing to change",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const made = yield* alexDb(["migrate"], { cwd })
        assert.strictEqual(made.code, 0, made.stderr)
        const question = "Run these statements?"
        const idle = yield* atTerminal(cwd, ["repair"], question, "n")
        assert.strictEqual(idle.code, 0, idle.screen)
        assert.include(idle.screen, "Found no difference from the migrations that can be repaired.")
        assert.notInclude(idle.screen, question)
        yield* execute("create policy mine on users using (true)").pipe(
          Effect.provide(LocalDataApi.layer({ dataDir: join(cwd, ".alex-db"), durability: "fast" }))
        )
        const refused = yield* atTerminal(cwd, ["repair", "--drift"], question, "n")
        assert.strictEqual(refused.code, 3, refused.screen)
        const accepted = yield* atTerminal(cwd, ["repair", "--drift"], question, "y")
        assert.strictEqual(accepted.code, 0, accepted.screen)
        assert.include(accepted.screen, "repaired: policy users.mine")
      }),
    300_000
  )
})
