/** What a database or a caller holds never steers a terminal, forges a line or hides. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { text } from "node:stream/consumers"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestConsole } from "effect/testing"
import { failureOf, lineOf } from "../../../src/cli/failure.ts"
import { make } from "../../../src/cli/output/Output.ts"
import { requestLine } from "../../../src/cli/output/requestLine.ts"
import { print, say } from "../../../src/cli/output/text.ts"
import { visible, visibleJson, visibleLines, visibleReport } from "../../../src/cli/output/visible.ts"
import { plainLogger } from "../../../src/cli/run.ts"

const attacks: Readonly<Record<string, string>> = {
  "clipboard (OSC 52)": "\u001b]52;c;cm0gLXJmIC8=\u0007",
  "clipboard in C1": "\u009d52;c;cm0gLXJmIC8=\u009c",
  title: "\u001b]0;root@prod\u001b\\",
  "clear screen": "\u001b[2J\u001b[H",
  "clear screen in C1": "\u009b2J",
  "line up": "\u001b[1A\u001b[2K",
  colour: "\u001b[31mred",
  "device query": "\u001b[6n",
  "forged line": "x\nVerified: all is well.",
  "forged line (CR)": "x\rVerified",
  "forged line (NEL)": "x\u0085Verified",
  "forged line (LS, PS)": "x\u2028y\u2029z",
  "vertical tab and form feed": "x\u000b\u000cy",
  bell: "\u0007",
  backspace: "SPY\b\b\bQQQ",
  NUL: "a\u0000b",
  DEL: "a\u007fb",
  RLO: "\u202egnp.exe",
  isolates: "\u2066a\u2067b\u2068c\u2069",
  marks: "\u200e\u200f\u061c",
  "zero width": "SP\u200bY\u200cZ\u200d\u2060\ufeff",
  "soft hyphen": "SP\u00adY",
  fillers: "\u115f\u1160\u3164\uffa0",
  tags: "SPY\u{e0041}\u{e007f}",
  "variation selectors": "SPY\ufe0f\u{e0100}",
  "lone surrogates": "\ud800x\udc00"
}

const harmless = ["SPDR S&P 500", "größe", "日本語", "مرحبا", "עברית", "👨‍👩‍👧", "❤️", "👍🏽", "e\u0301", "\\n", "a b"]

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/

describe("visible", () => {
  for (const [what, attack] of Object.entries(attacks)) {
    it(`shows as an escape: ${what}`, () => {
      const shown = visible(attack)
      assert.notMatch(shown, raw)
      assert.notInclude(shown, "\n")
      assert.notStrictEqual(shown, attack)
      assert.strictEqual(visible(shown), shown)
      assert.deepStrictEqual(JSON.parse(visibleJson(JSON.stringify({ [attack]: [attack] }))), { [attack]: [attack] })
      assert.notMatch(visibleJson(JSON.stringify({ [attack]: attack })), raw)
    })
  }

  it("leaves every language and picture as it is", () => {
    for (const text of harmless) assert.strictEqual(visible(text), text)
  })

  it("shows every control character, and tells two of them apart", () => {
    const controls = [...Array(0xa0).keys()].filter((code) => code < 0x20 || code > 0x7e)
    const shown = controls.map((code) => visible(String.fromCharCode(code)))
    assert.strictEqual(new Set(shown).size, controls.length)
    for (const text of shown) assert.match(text, /^\\([nrt]|x[0-9a-f]{2})$/)
  })

  it("keeps the lines of SQL and escapes the rest of it", () => {
    assert.strictEqual(visibleLines("select 1,\n\t2\u001b[2J"), "select 1,\n\t2\\x1b[2J")
    const report = visibleReport({
      sql: "a\nb",
      name: "a\nb",
      at: new Date(0),
      list: [{ n: 1, none: null, x: "\u202e" }]
    })
    assert.deepStrictEqual(report, {
      sql: "a\nb",
      name: "a\\nb",
      at: new Date(0),
      list: [{ n: 1, none: null, x: "\\u202e" }]
    })
  })
})

/** What reaches the two streams where all of it is written to by every way there is to print. */
const printedBy = (text: string) =>
  Effect.gen(function* () {
    yield* print(false, { name: text }, ({ name }) => `name: ${name}`)
    yield* print(true, { name: text }, () => "")
    yield* say(`said: ${text}`)
    yield* Effect.logWarning(`logged: ${text}`, text)
    yield* say(`alex-db: ${lineOf(failureOf(new Error(text)))}`)
    return [...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)].map(String)
  }).pipe(Effect.provide(Logger.layer([plainLogger])))

describe("every way to print", () => {
  for (const [what, attack] of Object.entries(attacks)) {
    it.effect(`keeps out: ${what}`, () =>
      Effect.gen(function* () {
        const printed = yield* printedBy(attack)
        for (const text of printed) assert.notMatch(text, raw)
        // JSON has three lines, everything else one.
        assert.deepStrictEqual(
          printed.map((text) => text.split("\n").length),
          [1, 3, 1, 1, 1]
        )
      })
    )

    it(`keeps out of a server's log: ${what}`, () => {
      const entry = {
        operation: "ExecuteStatement",
        status: 400,
        millis: 1,
        requestId: "id",
        transactionId: undefined,
        rows: undefined,
        updated: undefined,
        error: `DatabaseErrorException${attack}`,
        message: attack,
        call: { operation: "ExecuteStatement", request: { sql: attack, parameters: [] } }
      } as unknown as Parameters<typeof requestLine>[0]
      for (const json of [true, false]) {
        const line = requestLine(entry, new Date(0), { json, trace: true })
        assert.notMatch(line, raw)
        for (const more of line.split("\n").slice(1)) assert.match(more, /^ {2}/)
      }
    })
  }

  it("ends in streams that let nothing pass but lines and this program's own colours", async () => {
    const streams = [new PassThrough(), new PassThrough()] as const
    const output = make(...streams)
    for (const attack of Object.values(attacks)) {
      output.console.log(attack)
      output.console.error(attack)
    }
    output.console.log("\u001b[31mred\u001b[39m")
    assert.isUndefined(await output.settled())
    // From Node 26 on `read` returns one chunk.
    const [out, err] = await Promise.all(streams.map((stream) => text(stream.end())))
    assert.include(out, "\u001b[31mred\u001b[39m")
    for (const text of [out, err])
      assert.notMatch(String(text).replaceAll("\u001b[31m", "").replaceAll("\u001b[39m", ""), raw)
  })

  it("is the only one: nothing else of the command line writes to the streams", () => {
    const cli = join(import.meta.dirname, "../../../src/cli")
    const files = readdirSync(cli, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
    const writing = files.filter((file) =>
      /process\.std(out|err)|\bConsole\.(log|error|warn|info)\b/.test(readFileSync(join(cli, file), "utf8"))
    )
    assert.sameMembers(writing, [
      "main.ts",
      "start.ts",
      "runHere.ts",
      "help/answer.ts",
      "help/helpText.ts",
      "help/presenter.ts",
      "output/text.ts",
      "output/progressLine.ts"
    ])
  })
})
