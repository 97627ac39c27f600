/** Clients are told of each change of a setting that they know by ParameterStatus, when PostgreSQL tells them. */
import { describe, layer } from "@effect/vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { asksTheSame, type Conversation } from "./Conversations.ts"
import { bind, execute, parse, query, sync } from "./RawClient.ts"
import { layer as gateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

/** What the server's own settings need not be the same for. */
const ofBoth = { TimeZone: "UTC", application_name: "both" }

const asked = (...texts: ReadonlyArray<string>): Conversation => texts.map((text) => [query(text)])

const conversations: Readonly<Record<string, Conversation>> = {
  "SET LOCAL, and its end": [
    ...asked(
      "begin",
      "set local timezone to 'Asia/Tokyo'",
      "set local time zone 'Europe/Paris'",
      "commit",
      "show timezone"
    ),
    ...asked("begin", "set local datestyle to german", "set local intervalstyle to iso_8601", "rollback"),
    ...asked(
      "set timezone to 'UTC'",
      "begin",
      "set local timezone to 'Asia/Tokyo'",
      "set timezone to 'Europe/Berlin'",
      "commit",
      "reset timezone"
    ),
    ...asked("begin", "set local timezone to 'Asia/Tokyo'", "set local timezone to default", "rollback"),
    ...asked("begin", "set local timezone to 'Asia/Tokyo'", "reset timezone", "rollback"),
    ...asked(
      "set local timezone to 'Asia/Tokyo'",
      "show timezone",
      "begin; set local timezone to 'Asia/Tokyo'; commit"
    ),
    ...asked("begin; set local timezone to 'Asia/Tokyo'", "commit"),
    ...asked("begin", "set local application_name to 'one'", "set local standard_conforming_strings to off", "commit"),
    ...asked("begin", "set local work_mem to '8MB'", "set local search_path to pg_catalog", "commit")
  ],
  savepoints: [
    ...asked(
      "begin",
      "savepoint a",
      "set local timezone to 'Asia/Tokyo'",
      "savepoint b",
      "set timezone to 'Europe/Paris'"
    ),
    ...asked("rollback to b", "release b", "rollback to a", "set local timezone to 'Asia/Tokyo'", "release a", "commit")
  ],
  "set_config within a transaction": asked(
    "begin",
    "select set_config('timezone', 'Asia/Tokyo', true)",
    "select set_config('TimeZone', 'Europe/Paris', true), set_config('datestyle', 'german', true)",
    "rollback",
    "select set_config('timezone', 'Asia/Tokyo', true)",
    "begin",
    "select set_config('timezone', 'Asia/Tokyo', false)",
    "commit",
    "reset all"
  ),
  "RESET ALL within a transaction": [
    ...asked("begin", "set local datestyle to german", "set local work_mem to '8MB'", "set transaction read only"),
    ...asked("select set_config('intervalstyle', 'iso_8601', true)", "set timezone to 'Asia/Tokyo'", "reset all"),
    ...asked("show datestyle", "show work_mem", "show intervalstyle", "show timezone", "show transaction_read_only"),
    ...asked("savepoint a", "set local datestyle to sql", "rollback to a", "reset all", "commit")
  ],
  "a failure, which takes back what the transaction has set": [
    ...asked("begin", "set timezone to 'Asia/Tokyo'", "select 1/0", "rollback"),
    ...asked("begin", "set local timezone to 'Asia/Tokyo'", "select 1/0", "commit"),
    ...asked("begin", "set timezone to 'Asia/Tokyo'", "savepoint a", "set timezone to 'Europe/Paris'", "select 1/0"),
    ...asked("rollback to a", "show timezone", "select 1/0", "rollback"),
    [query("begin")],
    [parse("", "set local timezone to 'Asia/Tokyo'"), bind("", ""), execute(""), sync],
    [parse("", "select * from nowhere"), bind("", ""), execute(""), sync],
    [query("rollback")]
  ]
}

describe.skipIf(serverUrl === "")("through the gateway", () => {
  for (const wholeSession of [false, true])
    layer(gateway(serverUrl, { password: "trust", wholeSession }), { timeout: "60 seconds" })(
      `reported settings${wholeSession ? ", in one transaction" : ""}`,
      (it) => {
        for (const [name, groups] of Object.entries(conversations)) it.effect(name, () => asksTheSame(groups, ofBoth))
      }
    )
})
