/** Errors of SET, RESET, DISCARD and COPY have PostgreSQL's words and its place in the statement. */
import { describe, layer } from "@effect/vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { asksTheSame } from "./Conversations.ts"
import { query } from "./RawClient.ts"
import { layer as gateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

const texts = {
  settings: [
    "set foo to 'x';",
    "set timezone to;",
    "set work_mem = 'abc';",
    "set datestyle to 'klingon';",
    "set client_encoding to;",
    "set client_encoding to 5;",
    "set client_encoding = 'utf8', 'b';",
    "set local;",
    "set session session authorization nobody;",
    "set transaction isolation level foo;",
    "set names 'foo';",
    "set time zone 'Mars/Base';",
    "set search_path = ;",
    "set timezone to 'a' 'b';",
    "reset;",
    "reset foo;",
    "reset all all;",
    "discard foo;",
    "begin;",
    "set timezone to;",
    "rollback;",
    "begin;",
    "set local foo;",
    "rollback;",
    "/* é */ set session /* ü */ timezone to 'a' 'b';",
    "begin;",
    "/* é */ set session /* ü */ timezone to 'a' 'b';",
    "rollback;",
    "set local timezone to 'Mars';",
    "set local work_mem to '1MB';",
    "set constraints nope deferred;",
    "set transaction read only;",
    "set local client_encoding to latin1;",
    "set local client_encoding to 'klingon';",
    "set transaction isolation level serializable; select 1;"
  ],
  "what is sent in other words": [
    `select ('[1, "2", null]'::jsonb)[1:2]`,
    `select ('[1, "2", null]'::jsonb)[:2], nothing`,
    "select (array[1, 2])[1:2], nothing",
    "select (array[1, 2])[1 : 2 ], (array[1])[:2], 'x' + nothing",
    "create table compos (f1 int, f2 text)",
    "create function f(v compos) returns void as $$\ninsert into compos values (v);  -- fail\n$$ language sql",
    "create function f() returns int as $é$ select 'it''s' || 'ü' || nothing -- it's $é$ language sql",
    "create function f() returns int as $b$ select 'a\\b', '\\', ':x', nothing $b$ language sql; select 1",
    "create function f() returns int as $$ select ':a', 1; selec $$ language sql",
    "do $$ begin perform ':a'; selec 1; end $$",
    "select $$a:b 'c'$$, nothing",
    "drop table compos"
  ],
  copy: [
    "copy pg_class to stdout with (format klingon);",
    "copy pg_class to stdout with (format csv, format text);",
    "copy pg_class to stdout with (delimiter 'ab');",
    "copy pg_class to stdout (encoding 'klingon');",
    "copy pg_class to stdout csv quote 'ab';",
    "copy pg_class (nocol) to stdout;",
    "copy (select 1 from nowhere) to stdout;",
    "copy nowhere to stdout;",
    "copy pg_class to stdout with (null 'a', null 'b');",
    "copy (selec 1) to stdout;",
    "copy pg_class to stdout with (freeze sometimes);",
    "copy pg_class to stdout binary csv;",
    "copy pg_class to stdout (header 5);",
    "copy pg_class to stdout (header 'xyz');",
    "copy pg_class to stdout (freeze 5);",
    "copy pg_class to stdout (delimiter);",
    "copy pg_class to stdout (encoding);",
    "copy pg_class to stdout (null);",
    "copy binary pg_class to stdout csv;",
    "/* é */ copy pg_class to stdout with (format csv, header, format csv);",
    "select 1; copy pg_class to stdout with (format csv, nope);",
    "copy pg_class to stdout csv header header;",
    "copy pg_class to stdout csv force quote oid force quote oid;",
    "copy pg_class to stdout delimiter as 'a' delimiter 'b';"
  ]
}

describe.skipIf(serverUrl === "")("through the gateway", () => {
  layer(gateway(serverUrl, { password: "trust" }), { timeout: "60 seconds" })("the places of errors", (it) => {
    for (const [what, all] of Object.entries(texts))
      it.effect(what, () => asksTheSame(all.map((text) => [query(text)])))
  })
})
