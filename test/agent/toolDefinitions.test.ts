/** The tools as each provider takes them: the rules that their APIs publish, and that schema and decoder agree. */
import { assert, describe, it } from "@effect/vitest"
import { accepted } from "../../src/agent/calls/accepted.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import { toolDefinitions, toolDialects } from "../../src/agent/tools/toolDefinitions.ts"
import { mismatches } from "./JsonSchemaRules.ts"

type Json = ReturnType<typeof JSON.parse>

const partsOf = (definition: Json) => definition.toolSpec ?? definition.function ?? definition

const schemaOf = (definition: Json): Json => {
  const { input_schema, inputSchema, parameters, parametersJsonSchema } = partsOf(definition)
  return input_schema ?? parameters ?? parametersJsonSchema ?? inputSchema.json ?? inputSchema
}

const nodes = (schema: Json, depth = 1): ReadonlyArray<readonly [Json, number]> => {
  const inner = [...Object.values(schema.properties ?? {}), schema.items, ...(schema.anyOf ?? [])]
  const rest = typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : []
  return [
    [schema, depth],
    ...[...inner, ...rest].filter((one) => one !== undefined).flatMap((one) => nodes(one, depth + 1))
  ]
}

describe("the tools", () => {
  for (const dialect of toolDialects) {
    it(`keep the rules of ${dialect}: names, sizes, nesting, keywords, properties that are described`, () => {
      const all = toolDefinitions(dialect)
      assert.lengthOf(all, 16)
      for (const definition of all) {
        const { description, name } = partsOf(definition)
        assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/)
        assert.isAtLeast(description.length, 40, name)
        assert.isAtMost(description.length, 1024, name)
        const schema = schemaOf(definition)
        assert.strictEqual(schema.type, "object")
        assert.isAtMost(JSON.stringify(definition).length, 10_000, name)
        const unions = nodes(schema).filter(([node]) => node.anyOf !== undefined)
        assert.isAtMost(unions.length, 4, name)
        for (const [node, depth] of nodes(schema)) {
          assert.isAtMost(depth, 8, name)
          for (const keyword of ["allOf", "oneOf", "not", "$ref", "if", "prefixItems"])
            assert.notProperty(node, keyword)
          for (const [key, property] of Object.entries<Json>(node.properties ?? {})) {
            // Besides its name, a model knows an argument by this alone.
            assert.isAtLeast(property.description?.length ?? 0, 8, `${name}: ${key}`)
          }
          if (node.type === "object") assert.isObject(node.properties, name)
          if (node.type === "array") assert.isObject(node.items, name)
          if (node.pattern !== undefined) assert.notMatch(node.pattern, /\(\?[=!<]/, name)
          assert.isFalse(Array.isArray(node.type), name)
        }
      }
    })
  }

  it("are fewer with fewer grants", () => {
    assert.lengthOf(toolDefinitions("mcp", new Set()), 8)
    assert.lengthOf(toolDefinitions("mcp", new Set(["results"])), 12)
    assert.lengthOf(toolDefinitions("mcp", new Set(grants)), 16)
  })

  it("take what their schemas describe, and what models really send in its place", () => {
    const [position] = toolDefinitions("mcp").filter((one) => partsOf(one).name === "set_position")
    const schema = schemaOf(position)
    const account_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    const good = { account_id, symbol: "SPY", quantity: "12.5", as_of_date: "2026-02-28" }
    assert.deepStrictEqual(mismatches(schema, good), [])
    assert.deepStrictEqual(accepted(schema, good), good)
    assert.deepStrictEqual(accepted(schema, { ...good, quantity: 12.5 }), good)
    assert.deepStrictEqual(accepted(schema, { account_id, symbol: "SPY", quantity: 1, as_of_date: null }), {
      account_id,
      symbol: "SPY",
      quantity: "1"
    })
    // Not exact, or no decimal: the decoder has to say so.
    for (const quantity of [1e21, 123456789012.1234, Number.NaN, true, null]) {
      assert.deepStrictEqual(accepted(schema, { ...good, quantity }), { ...good, quantity })
    }
  })
})
