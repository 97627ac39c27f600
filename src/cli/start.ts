/** Runs the command line of this process: its output, its exit code. */
import { enableCompileCache } from "node:module"
import { answerOf } from "./help/answer.ts"
import { make } from "./output/Output.ts"

const args = process.argv.slice(2)
const output = make(process.stdout, process.stderr)

const ran = async (): Promise<number> => {
  // A third of the time to the first line goes into compiling modules; the cache must be on before they are loaded.
  enableCompileCache()
  const { runHere } = await import("./runHere.ts")
  return runHere(args, output.console)
}

const answer = answerOf(args)
if (answer !== undefined) output.console.log(answer)
const code = answer === undefined ? await ran() : 0
const unwritten = await output.settled()
if (unwritten !== undefined) {
  output.console.error(`alex-db: the output could not be written (${unwritten.message}). Make room, or write elsewhere`)
  await output.settled()
}
process.exit(unwritten !== undefined && code === 0 ? 1 : code)
