/** A command whose data folder can't be closed as it should be says so, fails, and has lost nothing. */
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname
const failing = new URL("../chaos/durability/FailingWhenStopped.ts", import.meta.url).href

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-unclosed-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** Serves the folder until it is ready, and stops then. */
const served = (folder: string, variables: Readonly<Record<string, string>>) =>
  Effect.promise(
    () =>
      new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve) => {
        const child = spawn(process.execPath, ["--import", failing, main, "serve", "--port", "0"], {
          cwd: folder,
          env: { ...process.env, ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: join(folder, "db"), ...variables },
          stdio: ["ignore", "pipe", "pipe"]
        })
        let stderr = ""
        let isReady = false
        const look = (text: string) => {
          if (!isReady && text.includes("http://")) child.kill("SIGTERM")
          isReady ||= text.includes("http://")
        }
        child.stdout.on("data", (chunk) => look(String(chunk)))
        child.stderr.on("data", (chunk) => {
          stderr += chunk
          look(String(chunk))
        })
        child.on("close", (code) => resolve({ code, stderr }))
      })
  )

it.live(
  "a disk that fails while the folder is closed is said, with exit code 1, and the folder opens again",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const healthy = yield* served(folder, {})
      assert.strictEqual(healthy.code, 0, healthy.stderr)
      assert.notInclude(healthy.stderr, "can't be closed")
      const { code, stderr } = yield* served(folder, {
        FAILING_CODE: "EIO",
        FAILING_SITE: "writeSync pgdata/global/pg_control"
      })
      assert.match(stderr, /^alex-db: The data folder \S+ can't be closed: its disk fails.* are kept: /m)
      assert.strictEqual(code, 1)
      const again = yield* served(folder, {})
      assert.strictEqual(again.code, 0, again.stderr)
    }).pipe(Effect.scoped),
  240_000
)
