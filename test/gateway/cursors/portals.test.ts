/** Portals: those of Bind, and those that cursors of DECLARE are. */
import { describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as TestDatabase from "../../TestDatabase.ts"
import { asksTheSame, type Conversation } from "../Conversations.ts"
import {
  bind,
  close,
  describe as describeMessage,
  execute,
  functionCall,
  int32,
  parse,
  query,
  RawClient,
  sync
} from "../RawClient.ts"
import { layer as gateway, layerEmbedded, TestGateway } from "../TestGateway.ts"

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
  "no portal outlives a COMMIT, in a transaction or not": ["commit", "rollback", "discard all"].flatMap(
    (text): Conversation => [
      [parse("", text), bind("", ""), execute(""), execute(""), sync],
      [parse("", text), bind("p", ""), execute("p"), describeMessage("P", "p"), sync]
    ]
  ),
  "Parse looks at a statement before its name": [
    [parse("taken", "select 1"), sync],
    [parse("taken", "selec 1"), sync],
    [parse("taken", "insert into nowhere values (1)"), bind("", "taken"), execute(""), sync],
    [parse("taken", "select $1", [0, 0]), sync],
    [parse("taken", "select 2"), sync],
    ...asked("begin", "select 1/0"),
    [parse("taken", "select 2"), sync],
    ...asked("rollback")
  ],
  "Parse forgets the unnamed statement, also if it fails": [
    [parse("", "select 1"), sync],
    [parse("", "selec 1"), sync],
    [bind("", ""), execute(""), sync]
  ],
  "a type is left open of a statement without parameters": [
    [parse("", "set application_name to 'x'", [23, 0]), sync],
    [parse("", "prepare q as select $1::int", [705]), sync],
    [parse("", "begin", [23]), sync],
    [parse("", "", [0]), sync]
  ],
  "Bind looks at the statement, its values and its portal's name in this order": [
    ...asked("begin"),
    [parse("one", "select $1::int"), bind("p", "one", ["1"]), sync],
    [bind("p", "nobody"), sync],
    ...asked("rollback", "begin"),
    [bind("p", "one", ["1"]), bind("p", "one"), sync],
    [bind("p", "one"), sync],
    [bind("p", "one", ["1"]), sync],
    ...asked("rollback", "begin"),
    [bind("p", "one", ["1"]), bind("p", "one", ["1"], { results: [0, 1] }), sync],
    [parse("", "rollback", [23]), bind("", "", ["1"]), sync],
    ...asked("rollback"),
    [bind("", "one", [null], { results: [1] }), execute(""), sync]
  ],
  "a call of a function in a failed transaction": [
    [functionCall(177, int32(1), int32(2))],
    ...asked("begin", "select 1/0"),
    [functionCall(177)],
    ...asked("rollback")
  ],
  "Bind knows the columns of what is not a query": [
    ...["show transaction_isolation", "explain (costs off) select 1", "set work_mem to '4MB'"].map((text) => [
      ...ran(text, [], [0, 1]),
      sync
    ]),
    ...asked("begin", "declare c cursor for select 1, 2"),
    [...ran("fetch c", [], [0, 1]), ...ran("fetch c", [], [0, 1, 0]), sync],
    ...asked("rollback")
  ],
  "the statements of a query are a block for DECLARE, those before a Sync are none": [
    ...asked(
      "declare c cursor for select g from generate_series(1, 3) g; fetch 2 from c; move c",
      "fetch c",
      "select 1; declare c cursor for select 2; declare c cursor for select 3",
      "declare c cursor for select 4"
    ),
    [...ran("select 1"), ...ran("declare c cursor for select 1"), sync],
    ...asked("declare c cursor with hold for select 1", "declare c cursor for select 2", "begin"),
    ...asked("declare c cursor for select 2", "rollback", "close c")
  ],
  "a cursor WITH HOLD stays closed": [
    ...asked("declare d cursor with hold for select 1", "close d; select 1/0", "fetch d"),
    ...asked(
      "declare d cursor with hold for select 1",
      "begin",
      "savepoint a",
      "close all",
      "rollback to a",
      "fetch d"
    ),
    ...asked("rollback", "fetch d", "declare d cursor with hold for select 1", "begin"),
    [close("P", "d"), sync],
    ...asked("rollback", "fetch d")
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

      it.effect("columns know their table after a READ ONLY transaction, which can't ask for it", () =>
        Effect.gen(function* () {
          const { directUrl, port } = yield* TestGateway
          const text = "select relname from pg_class limit 0"
          const client = yield* Effect.promise(() => RawClient.connect(port, new URL(directUrl).pathname.slice(1)))
          yield* Effect.promise(() => client.ask(query(`begin read only; ${text}; commit`)))
          yield* Effect.promise(() => client.kill())
          yield* asksTheSame(asked(text))
        })
      )
    })
  }
})
