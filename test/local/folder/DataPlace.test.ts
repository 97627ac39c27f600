import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import * as DataPlace from "../../../src/local/folder/DataPlace.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"

describe("where data is kept", () => {
  const understood: ReadonlyArray<readonly [string, string]> = [
    ["memory", "memory"],
    ["memory://", "memory"],
    [".alex-db", ".alex-db"],
    ["/srv/alex", "/srv/alex"],
    ["./memory", "./memory"],
    ["./a:b", "./a:b"],
    ["a/b:c", "a/b:c"],
    ["~", homedir()],
    ["~/alex", join(homedir(), "alex")],
    ["file:///srv/my%20data", "/srv/my data"],
    ["FILE:///srv/alex", "/srv/alex"]
  ]
  it.effect("is read from a path, from below the home folder, and from a URL of a file", () =>
    Effect.gen(function* () {
      for (const [spelling, place] of understood) assert.strictEqual(yield* DataPlace.read(spelling), place, spelling)
    })
  )

  it.effect("is refused in words where it means no folder of this machine, and nothing is made", () =>
    Effect.gen(function* () {
      const before = readdirSync(".")
      const refused = [
        "",
        "  ",
        "idb://alex",
        "opfs-ahp://alex",
        "postgres://localhost/alex",
        "http://x/",
        "~root/alex"
      ]
      for (const dataDir of [...refused, "file:alex", "file://alex/db", "file://./alex", "memory://alex"]) {
        const open = Effect.flatMap(DataApi, (api) => api.executeStatement({ sql: "select 1" }))
        const error = yield* Effect.flip(Effect.provide(open, LocalDataApi.layer({ dataDir })))
        assert.strictEqual(error._tag, "LocalDataApiError", dataDir)
        assert.match(error.message, /[Nn]ame|Write/, dataDir)
      }
      assert.deepStrictEqual(readdirSync("."), before)
    })
  )

  it.live(
    "may be a URL of a file, and is then that folder",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-place-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const dataDir = pathToFileURL(join(folder, "my data")).href
        const open = Effect.flatMap(DataApi, (api) => api.executeStatement({ sql: "select 1" }))
        yield* Effect.provide(open, LocalDataApi.layer({ dataDir, durability: "fast" }))
        assert.isTrue(existsSync(join(folder, "my data", "pgdata")))
      }),
    120_000
  )
})
