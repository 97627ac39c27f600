/** Yarn's Plug'n'Play puts file handles of its own in place of Node's: they have no `sync`, and streams refuse them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { afterAll, inject, vi } from "vitest"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { save } from "../../src/operations/backup/BackupFile.ts"
import { scalar } from "../local/calls.ts"

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>()
  const open = async (...given: Parameters<typeof real.open>) => {
    const handle = await real.open(...given)
    return {
      fd: handle.fd,
      stat: () => handle.stat(),
      close: () => handle.close(),
      sync: () => {
        throw new Error("Method not implemented.")
      }
    }
  }
  return { ...real, open }
})

const root = mkdtempSync(join(tmpdir(), "alex-pnp-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

it.live("a folder is made, and its files are synced", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* scalar("select 7"), { longValue: 7 })
  }).pipe(Effect.provide(LocalDataApi.layer({ dataDir: join(root, "folder"), snapshot: inject("snapshot") })))
)

it.live("a backup is written to a file, complete and under its name", () =>
  Effect.gen(function* () {
    const file = join(root, "alex.jsonl")
    yield* save(file, Stream.make("one\n", "two\n"))
    assert.strictEqual(readFileSync(file, "utf8"), "one\ntwo\n")
  })
)
