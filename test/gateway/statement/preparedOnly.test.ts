/** What Parse says of a statement that is not run, as editors, linters and PQprepare ask. */
import { describe, layer } from "@effect/vitest"
import * as TestDatabase from "../../TestDatabase.ts"
import { asksTheSame, type Conversation } from "../Conversations.ts"
import { bind, describe as describeMessage, execute, flush, parse, query, sync } from "../RawClient.ts"
import { layer as gateway, layerEmbedded } from "../TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

const asked = (...texts: ReadonlyArray<string>): Conversation => texts.map((text) => [query(text)])
const prepared = (...texts: ReadonlyArray<string>): Conversation =>
  texts.flatMap((text) => [
    [parse("", text), sync],
    [parse("", text), describeMessage("S", ""), sync]
  ])

const table: Conversation = asked(
  "set client_min_messages to error; drop table if exists kept cascade; create table kept (id serial primary key, name text not null, at date)",
  "create or replace procedure doing(a int) language sql as 'select 1'"
)

const conversations: Readonly<Record<string, Conversation>> = {
  "writes without parameters": [
    ...table,
    ...prepared(
      "insert into kept (name) values ('x', 'y')",
      "insert into kept (nope) values (1)",
      "update kept set nope = 1",
      "update kept set at = '2020-13-01'",
      "delete from missing",
      "delete from kept where name = 1",
      "insert into kept (name) values ('ü'), (nope)",
      "insert into kept (name) select",
      "insert into kept (name) values ('x');",
      "insert into kept (name) values (",
      "with a as (select 1 as b) delete from kept where id in (select c from a)",
      "merge into kept using missing on true when matched then delete",
      "insert into kept (name) values ('fine')"
    ),
    ...asked("select count(*) from kept")
  ],
  "commands, of which PostgreSQL parses the grammar, and the queries within": [
    ...table,
    ...prepared(
      "create tabel x (a int)",
      "create table x (a int b)",
      "create table kept (a missing)",
      "drop table missing",
      "alter table kept drop colum name",
      "explain select nope from kept",
      "explain (costs off) delete from missing",
      "create table made as select nope from kept",
      "create view seen as select nope from kept",
      "call doing(1",
      "declare c cursor for select nope from kept",
      "set timezone to",
      "grant nothing",
      "truncate",
      "vacuum missing",
      "do 'x'",
      "copy kept from stdin",
      "refresh materialized view missing"
    )
  ],
  "by PREPARE": [
    ...table,
    ...asked(
      "prepare p as insert into kept (nope) values (1)",
      "prepare p as delete from missing",
      "prepare p as insert into kept (name) values ('x')",
      "execute p",
      "deallocate p",
      "prepare q as create table fresh (a int)"
    )
  ],
  "in transactions": [
    ...table,
    ...asked("begin", "create table fresh (a int)"),
    [parse("", "insert into fresh values (1)"), sync],
    [parse("", "insert into fresh values (1, 2)"), sync],
    ...asked("select 1", "rollback"),
    [
      ...[parse("", "create table fresh (a int)"), bind("", ""), execute("")],
      ...[parse("", "insert into fresh values (1)"), bind("", ""), execute("")],
      ...[parse("named", "insert into fresh values (1)"), parse("other", "delete from fresh"), bind("", "other")],
      ...[execute(""), parse("last", "insert into fresh values (1, 2)"), flush, bind("", "named"), sync]
    ],
    ...asked("select * from fresh")
  ]
}

describe.skipIf(serverUrl === "")(TestDatabase.onPostgres("through the gateway"), () => {
  for (const [where, front] of [
    ["Parse alone", gateway(serverUrl, { password: "trust" })],
    ["Parse alone on an embedded database", layerEmbedded(serverUrl, { password: "trust" })]
  ] as const) {
    layer(front, { timeout: "60 seconds" })(where, (it) => {
      for (const [name, groups] of Object.entries(conversations)) it.effect(name, () => asksTheSame(groups))
    })
  }
})
