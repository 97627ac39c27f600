/** One commit is one sync of the log, as the kernel sees it. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { inject } from "vitest"

const commits = 100

const program = fileURLToPath(new URL("./Commits.ts", import.meta.url))

const hasStrace = spawnSync("strace", ["-e", "trace=none", "true"]).status === 0
const suite = hasStrace ? "syncs" : "syncs (skipped: strace is missing, or may not trace)"
if (!hasStrace) process.stderr.write(`SKIPPED: ${suite}\n`)

/** The system calls of a process that makes a folder and commits to it: before, between and after the two lines. */
const traced = (durability: "full" | "fast") => {
  const folder = mkdtempSync(join(tmpdir(), "alex-strace-"))
  try {
    const trace = join(folder, "trace")
    const strace = ["-f", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,write", process.execPath]
    const args = [program, join(folder, "db"), inject("snapshot"), durability, String(commits)]
    const { status, stderr } = spawnSync("strace", [...strace, ...args], { encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
    const [making = "", committing = "", closing = ""] = readFileSync(trace, "utf8").split(/FIRST COMMIT|LAST COMMIT/)
    const syncs = (text: string) =>
      // A call that another thread interrupts stands on two lines, the second without the path.
      [...text.matchAll(/\bf(?:data)?sync\(\d+<(.*?)>/g)].map(([, path = ""]) =>
        path.slice(folder.length + "/db".length)
      )
    return { making: syncs(making), committing: syncs(committing), closing: syncs(closing) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe.runIf(hasStrace)(suite, () => {
  it("are one for a commit, and every file and folder of a new database", { timeout: 120_000 }, () => {
    const { closing, committing, making } = traced("full")
    process.stderr.write(
      `strace: ${commits} commits are ${committing.length} syncs; making the folder ${making.length}, closing it ${closing.length}\n`
    )
    assert.strictEqual(committing.length, commits)
    assert.deepStrictEqual(
      [...new Set(committing.map((path) => path.replace(/[0-9A-F]{24}/, "SEGMENT")))],
      ["/pgdata/pg_wal/SEGMENT"]
    )
    for (const file of [
      "",
      "/pgdata.unfinished",
      "/pgdata.unfinished/PG_VERSION",
      "/pgdata.unfinished/global/pg_control"
    ])
      assert.include(making, file)
    assert.include(closing, "/pgdata/global/pg_control")
  })

  it("are none where durability is fast", { timeout: 120_000 }, () => {
    assert.deepStrictEqual(traced("fast"), { making: [], committing: [], closing: [] })
  })
})
