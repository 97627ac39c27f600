/** The package's own version, as it is written into the journal and printed by `--version`. */
import { readFileSync } from "node:fs"

export const version = (): string => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? "unknown"
}
