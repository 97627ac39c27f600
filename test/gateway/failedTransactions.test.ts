/** What a failed transaction answers: syntax errors before its own refusal, as PostgreSQL does. */
import { describe, layer } from "@effect/vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { asksTheSame, type Conversation } from "./Conversations.ts"
import { bind, close, describe as describeMessage, execute, parse, query, sync } from "./RawClient.ts"
import { layer as gateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

const asked = (...texts: ReadonlyArray<string>): Conversation => texts.map((text) => [query(text)])
const failed: Conversation = [
  [parse("kept", "select 1 as a"), sync],
  ...asked("begin", "savepoint s", "select * from nowhere")
]

const conversations: Readonly<Record<string, Conversation>> = {
  "a beginning that fails": [
    ...asked("select 1; begin isolation level serializable; select 2", "rollback"),
    ...asked(
      "select 1; begin read only; select 2",
      "rollback",
      "begin; select 1",
      "begin isolation level serializable"
    ),
    [query("rollback")],
    [
      ...[parse("", "select 1"), bind("", ""), execute("")],
      ...[parse("", "begin isolation level serializable"), bind("", ""), execute(""), sync]
    ],
    [query("rollback")]
  ],
  "by the simple protocol": [
    ...failed,
    ...asked(
      "select 1",
      "selec 1",
      "select 1; selec",
      "select 'x",
      "select from where",
      "select * from nowhere",
      "",
      ";"
    ),
    ...asked(
      "insert into nowhere values (1) returning",
      "update",
      "commit now",
      "begin",
      "savepoint",
      "set a",
      "set timezone to utc"
    ),
    ...asked(
      "create table",
      "create table t (a int)",
      "show",
      "execute kept",
      "prepare p as selec",
      "copy t fro stdin",
      "vacuum",
      "listen"
    ),
    ...asked(
      "select $1",
      "select $1 1 1",
      "rollback to",
      "rollback to s",
      "select 1",
      "selec 1",
      "rollback; selec",
      "rollback"
    )
  ],
  "by the extended protocol": [
    ...failed,
    [parse("", "select 1"), bind("", ""), execute(""), sync],
    [parse("", "selec 1"), bind("", ""), execute(""), sync],
    [parse("", "select $1::int, $2"), bind("", "", ["1", "2"]), execute(""), sync],
    [parse("", "select $1 from where"), sync],
    [parse("", "insert into nowhere"), sync],
    [parse("", "set timezone to"), sync],
    [parse("", "set timezone to utc"), sync],
    [parse("", "create table t (a int)"), sync],
    [parse("", ""), bind("", ""), execute(""), sync],
    [bind("", "kept"), execute(""), sync],
    [describeMessage("S", "kept"), sync],
    [close("S", "kept"), sync],
    [parse("", "rollback to s"), bind("", ""), execute(""), sync],
    [parse("", "selec 1"), sync],
    [parse("", "rollback"), bind("", ""), execute(""), sync]
  ],
  "words after the end of a transaction": [
    ...asked("begin", "commit now", "rollback"),
    ...asked("begin", "rollback please", "rollback"),
    ...asked(
      "begin",
      "savepoint a b",
      "rollback",
      "begin now",
      "rollback",
      "end it",
      "abort it",
      "start transactions",
      "commit and chain it"
    ),
    ...asked("begin", "savepoint a", "release a b", "rollback", "begin", "savepoint a", "rollback to a b", "rollback")
  ]
}

describe.skipIf(serverUrl === "")("through the gateway", () => {
  layer(gateway(serverUrl, { password: "trust" }), { timeout: "60 seconds" })("a failed transaction", (it) => {
    for (const [name, groups] of Object.entries(conversations)) it.effect(name, () => asksTheSame(groups))
  })
})
