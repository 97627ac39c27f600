#!/usr/bin/env node
/** The executable: runs the command line and turns its outcome into an exit code. */
import { enableCompileCache } from "node:module"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"

// A fifth of the time to the first line goes into compiling modules; the cache must be on before they are loaded.
enableCompileCache()
const { run } = await import("./run.ts")

NodeRuntime.runMain(run(process.argv.slice(2)))
