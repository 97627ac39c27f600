/** No parser of what comes from outside dies, hangs or contradicts itself: on its corpus, and on what is made of it. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { corpusOf } from "./corpus.ts"
import { wrong } from "./Fuzzer.ts"
import { targets } from "./targets/index.ts"

const isLong = process.env["ALEX_LONG"] === "1"
/** A round is about a second: ten in continuous integration. */
const rounds = isLong || process.env["CI"] !== undefined ? 10 : 1
/** Seconds for each target beyond which a machine is too slow for its rounds: it is right about fewer inputs then. */
const patience = 90

const program = fileURLToPath(new URL("./run.ts", import.meta.url))

const Reports = Schema.Array(
  Schema.fromJsonString(
    Schema.Struct({
      name: Schema.String,
      executions: Schema.Int,
      speed: Schema.Int,
      reached: Schema.Int,
      findings: Schema.Array(Schema.Struct({ input: Schema.String, why: Schema.String }))
    })
  )
)

/** What a process of its own found, whose sources are instrumented. */
const fuzzed = (...args: ReadonlyArray<string>) => {
  const all = ["--liftoff-only", program, ...args, "--seed", "1", "--json"]
  const { stdout } = spawnSync(process.execPath, all, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  return Schema.decodeUnknownSync(Reports)(stdout.trim().split("\n"))
}

describe("fuzzed", () => {
  for (const target of targets) {
    it(`${target.name} is right about everything in its corpus`, { timeout: 120_000 }, async () => {
      for (const input of corpusOf(target))
        assert.isUndefined(await wrong(target, input), `${JSON.stringify(input.toString("latin1"))}`)
    })
  }

  it(`every target is right about what ${rounds === 1 ? "a round" : `${rounds} rounds`} of changes make of it`, {
    timeout: 1_200_000
  }, () => {
    const reports = fuzzed("--rounds", String(rounds), "--seconds", String(patience))
    for (const { executions, name, reached, speed } of reports)
      process.stderr.write(
        `fuzz, ${name}: ${executions} executions, ${speed} a second of processor time, ${reached} places\n`
      )
    assert.deepStrictEqual(
      reports.map(({ name }) => name),
      targets.map(({ name }) => name)
    )
    assert.deepStrictEqual(
      reports.flatMap(({ findings, name }) =>
        findings.map(({ input, why }) => `${name}, ${JSON.stringify(input)}: ${why}`)
      ),
      []
    )
    // A corpus leads through more than one way of each parser only where its sources are instrumented.
    for (const { name, reached } of reports) assert.isAbove(reached, 20, name)
  })

  for (const name of ["planted-octets", "planted-text"]) {
    it(`${name}: a fault that no source spells is found by coverage, and not without it`, { timeout: 300_000 }, () => {
      const once = [name, "--seconds", "120", "--rounds", "1"]
      const [guided] = fuzzed(...once)
      assert.deepStrictEqual(
        guided?.findings.map(({ why }) => why),
        ["found"]
      )
      const [blind] = fuzzed(...once, "--blind")
      assert.isAtLeast(blind?.executions ?? 0, guided?.executions ?? Infinity)
      assert.deepStrictEqual(blind?.findings, [])
    })
  }
})
