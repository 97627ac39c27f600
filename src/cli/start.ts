/** Runs the command line of this process, and turns its outcome into an exit code. */
import { enableCompileCache } from "node:module"

// A third of the time to the first line goes into compiling modules; the cache must be on before they are loaded.
enableCompileCache()
const [{ run }, { runMain }] = await Promise.all([import("./run.ts"), import("@effect/platform-node/NodeRuntime")])

runMain(run(process.argv.slice(2)))
