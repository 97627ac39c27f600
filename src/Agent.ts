/**
 * What agents need: tools for a loop of one's own, the same as an MCP server, and JSON Schemas of what they read and
 * write.
 */
export * from "./agent/index.ts"
export { type OpenTools, type OpenToolsOptions, openTools, type ToolAnswer } from "./OpenTools.ts"
