/** Vitest's configuration for mutants: the test files in the order in which `TESTS_IN_ORDER` names them. */
import { mergeConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import config from "../../vitest.config.ts"

const order = (process.env["TESTS_IN_ORDER"] ?? "").split(" ")
const place = ({ moduleId }: TestSpecification) => order.findIndex((file) => moduleId.endsWith(`/${file}`))

class AsNamed extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    return files.toSorted((a, b) => place(a) - place(b))
  }
}

// A project's own set-up takes the place of the one above it.
const projects = config.test?.projects?.map((project) =>
  typeof project === "object" ? mergeConfig(project, { test: { setupFiles: ["test/chaos/reaching.ts"] } }) : project
)

export default {
  test: {
    ...config.test,
    projects,
    sequence: { sequencer: AsNamed }
  }
}
