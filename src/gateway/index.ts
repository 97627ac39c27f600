/** PostgreSQL's protocol in front of the Data API; nothing here knows of Alex. */
export * as Gateway from "./Gateway.ts"
