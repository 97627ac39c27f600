import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { bundled, handlers } from "./cold.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-bundles-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const bundle = Effect.fnUntraced(function* (name: keyof typeof handlers) {
  const path = yield* folder
  return yield* Effect.promise(() => bundled(path)(name, handlers[name]))
})

it.effect("a handler without the AWS SDK is smaller than one of the bare SDK, and holds nothing of it", () =>
  Effect.gen(function* () {
    const sdk = yield* bundle("AWS SDK")
    const lean = yield* bundle("sql, without the SDK")
    assert.isAbove(lean.from(/src\/data-api\//), 0)
    assert.strictEqual(lean.from(/@aws-sdk|@smithy/), 0)
    assert.isBelow(lean.bytes, 0.7 * sdk.bytes)
  })
)

it.effect(
  "a handler on Aurora holds neither PGlite nor PostgreSQL's protocol, the local server or the command line, in 400 kB",
  () =>
    Effect.gen(function* () {
      const handler = yield* bundle("repository, by DbLayer.layerDataApi")
      assert.isAbove(handler.from(/src\/repository\//), 0)
      assert.isAtMost(handler.bytes, 400_000)
      assert.strictEqual(handler.from(/@electric-sql|@effect\/sql-pg|src\/(?:local|cli|agent)\//), 0)
    })
)
