/** A session in which a backslash escapes within any string has the same answers as with a direct connection. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { bothWays } from "./BothWays.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

const texts: ReadonlyArray<string> = [
  "select 'a'::regclass",
  "select 'pg_class'::regclass, array['pg_class'::regclass]",
  "select '\\\\x00ff'::bytea, 'a\\\\000b'::bytea, array['\\\\x00ff'::bytea]",
  "select 1.1::float4, 0.1::float8 + 0.2, '{0.1}'::float8[]",
  "select 'it\\'s', 'a\\nb', E'c\\td', $$e\\f$$",
  "select 'a' as x, 'b' as x",
  "select 'a', $$b$$, null",
  "select 'sad'::mood, 'short'::short, row(1, 'a\\\\b')",
  "create table t (id int, b bytea, c regtype, d text, e text[])",
  "insert into t values (1, '\\\\x01', 'int4', 'd\\\\', array['\\\\', '\"'])",
  "insert into t values (2, '\\\\x02', 'bool', 'd\\'', '{\"\\\\\\\\\"}') returning *",
  "with changed as (update t set d = d || '\\\\' returning *) select * from changed",
  "values (1, 'a\\tb'::text), (2, 'pg_class'::regclass::text)",
  "select t from t order by id",
  "table t",
  'select c::oid > 0, b, d as "d\\" from t',
  "select '\\'; select 2 --'",
  "select regexp_replace('abc', '\\\\w', '\\\\\\\\', 'g'), 'a.c' ~ 'a\\\\.c'",
  "explain (costs off) select * from t where d = 'a\\'b'",
  "select 'a'\n'b\\'c', 'a\\'\n'b'",
  "select 'é😀\\'', nothing",
  "select 'é\\n' || '😀' from nowhere where 'a\\b'",
  "select 1 /* no end",
  "select 1; select 'no end",
  'select 1 as "no end',
  "insert into t (d) values ($$no end",
  "copy t from 'no end",
  "begin; select 'no end",
  "rollback",
  "declare c cursor for select 'no end",
  'savepoint "no end',
  "set search_path = 'no end",
  "select 'x'::int, '\\\\y'",
  "select '\\''; select 'b\\\\'; select wrong",
  "/* it's */ select 'a\\'' -- it's\n as \"it's\"",
  "prepare p as select 'a\\'' || $1",
  "execute p('\\\\')",
  "do 'begin create table made as select ''a\\\\tb'' as a; end'",
  "select a, length(a) from made",
  "show standard_conforming_strings",
  "set standard_conforming_strings to off; select 'a\\nb', E'c\\td', 'it''s\\b', nothing",
  "set standard_conforming_strings to off; select 'a\\nb', E'c\\td', 'it''s\\b', $$e\\f$$",
  "select 'a\\nb'",
  "set standard_conforming_strings to on; select 'a\\nb', 'c\\\\'",
  "select 'a\\nb'",
  "begin; set local standard_conforming_strings to off; select 'a\\nb'; select 'é\\'::text; commit",
  "select set_config('standard_conforming_strings', 'off', false), 'a\\nb'; select 'c\\nd'",
  "reset standard_conforming_strings; select 'a\\nb'",
  "select n'a\\nb', n'it\\'"
]

const prepared: ReadonlyArray<readonly [text: string, values: ReadonlyArray<unknown>]> = [
  ["select $1::regclass, 'it\\'s $2', $2::bytea", ["pg_class", "\\x0102"]],
  ["select '\\\\', $1::text, ':x\\':y'", ["\\'"]],
  ["select 0.1::float4, $1::float8, $2::text[]", [0.1, ["\\", "'"]]],
  ["insert into t (id, d) values ($1, '\\'' || $2) returning *", [3, "\\"]],
  ["select c, b, d from t where d <> $1 or d = 'x\\\\' order by id", ["\\"]]
]

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("where a backslash escapes"), () => {
  layer(gateway(TestDatabase.postgresUrl ?? ""), { excludeTestServices: true })((it) => {
    for (const setting of ["off", "on"])
      it.effect(`a session with standard_conforming_strings ${setting} has what a direct one has`, () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          const { direct, through } = yield* Effect.promise(() =>
            bothWays({ directUrl, url }, async (query) => {
              const answers = [await query(`set standard_conforming_strings = ${setting}`)]
              answers.push(await query("set escape_string_warning = off"))
              for (const text of texts) answers.push([text, await query(text)])
              for (const [text, values] of prepared) answers.push([text, await query(text, values)])
              return answers
            })
          )
          assert.deepStrictEqual(through, direct)
        })
      )
  })
})
