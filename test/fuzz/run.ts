/**
 * Fuzzes parsers: `npm run fuzz -- [TARGET...] [--seconds N] [--rounds N] [--seed N] [--keep] [--json]`. Every target has
 * its time one after another, or with `--rounds` as many inputs, which are the same on every machine as long as the time
 * suffices. Findings are kept in the corpus, and with `--keep` the inputs that did something new.
 */
import { parseArgs } from "node:util"
import type { Report } from "./Fuzzer.ts"
import { install } from "./hooks.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    rounds: { type: "string", default: "Infinity" },
    blind: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    json: { type: "boolean", default: false }
  }
})

// The sources are instrumented as they are loaded.
const words = install()
const { targets, planted } = await import("./targets/index.ts")
const { fuzz } = await import("./Fuzzer.ts")
const { corpusOf, keep } = await import("./corpus.ts")

const chosen = [...targets, ...planted].filter(({ name }) =>
  positionals.length === 0 ? targets.some((one) => one.name === name) : positionals.includes(name)
)
if (chosen.length < positionals.length || chosen.length === 0) {
  process.stderr.write(`There is no such target. Targets: ${targets.map(({ name }) => name).join(", ")}\n`)
  process.exitCode = 2
}

const seed = Number(values.seed)
const seconds = Number(values.seconds)

const said = (name: string, { executions, findings, fresh, reached, speed }: Report): string =>
  `${name}: ${executions} executions in ${seconds} s (${speed} a second of processor time, seed ${seed}), ${reached} places reached, ${fresh.length} new inputs, ${findings.length} findings\n`

for (const one of chosen) {
  const literals = [...words].flatMap(([path, found]) => (one.files.test(path) ? found : []))
  const report = await fuzz({ ...one, words: [...one.words, ...literals] }, corpusOf(one), {
    seconds,
    seed,
    isGuided: !values.blind,
    enough: planted.includes(one) ? 1 : Infinity,
    executions: Number(values.rounds) * one.round
  })
  if (values.json) {
    const findings = report.findings.map(({ input, why }) => ({ input: input.toString("latin1"), why }))
    process.stdout.write(`${JSON.stringify({ ...report, name: one.name, fresh: report.fresh.length, findings })}\n`)
    continue
  }
  process.stdout.write(said(one.name, report))
  if (values.keep) for (const input of report.fresh) keep(one, input)
  for (const { input, why } of report.findings) process.stdout.write(`  ${keep(one, input)}: ${why}\n`)
  if (report.findings.length > 0) process.exitCode = 1
}
