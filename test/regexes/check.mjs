// Prints, for each expression of a file of JSON, whether a text can make it take more than linear time.
import { readFileSync } from "node:fs"
import { check } from "recheck"

const found = []
for (const { flags, source } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const { attack, complexity, error, status } = await check(source, flags, { timeout: 120_000 })
  found.push({ status, why: error?.kind ?? `${complexity?.summary}: ${attack?.pattern ?? ""}` })
}
process.stdout.write(JSON.stringify(found))
process.exit(0)
