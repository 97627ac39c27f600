/**
 * Fuzzes parsers: `npm run fuzz -- [TARGET] [--seconds N] [--seed N] [--keep]`. Every target has its time one after
 * another; findings are kept in the corpus, and with `--keep` the inputs that did something new.
 */
import { parseArgs } from "node:util"
import { corpusOf, keep } from "./corpus.ts"
import { fuzz } from "./Fuzzer.ts"
import { targets } from "./targets.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    keep: { type: "boolean", default: false }
  }
})

const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
if (chosen.length === 0) {
  process.stderr.write(`There is no such target. Targets: ${targets.map(({ name }) => name).join(", ")}\n`)
  process.exitCode = 2
}

for (const target of chosen) {
  const options = { seconds: Number(values.seconds), seed: Number(values.seed) }
  const { covered, executions, findings, fresh } = await fuzz(target, corpusOf(target), options)
  process.stdout.write(
    `${target.name}: ${executions} executions in ${options.seconds} s (seed ${options.seed}), ${covered} characters of code, ${fresh.length} new inputs, ${findings.length} findings\n`
  )
  if (values.keep) for (const input of fresh) keep(target, input)
  for (const { input, why } of findings) process.stdout.write(`  ${keep(target, input)}: ${why}\n`)
  if (findings.length > 0) process.exitCode = 1
}
