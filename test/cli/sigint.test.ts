/** Ctrl-C ends a command though the embedded database, which runs on the command's own thread, is in a long statement. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { commandLine } from "../CommandLine.ts"
import { execute, scalar } from "../local/calls.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-sigint-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

interface Ended {
  readonly code: number | null
  readonly stderr: string
}

/** Runs a command to its end; `interrupt` sends signals in the meantime. */
const run = (folder: string, command: string, interrupt?: (kill: () => void) => Promise<void>) =>
  Effect.promise(
    (aborted) =>
      new Promise<Ended>((resolve) => {
        const child = spawn(process.execPath, [commandLine(), command], {
          cwd: folder,
          env: { ...process.env, ALEX_DB_BACKEND: "embedded", ALEX_DB_DIR: join(folder, "db") },
          stdio: ["ignore", "ignore", "pipe"]
        })
        let stderr = ""
        child.stderr.on("data", (chunk) => (stderr += chunk))
        child.on("close", (code) => resolve({ code, stderr }))
        aborted.addEventListener("abort", () => child.kill("SIGKILL"))
        void interrupt?.(() => child.kill("SIGINT"))
      })
  )

/** Keeps the database in one statement for ever, and says by a file beside its own that it is there. */
const endless = [
  `create function hold() returns trigger language plpgsql as $$ begin
    execute format('copy (select 1) to %L', current_setting('data_directory') || '/holding');
    loop null; end loop;
  end $$`,
  "create trigger hold before insert on instruments for each statement execute function hold()"
]

it.live(
  "SIGINT ends a command in a long statement of the embedded database, says what is lost, and loses nothing else",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const local = LocalDataApi.layer({ dataDir: join(folder, "db"), durability: "fast" })
      assert.strictEqual((yield* run(folder, "migrate")).code, 0)
      yield* Effect.forEach([...endless, "create table kept as select 1 as a"], (sql) => execute(sql)).pipe(
        Effect.provide(local)
      )
      const { code, stderr } = yield* run(folder, "seed", async (kill) => {
        while (!existsSync(join(folder, "db", "pgdata", "holding"))) await setTimeout(50)
        await setTimeout(100)
        kill()
      })
      assert.strictEqual(code, 130, stderr)
      assert.match(stderr, /^alex-db: Stopped by SIGINT; open transactions were rolled back\. /m)
      assert.deepStrictEqual(yield* scalar("select count(*) from kept").pipe(Effect.provide(local)), { longValue: 1 })
    }).pipe(Effect.scoped),
  90_000
)
