/** What agents need: JSON Schemas of what they read and write, tools over the repositories, an MCP server. */
export {
  type Described,
  type Dialect,
  dialects,
  isSchemaName,
  schemas
} from "./JsonSchemas.ts"
export * as McpServer from "./McpServer.ts"
export { type SchemaName, schemaNames } from "./schemaNames.ts"
export {
  AllowWrites,
  CurrentUser,
  layer,
  PortfolioReading,
  ReadTools,
  ToolFailure,
  Tools,
  WriteTools
} from "./Tools.ts"
