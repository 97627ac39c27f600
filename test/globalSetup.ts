import type { TestProject } from "vitest/node"
import { prepareSnapshot } from "./TestDatabase.ts"

/** Prepares the snapshot that embedded test databases are cloned from. */
export default async (project: TestProject): Promise<void> => {
  project.provide("snapshot", await prepareSnapshot())
}
