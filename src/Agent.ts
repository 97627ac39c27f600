/**
 * The tools for agents, for a loop of your own or as an MCP server, and JSON Schemas of what the tools read and write.
 */
export * from "./agent/index.ts"
export { type OpenTools, type OpenToolsOptions, openTools, type ToolAnswer } from "./OpenTools.ts"
