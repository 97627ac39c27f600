/**
 * The Alex database where there is no Node: the domain, the repositories, and `DbLayer.layerDataApi` by `fetch`.
 * Bundlers for Cloudflare Workers, Vercel's edge and browsers resolve `alex-database` to it.
 */
export * as DbConfig from "./DbConfig.ts"
export * from "./domain/index.ts"
export * as DbLayer from "./EdgeDbLayer.ts"
export * from "./repository/services.ts"
