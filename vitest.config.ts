import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/globalSetup.ts",
    // V8 would optimise PGlite's largest functions in every worker, which costs more than it saves in tests.
    execArgv: ["--liftoff-only"],
    // Vitest would leave one core of two idle, though much of the time is spent waiting.
    maxWorkers: "100%",
    isolate: false,
    // What starts a command and means to lose no power need not wait for the disk; tests of that say "full".
    env: { ALEX_DB_DURABILITY: "fast" },
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
