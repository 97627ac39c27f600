/** The order of members, compared with PostgreSQL's own. */
import { assert, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { changeOf } from "../../../src/operations/backup/Anonymize.ts"
import { inOrder } from "../../../src/operations/backup/MemberOrder.ts"
import { embedded } from "../TestOperations.ts"

const id = (n: number) => `3f2504e0-4f89-41d3-9a0c-0305e82c33${String(n).padStart(2, "0")}`

const documents = [
  ...["{}", "[]", "1e400", '"{"', "null", '[[], {}, ["]", "\\\\"]]', '{"a": {}}', '{"a,": [":", {"}": "{"}]}'],
  '{"b": 1, "a": 2, "aa": {"d": [1.50, {"z": 1, "c": 2}], "c": 3}, "ä": 4, "z": 5, "": 6}',
  '{"\\"": 1, "\\\\": 2, "\\u00e9": 3, "\\n": 4, "😀": 5, "ﬀ": 6, "constructor": 7, "__proto__": 8, "2": 9, "10": 10}',
  '{"a": 1, "b": 2, "a": 3}',
  `{${Array.from({ length: 20 }, (_, n) => `"${id(n)}": {"total": ${n}.50, "cash": "1"}`).join(", ")}, "symbol": "SPY"}`
]

const normal = Effect.fnUntraced(function* (document: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select ${document}::jsonb::text as text`
  const [{ text }] = yield* Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ text: Schema.String })]))(rows)
  return text
})

it.effect("is that of jsonb, also of an anonymized document", () =>
  Effect.gen(function* () {
    const anonymized = changeOf(Redacted.make("a key"), { name: "jobs", columns: ["report_payload"] })
    for (const document of documents) {
      const stored = yield* normal(document)
      assert.strictEqual(yield* normal(inOrder(document)), stored, document)
      assert.strictEqual(inOrder(stored), stored)
      const [changed] = anonymized([stored])
      assert.strictEqual(changed, yield* normal(changed ?? ""), document)
    }
    const shuffled = `{${Array.from({ length: 20 }, (_, n) => `"${id((n * 7) % 20)}": ["b", {"b": 1, "a": 2}]`).join(", ")}}`
    assert.strictEqual(inOrder(shuffled), yield* normal(shuffled))
  }).pipe(Effect.provide(embedded))
)

it("is found in a document that is nested deeply", () => {
  const deep = `${'[{"b": 1, "a": '.repeat(5000)}1${"}]".repeat(5000)}`
  assert.isTrue(inOrder(deep).startsWith('[{"a": [{"a": '))
})
