/** Values that are nested deeper than the stack: refused or read, and never a defect. */
import { assert, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema } from "effect"
import { JobCreate } from "../../src/domain/index.ts"
import { deepestJson, isNestedAtMost } from "../../src/domain/Json.ts"
import { encoder, reader } from "../../src/repository/Rows.ts"

const deep: unknown = JSON.parse(`${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`)

const said = [{ path: "", message: "expected a value that is not nested thousands deep" }]

it.effect("JSON of a new job that is nested too deep is refused as input", () =>
  Effect.gen(function* () {
    const job = { clerk_user_id: "user_1", job_type: "portfolio_analysis", request_payload: deep }
    const error = yield* Effect.flip(JobCreate.fromJson(job))
    assert.strictEqual(error._tag, "InvalidInput")
    assert.deepStrictEqual(error.problems, said)
  })
)

it.effect("input that is nested too deep is refused before anything is sent", () =>
  Effect.gen(function* () {
    const encode = encoder(Schema.Struct({ payload: Schema.Unknown }))
    const error = yield* Effect.flip(encode({ payload: deep }, "job"))
    assert.deepInclude(error, { _tag: "InvalidInput", subject: "job", problems: said })
  })
)

it.effect("input of as many levels as databases take is sent, and of one more is not, on every runtime", () =>
  Effect.gen(function* () {
    const encode = encoder(Schema.Struct({ payload: Schema.Unknown }))
    const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`)
    // The row and its member are levels too.
    const text = yield* encode({ payload: nested(deepestJson) }, "job")
    assert.strictEqual(text.length, '{"payload":}'.length + 2 * deepestJson)
    const error = yield* Effect.flip(encode({ payload: nested(deepestJson + 1) }, "job"))
    assert.deepInclude(error, { _tag: "InvalidInput", problems: said })
  })
)

it("an object that refers to itself, in two members, is nested deeper than any number, which is soon seen", () => {
  const circular: Record<string, unknown> = {}
  Object.assign(circular, { one: circular, two: [circular] })
  assert.isFalse(isNestedAtMost(circular, deepestJson))
})

it.each([
  [1, 0],
  [{}, 0],
  [{ a: 1 }, 1],
  [[[], { a: [null] }], 3]
])("%j has %i levels", (value, levels) => {
  assert.isTrue(isNestedAtMost(value, levels))
  assert.isFalse(isNestedAtMost(value, levels - 1))
})

it.effect("a row that holds JSON nested too deep is read as any other", () =>
  Effect.gen(function* () {
    const rows = reader({ name: "jobs", key: "id" }, Schema.Struct({ id: Schema.String, payload: Schema.Json }))
    const found = yield* rows.list(Effect.succeed([{ id: "1", payload: deep }]))
    assert.strictEqual(found.length, 1)
    assert.ok(found[0]?.payload === deep)
  })
)

it.effect("another defect of a codec stays one", () =>
  Effect.gen(function* () {
    const encode = encoder(Schema.Struct({ payload: Schema.Unknown }))
    const exit = yield* Effect.exit(encode({ payload: 1n }, "job"))
    assert.ok(Exit.isFailure(exit) && exit.cause.reasons.every(Cause.isDieReason))
  })
)
