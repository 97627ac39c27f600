/** PostgreSQL's protocol in front of the Data API; it does not depend on Alex's schema. */
export * as Gateway from "./Gateway.ts"
