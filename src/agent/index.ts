/** The tools for agents, an MCP server, and JSON Schemas of what agents read and write. */

export type { CallRecord } from "./calls/callTrail.ts"
export type { Handlers as ToolHandlers } from "./calls/ToolCalls.ts"
export * as McpServer from "./mcp/McpServer.ts"
export {
  type DecodedPayload,
  decodePayload,
  type PayloadKind,
  type Payloads,
  payloads
} from "./payloads/decodePayload.ts"
export {
  type Described,
  type Dialect,
  dialects,
  isSchemaName,
  schemas
} from "./schemas/JsonSchemas.ts"
export { type SchemaName, schemaNames } from "./schemas/schemaNames.ts"
export { BoundJob, type Grant, Granted, grants, isGrant } from "./tools/Grants.ts"
export { PortfolioReading, ReadTools } from "./tools/readTools.ts"
export { layer } from "./tools/ToolHandlers.ts"
export { Tools, toolsFor } from "./tools/Tools.ts"
export { type ToolDialect, toolDefinitions, toolDialects } from "./tools/toolDefinitions.ts"
export { CurrentUser, ToolFailure } from "./tools/toolParts.ts"
export { WriteTools } from "./tools/writeTools.ts"
