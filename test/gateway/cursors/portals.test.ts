/** Portals: those of Bind, and those that cursors of DECLARE are. */
import { describe, layer } from "@effect/vitest"
import * as TestDatabase from "../../TestDatabase.ts"
import { asksTheSame, type Conversation } from "../Conversations.ts"
import { bind, close, describe as describeMessage, execute, parse, query, sync } from "../RawClient.ts"
import { layer as gateway, layerEmbedded } from "../TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

/** Parses, binds and executes a statement. */
const ran = (text: string, values: ReadonlyArray<string> = [], results: ReadonlyArray<number> = []) => [
  parse("", text),
  bind("", "", values, { results }),
  describeMessage("P", ""),
  execute("")
]

const asked = (...texts: ReadonlyArray<string>): Conversation => texts.map((text) => [query(text)])

const conversations: Readonly<Record<string, Conversation>> = {
  "a cursor WITH HOLD takes parameters": [
    [
      ...ran("declare h cursor with hold for select $1::int + g as n, $2::text from generate_series(1, 3) g", [
        "5",
        "x"
      ]),
      sync
    ],
    [...ran("fetch 2 from h"), sync],
    [...ran("fetch all in h", [], [1]), sync],
    [...ran("declare one cursor with hold for select $1::text", ["5"]), ...ran("fetch forward 5 in one"), sync],
    [
      ...ran("declare none cursor with hold for select from generate_series(1, $1::int)", ["2"]),
      ...ran("fetch 5 from none"),
      sync
    ],
    [...ran("declare bad cursor with hold for select 1 / $1::int", ["0"]), sync],
    ...asked("begin"),
    [...ran("declare inside scroll cursor with hold for select g from generate_series(1, $1::int) g", ["4"]), sync],
    ...asked("fetch 2 from inside", "commit", "fetch 1 from inside", "fetch backward 2 from inside", "fetch 2 from bad")
  ],
  "Close ends a cursor of DECLARE": [
    ...asked("declare h cursor with hold for select g from generate_series(1, 3) g"),
    [describeMessage("P", "h"), close("P", "h"), sync],
    [describeMessage("P", "h"), sync],
    ...asked("fetch h", "declare h cursor with hold for select 2", "fetch h", "begin", "declare k cursor for select 1"),
    [close("P", "k"), close("P", "nobody"), sync],
    ...asked(
      "declare k cursor for select 2",
      "fetch k",
      "commit",
      "begin",
      "declare k cursor for select 3",
      "savepoint s",
      "select 1/0"
    ),
    [close("P", "k"), sync],
    ...asked("rollback"),
    ...asked("begin", 'declare "A ""b""" cursor for select 1'),
    [close("P", 'A "b"'), sync],
    ...asked('fetch "A ""b"""', "rollback")
  ],
  "Execute reads a cursor of DECLARE": [
    ...asked("begin", "declare k cursor for select g, 'x' || g as x from generate_series(1, 5) g"),
    [execute("k", 2), sync],
    ...asked("fetch k"),
    [execute("k", 0), sync],
    [execute("k", 0), sync],
    ...asked("rollback", "declare h cursor with hold for select g from generate_series(1, 3) g"),
    [execute("h", 1), execute("h", 1), sync],
    [execute("h"), sync],
    [execute("nobody"), sync]
  ],
  "Bind takes no name of a cursor": [
    ...asked("begin", "declare k cursor for select 1"),
    [parse("", "select 2"), bind("k", ""), sync],
    ...asked("rollback", "declare h cursor with hold for select 1"),
    [parse("", "select 2"), bind("h", ""), sync],
    ...asked("close h", "begin"),
    [parse("", "select 2"), bind("h", ""), execute("h"), sync],
    ...asked("rollback")
  ],
  "a portal that returns no rows runs once": [
    ...asked("set client_min_messages to error", "drop table if exists once", "create table once (a serial, b text)"),
    ...[
      "insert into once (b) values ('x')",
      "create table if not exists once (a int)",
      "begin",
      "rollback",
      "select 1",
      "",
      "explain (costs off) select 1"
    ].map((text) => [parse("", text), bind("", ""), execute(""), execute(""), sync]),
    [
      ...[parse("", "insert into once (b) values ('y'), ('z') returning b"), bind("", "")],
      ...[execute("", 1), execute("", 1), execute("", 1), execute(""), sync]
    ],
    ...asked("select string_agg(b, null order by a) from once", "drop table once")
  ],
  "a portal ends with its transaction": [
    [parse("five", "select g from generate_series(1, 5) g"), sync],
    [bind("p", "five"), sync],
    [execute("p"), sync],
    [describeMessage("P", "p"), sync],
    ...["commit", "rollback", "commit and chain", "rollback and chain"].flatMap(
      (end): Conversation => [
        ...asked("begin"),
        [bind("p", "five"), execute("p", 2), sync],
        ...asked(end, "begin"),
        [bind("p", "five"), execute("p", 1), sync],
        [execute("p", 1), sync],
        ...asked("rollback", "begin"),
        [execute("p"), sync],
        ...asked("rollback")
      ]
    ),
    ...asked("begin"),
    [bind("p", "five"), execute("p", 2), sync],
    ...asked("savepoint s"),
    [execute("p", 1), sync],
    ...asked("rollback to s", "select 'between'"),
    [execute("p", 1), sync],
    [bind("p", "five"), sync],
    ...asked("rollback"),
    [parse("", "begin"), bind("", ""), execute(""), bind("p", "five"), execute("p", 1), sync],
    [execute("p", 1), parse("", "commit"), bind("", ""), execute(""), execute("p"), sync]
  ],
  "a number that no parameter has": [
    [parse("", "select $2::int"), describeMessage("S", ""), sync],
    [parse("", "select $2::int", [23]), describeMessage("S", ""), sync],
    [parse("", "select $3::int, $1::int", [0, 705]), sync],
    [parse("", "select $2::int, $1"), describeMessage("S", ""), sync],
    [parse("", "select 1", [23, 25]), describeMessage("S", ""), bind("", "", ["1", "x"]), execute(""), sync]
  ]
}

describe.skipIf(serverUrl === "")(TestDatabase.onPostgres("through the gateway"), () => {
  for (const [where, front] of [
    ["a portal", gateway(serverUrl, { password: "trust" })],
    ["a portal on an embedded database", layerEmbedded(serverUrl, { password: "trust" })]
  ] as const) {
    layer(front, { timeout: "60 seconds" })(where, (it) => {
      for (const [name, groups] of Object.entries(conversations)) it.effect(name, () => asksTheSame(groups))
    })
  }
})
