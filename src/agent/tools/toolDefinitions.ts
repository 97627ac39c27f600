/** The tools as each provider's API takes them, for an agent loop of your own. */
import * as Tool from "effect/ai/Tool"
import { argumentsOf } from "../calls/ToolCalls.ts"
import { type Grant, grants } from "./Grants.ts"
import { toolsFor } from "./Tools.ts"

/**
 * The APIs for which there are definitions of the tools: OpenAI's Responses API and its Chat Completions, Anthropic's
 * Messages, Bedrock's Converse, Gemini, MCP.
 */
export const toolDialects = ["openai", "openai-chat", "anthropic", "bedrock", "gemini", "mcp"] as const
/** One of {@link toolDialects}. */
export type ToolDialect = (typeof toolDialects)[number]

const definitionOf = (tool: Tool.Any, dialect: ToolDialect): object => {
  const { name } = tool
  const description = Tool.getDescription(tool) ?? ""
  const schema = argumentsOf(tool)
  switch (dialect) {
    case "openai":
      // Strict mode would make every argument required, and does not allow objects with arbitrary keys.
      return { type: "function", name, description, parameters: schema, strict: false }
    case "openai-chat":
      return { type: "function", function: { name, description, parameters: schema, strict: false } }
    case "anthropic":
      return { name, description, input_schema: schema }
    case "bedrock":
      return { toolSpec: { name, description, inputSchema: { json: schema } } }
    case "gemini":
      return { name, description, parametersJsonSchema: schema }
    case "mcp":
      return { name, description, inputSchema: schema }
  }
}

/**
 * The definitions of the tools that these grants allow; all grants by default. The schemas are the same in every
 * dialect and contain nothing that a provider refuses; arguments are still decoded strictly.
 *
 * @example
 * ```ts
 * import { toolDefinitions } from "alex-database/agent"
 *
 * const tools = toolDefinitions("openai", new Set(["results"]))
 * // [{ type: "function", name: "search_instruments", description: "...", parameters: {...}, strict: false }, ...]
 * ```
 */
export const toolDefinitions = (
  dialect: ToolDialect,
  granted: ReadonlySet<Grant> = new Set(grants)
): ReadonlyArray<object> => toolsFor(granted).map((tool) => definitionOf(tool, dialect))
