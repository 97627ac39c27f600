/** What agents need: JSON Schemas of what they read and write, tools over the repositories, an MCP server. */

export { BoundJob, type Grant, Granted, grants, isGrant } from "./Grants.ts"
export {
  type Described,
  type Dialect,
  dialects,
  isSchemaName,
  schemas
} from "./JsonSchemas.ts"
export * as McpServer from "./McpServer.ts"
export { type SchemaName, schemaNames } from "./schemaNames.ts"
export { layer } from "./ToolHandlers.ts"
export {
  CurrentUser,
  PortfolioReading,
  ReadTools,
  ToolFailure,
  Tools,
  toolsFor,
  WriteTools
} from "./Tools.ts"
export { type ToolDialect, toolDefinitions, toolDialects } from "./toolDefinitions.ts"
