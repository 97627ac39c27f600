/** `alex-db schema`: what agents and commands read and write, as JSON Schema. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Dialect } from "../../agent/schemas/JsonSchemas.ts"
import { schemaNames } from "../../agent/schemas/schemaNames.ts"
import { print, printJson } from "../output/text.ts"
import { root } from "../root.ts"

/** Names that print several schemas: the reports of the commands, the tools, the payloads that agents answer with. */
const others = ["reports", "tools", "payloads"] as const

/** The subset of JSON Schema that a provider of tools takes for an answer. */
const subsets = { "openai-chat": "openai", bedrock: "anthropic", gemini: "anthropic", mcp: "json-schema" } as const

type Asked = Dialect | keyof typeof subsets

const isProvider = (dialect: Asked): dialect is keyof typeof subsets => Object.hasOwn(subsets, dialect)

const subsetOf = (dialect: Asked): Dialect => (isProvider(dialect) ? subsets[dialect] : dialect)

export const schema = Command.make(
  "schema",
  {
    name: Argument.Literals("name", [...schemaNames, ...others]).pipe(
      Argument.withDescription("The schema to print; all names are listed without it"),
      Argument.optional
    ),
    dialect: Flag.Literals("dialect", [
      "json-schema",
      "openai",
      "openai-chat",
      "anthropic",
      "bedrock",
      "gemini",
      "mcp"
    ]).pipe(
      Flag.withDescription(
        "JSON Schema 2020-12, or what a provider accepts of it: OpenAI in strict mode (tools: Responses, or Chat Completions), Anthropic, Bedrock, Gemini, MCP"
      ),
      Flag.withDefault("json-schema")
    )
  },
  Effect.fnUntraced(function* ({ dialect, name }) {
    const { json } = yield* root
    if (Option.isNone(name)) return yield* print(json, [...schemaNames, ...others], (names) => names.join("\n"))
    if (name.value === "tools") {
      const { toolDefinitions } = yield* Effect.promise(() => import("../../agent/tools/toolDefinitions.ts"))
      return yield* printJson(toolDefinitions(dialect === "json-schema" ? "mcp" : dialect))
    }
    if (name.value === "reports") {
      const { reportSchemas } = yield* Effect.promise(() => import("../output/reports.ts"))
      return yield* printJson(reportSchemas())
    }
    if (name.value === "payloads") {
      const { payloads } = yield* Effect.promise(() => import("../../agent/payloads/decodePayload.ts"))
      const all = Object.entries(payloads).map(([kind, of]) => [kind, of(subsetOf(dialect)).jsonSchema])
      return yield* printJson(Object.fromEntries(all))
    }
    const { schemas } = yield* Effect.promise(() => import("../../agent/schemas/JsonSchemas.ts"))
    yield* printJson(schemas[name.value](subsetOf(dialect)).jsonSchema)
  })
).pipe(
  Command.withDescription(
    "List the JSON Schemas of what agents read and write and of what commands report, or print one"
  ),
  Command.withExamples([
    { command: "alex-db schema portfolio-analysis --dialect openai", description: "For an agent's answer" },
    { command: "alex-db schema tools --dialect bedrock", description: "The tools, for a loop on Bedrock's Converse" },
    { command: "alex-db schema payloads --dialect openai", description: "What agents answer with, for decodePayload" },
    { command: "alex-db schema reports", description: "What each command prints with --json" }
  ])
)
