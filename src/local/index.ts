/** A Data API of one's own: in this process, or over HTTP for the AWS SDKs; nothing here knows of Alex. */

export { defaultLimits, type Limits } from "./EngineLimits.ts"
export * as Engine from "./engine/Engine.ts"
export { type PositionalStatement, toPositional } from "./engine/NamedParameters.ts"
export type { ResultSet, Session, SessionSource, Statement } from "./engine/Session.ts"
export * as FaultControl from "./faults/FaultControl.ts"
export { Fault, FaultPlan } from "./faults/FaultPlan.ts"
export { Faults } from "./faults/Faults.ts"
export * as Clusters from "./http/Clusters.ts"
export { HttpServer, type HttpServerOptions, type RequestLog } from "./http/HttpServer.ts"
export { ListenError } from "./http/Listener.ts"
export * as LocalDataApi from "./LocalDataApi.ts"
export { LocalDataApiError } from "./LocalDataApiError.ts"
