/**
 * The RDS Data API where there is no Node: the same as `alex-database/data-api`, with `HttpDataApi` by `fetch` and Web
 * Crypto, and without `AwsDataApi`. Bundlers for Cloudflare Workers, Vercel's edge and browsers take it for that name.
 */
export * as HttpDataApi from "./aws/FetchDataApi.ts"
export * from "./everyRuntime.ts"
