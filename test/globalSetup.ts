import { globSync } from "node:fs"
import type { TestProject } from "vitest/node"
import { prepareCommandLine } from "./CommandLine.ts"
import { prepareSnapshot } from "./TestDatabase.ts"

/** Prepares what the tests share: the snapshot that embedded databases are cloned from, and the command line. */
export default async (project: TestProject): Promise<void> => {
  const [snapshot, commandLine] = await Promise.all([prepareSnapshot(), prepareCommandLine()])
  project.provide("snapshot", snapshot)
  project.provide("commandLine", commandLine)
  if (!project.vitest.projects.some(({ name }) => name === "slow")) {
    const slow = globSync("test/**/*.slow.test.ts", { cwd: project.config.root })
    process.stderr.write(`SKIPPED: the ${slow.length} slow files (npm run test:all runs them as well)\n`)
  }
}
