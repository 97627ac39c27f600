/** Client encodings: the octets that a client gets are those of a direct connection, and the same texts are stored. */
import { describe, layer } from "@effect/vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { asksTheSame, type Conversation } from "./Conversations.ts"
import {
  bind,
  copyData,
  copyDone,
  describe as describeMessage,
  execute,
  parse,
  query,
  queryOctets,
  raw,
  sync
} from "./RawClient.ts"
import { layer as gateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1")
const sql = (text: string): Buffer => queryOctets(latin1(text))
const bound = (text: string, values: ReadonlyArray<Buffer>, formats = {}) => [
  parse("", text),
  bind("", "", values, formats),
  describeMessage("P", ""),
  execute(""),
  sync
]
const inBinary = { parameters: [1], results: [1] }
const everyOctet = Buffer.from(Array.from({ length: 128 }, (_, index) => index + 128))
const refused = Array.from(everyOctet, (octet) =>
  queryOctets(Buffer.concat([latin1("select '"), Uint8Array.of(octet), latin1("'")]))
)

const named = (name: string): Conversation => [
  [query(`set client_encoding to ${name}`)],
  [query("show client_encoding")]
]

const spellings =
  `utf8 'UTF-8' unicode 'latin1' 'ISO-8859-1' iso_8859_5 'iso 8859 9' 'Windows-1252' "win1251" win alt koi8 tcvn vscii
'sql-ascii' foo '' 'Foo' 5 mule_internal default 'latin1x' 'win' e'latin1'`.split(/\s+(?=(?:[^']*'[^']*')*[^']*$)/)

const conversations: Readonly<Record<string, Conversation>> = {
  names: [
    ...spellings.flatMap(named),
    ...named("latin1, utf8"),
    [query("set names")],
    [query("set names 'latin2'")],
    [query("set session client_encoding = latin5")],
    [query("set names default")],
    [query("reset client_encoding")],
    [query("set names 'latin1'")],
    [query("discard all")],
    [query("set names 'latin1'")],
    [query("reset all")]
  ],
  transactions: [
    [query("begin")],
    [query("set client_encoding to latin1")],
    [query("savepoint a")],
    [query("set local client_encoding to win1252")],
    [sql("select '\x80'")],
    [query("rollback to a")],
    [sql("select '\xe9'")],
    [query("set local client_encoding to koi8r")],
    [query("show client_encoding")],
    [query("commit")],
    [query("show client_encoding")],
    [query("begin")],
    [query("set names 'win1251'")],
    [query("rollback")],
    [query("set local client_encoding to latin2")],
    [query("begin")],
    [query("set names 'nope'")],
    [query("rollback")],
    [sql("select '\xe9'")],
    [query("begin; set names 'utf8'; commit; select 'é'")],
    [query("begin")],
    [query("set local names 'latin1'")],
    [query("select 1/0")],
    [query("commit")]
  ],
  "texts, names and errors": [
    [query("set client_encoding to latin1")],
    [sql("select 'h\xe9' as \"\xe9t\xe9\", U&'\\00e9t'::varchar, 'x'::\"char\", array['\xe9', 'b']")],
    [sql("select 'caf\xe9'::int")],
    [sql('select * from "n\xe9ant"')],
    [sql("select '\xe9', 1/0")],
    [sql("select 'a' as \"\xe9\", x")],
    [query("select U&'\\20AC'")],
    [query('select 1 as U&"\\20AC"')],
    [query('select * from U&"\\20AC"')],
    [query("select 'a', U&'\\20AC' union all select 'b', 'c'")],
    bound("select $1::text, $2", [latin1("\xe9"), latin1("\xff")]),
    bound("select $1::text, $2::text[], $3::jsonb", [latin1("\xe9"), latin1("{\xe9,a}"), latin1('"\xe8"')]),
    bound("select $1::text, $2::varchar, $3::json", [latin1("\xe9"), latin1("\xe8"), latin1('"\xe8"')], inBinary),
    bound("select U&'\\20AC' where $1 = 'a'", [latin1("a")], inBinary),
    bound("select array['\u00e9', 'b'], row('x')::text where $1 = 'a'", [latin1("a")], inBinary),
    [parse("\u00e9", "select 1"), describeMessage("S", "\u00e9"), sync],
    [sql("select '\x00'")],
    bound("select $1::text", [latin1("a\0b")]),
    [query("set client_encoding to utf8")],
    [query("select 'é' as \"é\"")]
  ],
  "messages whose fields do not fill them": [
    [raw("Q", "select 1")],
    [raw("Q", "select 1\0\0")],
    [raw("Q", "")],
    [raw("P", "a\0select 1\0"), sync],
    [raw("P", "a\0select 1"), bind("", "a"), sync],
    [parse("", "select $1::text, $2::text"), raw("B", "\0\0\0\0\0\x02\0\0"), sync],
    [raw("D", "X\0"), sync],
    [raw("C", "X\0"), sync],
    [raw("D", "S"), sync],
    [raw("D", ""), sync],
    [raw("E", "\0"), sync],
    [raw("S", "more")],
    [query("begin")],
    [raw("Q", "select 1")],
    [query("rollback")],
    [query("select 1")]
  ],
  "a pipeline that changes it": [
    [
      query("set client_encoding to utf8"),
      sql("set client_encoding to latin1"),
      sql("select '\xe9'"),
      query("set client_encoding to utf8"),
      query("select 'é'")
    ].slice(0, 1),
    [
      parse("", "set client_encoding to latin1"),
      bind("", ""),
      execute(""),
      parse("", ""),
      bind("", ""),
      execute(""),
      sync
    ],
    [sql("select '\xe9'")]
  ],
  "octets that are none": [
    ...["utf8", "latin3", "win1252", "iso_8859_8", "sql_ascii"].flatMap((name) => [
      [query(`set client_encoding to ${name}`)],
      [sql("select 'a\xa5\x81'")],
      [sql("select '\xe9 b'")],
      bound("select $1::text", [latin1("\xa5")]),
      bound("select $1::text", [latin1("\x81")], inBinary)
    ])
  ],
  copies: [
    [query("create table copied (a text, b text)")],
    [query("set client_encoding to latin1")],
    [query("copy copied from stdin"), copyData(latin1("caf\xe9\tb\nx\\303\\251\t\xff\n")), copyDone],
    [query("copy copied to stdout")],
    [query("copy copied to stdout (encoding 'utf8')")],
    [query("copy copied to stdout (format csv, header, force_quote *)")],
    [query("copy (select 'é' as \"Ã©\") to stdout (format binary)")],
    [
      query("copy copied from stdin (encoding 'UTF8')"),
      copyData(Buffer.from("né\t")),
      copyData(Buffer.from("€\n").subarray(0, 2)),
      copyData(Buffer.from("€\n").subarray(2)),
      copyDone
    ],
    [query("copy copied to stdout")],
    [query("copy copied to stdout (encoding 'win1252')")],
    [query("set client_encoding to utf8")],
    [query("copy copied from stdin (encoding 'win1251')"), copyData(latin1("\xcf\xd0\t\x98\n")), copyDone],
    [query("copy copied from stdin (encoding 'windows-1251')"), copyData(latin1("\xcf\xd0\t\x99\n")), copyDone],
    [query("copy copied to stdout (encoding 'latin1')")],
    [query("select a || '' as a, b || '' as b from copied order by 1")],
    [query("copy copied from stdin"), copyData(latin1("caf\xe9 b\tc\n")), copyDone],
    [query("copy copied from stdin"), copyData(latin1("caf\xc3")), copyData(latin1("\xa9 b\tc\n")), copyDone],
    [query("drop table copied")]
  ]
}

const single =
  `latin1 latin2 latin3 latin4 latin5 latin6 latin7 latin8 latin9 latin10 iso_8859_5 iso_8859_6 iso_8859_7 iso_8859_8
win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258 win866 win874 koi8r koi8u`.split(/\s+/)

/** Every octet to a text, and every character of the Basic Multilingual Plane back to octets. */
const exact = (name: string): Conversation => [
  [query("set client_encoding to utf8")],
  [query(`set client_encoding to ${name}`)],
  ...refused.map((one) => [one])
]

describe.skipIf(serverUrl === "")("through the gateway", () => {
  layer(gateway(serverUrl, { password: "trust" }), { timeout: "120 seconds" })("client encodings", (it) => {
    for (const [name, groups] of Object.entries(conversations)) it.effect(name, () => asksTheSame(groups))
    for (const name of single)
      it.effect(`${name} is converted octet by octet as PostgreSQL does`, () => asksTheSame(exact(name)))
    it.effect("that of the startup message", () =>
      asksTheSame(
        [
          [query("show client_encoding")],
          [sql("select '\xe9'")],
          [query("set names 'utf8'")],
          [query("reset client_encoding")],
          [query("reset all")],
          [sql("select '\xe9'")]
        ],
        {
          client_encoding: "ISO-8859-15"
        }
      )
    )
  })
})
