import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

/** These change the environment, which Effect's `Config` reads once a process: each has one of its own. */
const alone = [
  "test/agent/openTools.test.ts",
  "test/cli/environment.test.ts",
  "test/cli/helpText.test.ts",
  "test/package/codeBlocks.test.ts",
  "test/package/observability.test.ts"
]

/** `npm test` leaves these out. */
const slow = "test/**/*.slow.test.ts"

/** A worker takes a second to start, and each would load Effect and compile PGlite again: files share them. */
const sharing = { isolate: false, setupFiles: "test/compiledPglite.ts" }

export default defineConfig({
  test: {
    globalSetup: "test/globalSetup.ts",
    // Much of the time a test waits for a process, a server or the disk.
    maxWorkers: availableParallelism() + 2,
    // What starts a command and means to lose no power need not wait for the disk; tests of that say "full".
    env: { ALEX_DB_DURABILITY: "fast" },
    // A slower machine, or one with other work, takes several times as long: a limit only ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: "shared", include: ["test/**/*.test.ts"], exclude: [...alone, slow], ...sharing }
      },
      { extends: true, test: { name: "slow", include: [slow], ...sharing } },
      { extends: true, test: { name: "alone", include: alone } }
    ]
  }
})
