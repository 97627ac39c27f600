/**
 * What this project costs beside what one would use instead: CPU and wall time of calls, requests over a slow network,
 * cold start, growth with the data, the command line.
 *
 * Usage: npm run bench -- [--quick] [--only calls,types,network,cold,scale,cli,gateway] [--json file] [--check]
 *
 * Everything is measured in one run, in rounds that alternate between the contenders; medians count. `--quick` takes
 * fewer rounds and 10,000 users at most, the long form has a million. `--check` fails where a figure is above its
 * limit. What needs PostgreSQL takes the server at TEST_POSTGRES_URL, by default the one of this machine.
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { calls } from "./calls.ts"
import { cold } from "./cold.ts"
import { commandLine } from "./commandLine.ts"
import { gateway } from "./gateway.ts"
import { inference } from "./inference.ts"
import { brokenLimits, type Figure, tableOf } from "./measure.ts"
import { network } from "./network.ts"
import { scale } from "./scale.ts"

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
    check: { type: "boolean", default: false }
  }
})

const sections = {
  calls: calls({ rounds: flags.quick ? 5 : 9 }),
  types: inference({ rounds: 9 }),
  network: network(flags.quick ? { delays: [10], rounds: 1 } : { delays: [1, 10, 30], rounds: 3 }),
  cold: cold({ rounds: flags.quick ? 5 : 9 }),
  scale: scale({
    sizes: flags.quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000],
    rounds: flags.quick ? 30 : 100
  }),
  cli: commandLine({ rounds: flags.quick ? 3 : 9 }),
  gateway: gateway(
    flags.quick
      ? { rounds: 3, seconds: 1, warmup: 3, clients: [1, 32], scale: 10 }
      : { rounds: 5, seconds: 2, warmup: 8, clients: [1, 8, 32], scale: 32 }
  )
}

const wanted = flags.only?.split(",")
const figures: Array<Figure> = []
for (const [name, section] of Object.entries(sections)) {
  if (wanted !== undefined && !wanted.includes(name)) continue
  const found = await Effect.runPromise(Effect.scoped(section))
  process.stdout.write(`${tableOf(found)}\n`)
  figures.push(...found)
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(figures, null, 2)}\n`)
const broken = figures.flatMap((figure) =>
  brokenLimits(figure).map((limit) => `${figure.what}, ${figure.contender}: ${limit}`)
)
for (const line of broken) process.stderr.write(`${line}\n`)
if (flags.check && broken.length > 0) process.exitCode = 1
