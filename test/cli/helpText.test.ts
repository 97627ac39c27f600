/** The help of every command, at every width. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CliOutput, TerminalCapabilities } from "effect/cli"
import { TestConsole } from "effect/testing"
import { allHelp, docOf, paths } from "../../src/cli/help/allHelp.ts"
import { answerOf, canColor } from "../../src/cli/help/answer.ts"
import { helpText } from "../../src/cli/help/helpText.ts"
import { helpOf } from "../../src/cli/help/presenter.ts"
import { run } from "../../src/cli/run.ts"

const plain = (text: string) => text
const marks = { bold: plain, dim: plain }

describe("help", () => {
  for (const path of paths) {
    const name = ["alex-db", ...path].join(" ")

    it.effect(`on ${name} fits 40, 60, 80 and 100 columns`, () =>
      Effect.gen(function* () {
        const doc = yield* docOf(path)
        for (const width of [40, 60, 80, 100]) {
          const wide = helpText(helpOf(doc), { width, marks })
            .split("\n")
            // A command, a URL or the list of shells is one word.
            .filter((line) => CliOutput.displayWidth(line) > width && line.trim().includes(" "))
            .filter((line) => !/^ {4}(\S+=\S+ )?alex-db |^ +--\S+ <.*>$|^ {2}alex-db /.test(line))
          assert.deepStrictEqual(wide, [], `${width} columns`)
        }
      })
    )

    it.effect(`on ${name} describes every flag, and names the global ones once`, () =>
      Effect.gen(function* () {
        const doc = yield* docOf(path)
        const text = helpText(helpOf(doc), { width: 80, marks })
        for (const flag of doc.flags) {
          assert.isTrue(flag.description._tag === "Some", flag.name)
          assert.lengthOf(text.match(new RegExp(`--${flag.name}\\b`, "g"))?.slice(0, 1) ?? [], 1, flag.name)
        }
        assert.lengthOf(text.match(/--dotenv/g) ?? [], path[0] === "check" ? 2 : 1)
        const hasExamples = !["", "schema", "version", "help"].includes(path[0] ?? "") || path[0] === "schema"
        if (hasExamples) assert.include(text, "EXAMPLES")
      })
    )
  }

  it.effect("has examples that name a command and flags that it has, and say what for", () =>
    Effect.gen(function* () {
      const docs = yield* Effect.forEach(paths, (path) =>
        Effect.map(docOf(path), (doc) => ({ name: path.join(" "), doc }))
      )
      const ofAll = docs.find(({ name }) => name === "")?.doc.flags ?? []
      for (const { doc, name } of docs) {
        for (const { command, description } of doc.examples ?? []) {
          assert.isAtLeast(description?.length ?? 0, 8, command)
          const own = /^(?:[A-Z_]+=\S+ )?alex-db (.*?)(?: -- .*| [|>]+ .*)?$/.exec(command)?.[1] ?? ""
          assert.isTrue(`${own} `.startsWith(`${name} `), command)
          const called = docs.findLast((one) => one.name !== "" && `${own} `.startsWith(`${one.name} `))?.doc
          const known = [...ofAll, ...(called?.flags ?? [])].map((flag) => flag.name)
          for (const [, flag] of own.matchAll(/ --([\w-]+)/g)) assert.include(known, flag, command)
        }
      }
    })
  )

  it.effect("is a command too, on commands and their subcommands, as is version", () =>
    Effect.gen(function* () {
      const printed = (...args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const before = (yield* TestConsole.logLines).length
          yield* run(args)
          return (yield* TestConsole.logLines).slice(before).join("\n")
        })
      assert.strictEqual(yield* printed("help"), yield* printed("--help"))
      assert.strictEqual(yield* printed("help", "migrate", "plan"), yield* printed("migrate", "plan", "--help"))
      assert.strictEqual(yield* printed("version"), yield* printed("--version"))
      const { code } = yield* Effect.flip(run(["help", "migrate", "plam"]))
      assert.strictEqual(code, 2)
      assert.match(String((yield* TestConsole.errorLines).at(-1)), /^alex-db: There is no command "migrate plam"/)
    })
  )

  it.effect("is not that of another command where the one that was asked for does not exist", () =>
    Effect.gen(function* () {
      for (const [name, line] of [
        ["nosuch", "nosuch --help"],
        ["nosuch", "-h nosuch"],
        ["nosuch", "--backend postgres nosuch --help"],
        ["nosuch", "--json nosuch --help"],
        ["migrate nosuch", "migrate nosuch --help"],
        ["jobs nosuch", "--dotenv x jobs nosuch -h"]
      ] as const) {
        const before = (yield* TestConsole.logLines).length
        const { code } = yield* Effect.flip(run(line.split(" ")))
        assert.strictEqual(code, 2, line)
        const said = String((yield* TestConsole.errorLines).at(-1))
        assert.strictEqual(said, `alex-db: There is no command "${name}". Run alex-db --help, which lists them`)
        assert.lengthOf((yield* TestConsole.logLines).slice(before), line.includes("--json") ? 1 : 0, line)
      }
      for (const line of [
        "--backend postgres jobs --help",
        "--json true jobs -h",
        "jobs --help list",
        "seed x --help"
      ]) {
        yield* run(line.split(" "))
        assert.include(String((yield* TestConsole.logLines).at(-1)), "\nUSAGE\n", line)
      }
    })
  )

  it.effect("says the default of every flag that has one", () =>
    Effect.gen(function* () {
      const text = helpText(helpOf(yield* docOf(["serve"])), { width: 200, marks })
      for (const said of ["8080", "127.0.0.1", "20", "us-east-1", "180"]) assert.include(text, `(default: ${said})`)
    })
  )

  it.effect("has completions of files and of the names of schemas", () =>
    Effect.gen(function* () {
      yield* run(["--completions", "bash"])
      const script = (yield* TestConsole.logLines).join("\n")
      for (const name of ["portfolio-analysis", "reports", "migrate", "--dotenv"]) assert.include(script, name)
      assert.isAtLeast((script.match(/_alex_db--paths -f /g) ?? []).length, 5)
      for (const [command, name] of [
        ["restore", "0"],
        ["backup", "0"],
        ["copy", "--from"],
        ["copy", "--to"],
        ["upgrade", "--with"],
        ["mcp", "--trail"]
      ]) {
        const completion = script.split(`_alex_db_${command}()`)[1]?.split("\n}\n")[0] ?? ""
        assert.match(completion, new RegExp(`^ +${name}\\)\n +_alex_db--paths -f `, "m"), `${command} ${name}`)
      }
    })
  )
})

/** What the whole command line prints. */
const printed = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* run(args)
  return (yield* TestConsole.logLines).slice(before).join("\n")
})

/** A file of help as the build writes it. */
const written = Effect.acquireRelease(
  Effect.map(allHelp, (help) => {
    const folder = mkdtempSync(join(tmpdir(), "alex-help-"))
    writeFileSync(join(folder, "help.json"), JSON.stringify(help))
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
).pipe(Effect.map((folder) => pathToFileURL(join(folder, "help.json"))))

describe("help that the build wrote down", () => {
  it.effect("is what the whole command line prints, for every command and way to ask", () =>
    Effect.gen(function* () {
      const file = yield* written
      const asked = paths.flatMap((path) => [
        [...path, "--help"],
        [...path, "-h"],
        ...(path[0] === "help" ? [] : [["help", ...path]])
      ])
      for (const args of [...asked, [], ["--version"], ["-v"], ["version"]]) {
        assert.strictEqual(answerOf(args, file), yield* printed(args), args.join(" "))
      }
    })
  )

  it.effect("answers nothing else, and nothing where none was written", () =>
    Effect.gen(function* () {
      const file = yield* written
      const others = [
        "check",
        "chek --help",
        "--json --help",
        "help chek",
        "version --json",
        "constructor --help",
        "-- -h"
      ]
      for (const args of others) assert.isUndefined(answerOf(args.split(" "), file), args)
      assert.isUndefined(answerOf(["--help"], new URL("missing.json", file)))
    })
  )

  it.effect("has colours where the rest of the command line has them", () =>
    Effect.gen(function* () {
      const { env } = process
      const values = [undefined, "", "0", "1", "false", "dumb"]
      yield* Effect.addFinalizer(() => Effect.sync(() => (process.env = env)))
      for (const name of ["NO_COLOR", "FORCE_COLOR", "TERM"]) {
        for (const value of values) {
          process.env = { FORCE_COLOR: "1", [name]: value }
          const { canColor: expected } = TerminalCapabilities.TerminalCapabilities.defaultValue()
          assert.strictEqual(canColor(process.env), expected, `${name}=${value}`)
        }
      }
    })
  )
})
