/** The RDS Data API, and `effect/sql` on it, for any database: nothing here depends on Alex's schema. */
export * as AwsDataApi from "./aws/AwsDataApi.ts"
export * as HttpDataApi from "./aws/HttpDataApi.ts"
export * from "./everyRuntime.ts"
