// Prints, for each expression of a file of JSON, whether a text can make it take more than linear time.
import { readFileSync } from "node:fs"
import { check } from "recheck"

/** An attack counts by the time it takes, which on a busy machine is too long for any text; a slow expression is always so. */
const verdictOf = async (source, flags, checks) => {
  const verdict = await check(source, flags, { timeout: 120_000 })
  return verdict.status === "safe" || checks === 1 ? verdict : verdictOf(source, flags, checks - 1)
}

const found = []
for (const { flags, isBounded, source } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const { attack, complexity, error, status } = await verdictOf(source, flags, isBounded ? 1 : 8)
  found.push({ status, why: error?.kind ?? `${complexity?.summary}: ${attack?.pattern ?? ""}` })
}
process.stdout.write(JSON.stringify(found))
process.exit(0)
