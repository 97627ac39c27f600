/**
 * Loaded before anything else in every process of a survey, by `NODE_OPTIONS`: notes in the survey's log, once for each
 * test file, the mutants whose place is run. JavaScript, for the older Node that some tests start.
 */
import { appendFileSync } from "node:fs"

const log = process.env.REACHED_LOG
if (log !== undefined) {
  const seen = new Set()
  globalThis.reached = (mutant) => {
    if (seen.has(mutant)) return
    seen.add(mutant)
    appendFileSync(log, `${mutant}\n`)
  }
  globalThis.reaching = (testFile) => {
    seen.clear()
    appendFileSync(log, `${testFile} ${Date.now()}\n`)
  }
}
