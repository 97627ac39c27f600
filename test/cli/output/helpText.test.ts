/** The help of every command, at every width. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CliOutput, type HelpDoc } from "effect/cli"
import { TestConsole } from "effect/testing"
import { command } from "../../../src/cli/commands/index.ts"
import { helpText } from "../../../src/cli/output/helpText.ts"
import { run } from "../../../src/cli/run.ts"

const plain = (text: string) => text
const marks = { bold: plain, dim: plain, good: plain, bad: plain, warn: plain }

interface Named {
  readonly name: string
  readonly subcommands: ReadonlyArray<{ readonly commands: ReadonlyArray<Named> }>
}

const pathsOf = ({ name, subcommands }: Named): ReadonlyArray<ReadonlyArray<string>> => [
  [name],
  ...subcommands.flatMap(({ commands }) => commands.flatMap(pathsOf)).map((path) => [name, ...path])
]

const paths = pathsOf(command).map(([, ...path]) => path)

/** The structured help of a command, as the command line makes it. */
const docOf = (path: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    let doc: HelpDoc.HelpDoc | undefined
    const { Command } = yield* Effect.promise(() => import("effect/cli"))
    yield* Command.runWith(command, { version: "0" })([...path, "--help"]).pipe(
      Effect.provideService(CliOutput.Presenter, {
        present: (event) =>
          Effect.sync(() => {
            if (event._tag === "Help") doc = event.helpDoc
          })
      })
    )
    return doc ?? assert.fail(`no help on ${path.join(" ")}`)
  }).pipe(Effect.provide(NodeServices.layer))

describe("help", () => {
  for (const path of paths) {
    const name = ["alex-db", ...path].join(" ")

    it.effect(`on ${name} fits 40, 60, 80 and 100 columns`, () =>
      Effect.gen(function* () {
        const doc = yield* docOf(path)
        for (const width of [40, 60, 80, 100]) {
          const wide = helpText(doc, { width, marks })
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
        const text = helpText(doc, { width: 80, marks })
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
      assert.match(String((yield* TestConsole.errorLines).at(-1)), /^alex-db: there is no command "migrate plam"/)
    })
  )

  it.effect("says the default of every flag that has one", () =>
    Effect.gen(function* () {
      const text = helpText(yield* docOf(["serve"]), { width: 200, marks })
      for (const said of ["8080", "127.0.0.1", "20", "us-east-1", "180"]) assert.include(text, `(default: ${said})`)
    })
  )

  it.effect("has completions of files and of the names of schemas", () =>
    Effect.gen(function* () {
      yield* run(["--completions", "bash"])
      const script = (yield* TestConsole.logLines).join("\n")
      for (const name of ["portfolio-analysis", "reports", "migrate", "--dotenv"]) assert.include(script, name)
      assert.isAtLeast((script.match(/_alex_db--paths -f /g) ?? []).length, 5)
    })
  )
})
