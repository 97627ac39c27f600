/** No parser of what comes from outside dies, hangs or contradicts itself: on its corpus, and on what is made of it. */
import { assert, describe, it } from "@effect/vitest"
import { corpusOf } from "./corpus.ts"
import { fuzz, wrong } from "./Fuzzer.ts"
import { parse } from "./planted.ts"
import { type Target, targets } from "./targets.ts"

const isLong = process.env["ALEX_LONG"] === "1"
/** Ten seconds in continuous integration. */
const seconds = isLong || process.env["CI"] !== undefined ? 10 : 1

describe("fuzzed", () => {
  for (const target of targets) {
    it(`${target.name} is right about everything in its corpus`, async () => {
      for (const input of corpusOf(target))
        assert.isUndefined(await wrong(target, input), `${JSON.stringify(input.toString("latin1"))}`)
    })

    it(`${target.name} is right for ${seconds} s`, { timeout: 120_000 }, async () => {
      const { covered, executions, findings } = await fuzz(target, corpusOf(target), { seconds, seed: 1 })
      process.stderr.write(`fuzz, ${target.name}: ${executions} executions, ${covered} characters of code\n`)
      assert.deepStrictEqual(
        findings.map(({ input, why }) => `${JSON.stringify(input.toString("latin1"))}: ${why}`),
        []
      )
    })
  }

  it("finds a fault that is planted behind four characters, one after another", { timeout: 120_000 }, async () => {
    const planted: Target = {
      name: "planted",
      files: /fuzz\/planted/,
      seeds: ["aaaaaaaa"],
      words: ["F", "U", "Z", "!"],
      run: parse
    }
    const { findings } = await fuzz(planted, [Buffer.from("aaaaaaaa")], { seconds: 60, seed: 1, enough: 1 })
    assert.strictEqual(findings[0]?.why, "found")
  })
})
