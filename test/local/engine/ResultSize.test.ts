import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestDatabase from "../../TestDatabase.ts"
import { execute, refused } from "../calls.ts"

it.effect("the size of formattedRecords is counted in bytes, whatever the characters", () =>
  Effect.gen(function* () {
    const json = { formatRecordsAs: "JSON" } as const
    // [{"a":"…"}] has 10 bytes around the text.
    for (const [text, fits] of [
      ["xxxxxxxx", true],
      ["xxxxxxxxx", false],
      ["éééé", true],
      ["ééééé", false],
      ["🦉🦉", true],
      ["🦉🦉🦉", false]
    ] as const) {
      const sql = `select '${text}' as a`
      if (fits) assert.strictEqual((yield* execute(sql, {}, json)).formattedRecords, `[{"a":"${text}"}]`)
      else assert.strictEqual((yield* refused(sql, {}, json))[0], "BadRequest", text)
    }
  }).pipe(Effect.provide(TestDatabase.layer({ limits: { formattedBytes: 18 } })))
)
