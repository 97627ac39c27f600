/**
 * The RDS Data API for runtimes without Node: `alex-database/data-api` with `HttpDataApi` by `fetch` and Web Crypto, and
 * without `AwsDataApi`. Bundlers for Cloudflare Workers, Vercel's edge and browsers resolve that name to this module.
 */
export * as HttpDataApi from "./aws/FetchDataApi.ts"
export * from "./everyRuntime.ts"
