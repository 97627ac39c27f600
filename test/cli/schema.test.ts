import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { payloads } from "../../src/agent/payloads/decodePayload.ts"
import { schemaNames } from "../../src/agent/schemas/schemaNames.ts"
import { schema } from "../../src/cli/commands/schema.ts"
import { root } from "../../src/cli/root.ts"

const run = (...args: ReadonlyArray<string>) =>
  Command.runWith(root.pipe(Command.withSubcommands([schema])), { version: "0" })(["schema", ...args])

const printed = Effect.map(TestConsole.logLines, (lines) => lines.join("\n"))

describe("alex-db schema", () => {
  it.effect("lists the names, one a line, or as JSON", () =>
    Effect.gen(function* () {
      yield* run()
      assert.deepStrictEqual((yield* printed).split("\n"), [...schemaNames, "reports", "tools", "payloads"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("lists the names as one JSON document when asked", () =>
    Effect.gen(function* () {
      yield* run("--json")
      assert.deepStrictEqual(JSON.parse(yield* printed), [...schemaNames, "reports", "tools", "payloads"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("prints one schema as JSON, in the dialect that was asked for", () =>
    Effect.gen(function* () {
      yield* run("retirement-payload")
      const plain = JSON.parse(yield* printed)
      assert.strictEqual(plain.$schema, "https://json-schema.org/draft/2020-12/schema")
      assert.deepStrictEqual(plain.required, ["analysis"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.each(["openai", "anthropic"])(
    "prints a schema in the dialect %s, where every field is required",
    (dialect) =>
      Effect.gen(function* () {
        yield* run("retirement-payload", "--dialect", dialect, "--json")
        const { properties, required } = JSON.parse(yield* printed)
        assert.sameMembers(required, Object.keys(properties))
        assert.deepStrictEqual(properties.success_rate.anyOf[1], { type: "null" })
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("prints every payload in every dialect, and the tools", () =>
    Effect.gen(function* () {
      const asked = ["json-schema", "openai", "openai-chat", "anthropic", "bedrock", "gemini", "mcp"]
      for (const dialect of asked) yield* run("payloads", "--dialect", dialect)
      const documents = (yield* TestConsole.logLines).map((line) => JSON.parse(String(line)))
      assert.lengthOf(documents, asked.length)
      for (const document of documents) {
        assert.sameMembers(Object.keys(document), Object.keys(payloads))
        for (const { type } of Object.values<{ readonly type: string }>(document)) assert.strictEqual(type, "object")
      }
      yield* run("tools", "--dialect", "openai-chat")
      const tools = JSON.parse(String((yield* TestConsole.logLines).at(-1)))
      assert.isObject(tools[0].function.parameters.properties)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("names the schemas there are when asked for another", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run("portfolio-analisys"))
      assert.deepInclude(error, { _tag: "ShowHelp" })
      assert.include(String(Object(error).errors), "portfolio-analysis")
      assert.strictEqual(yield* Effect.map(TestConsole.logLines, (lines) => lines.length), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
