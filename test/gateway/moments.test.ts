/** A text that names the time at which PostgreSQL reads it is sent as a new one each time, and no other text is. */
import { assert, it } from "vitest"
import { namesMoment } from "../../src/gateway/session/settings/Settings.ts"

it("a literal that means the present is found, however it is written", () => {
  for (const sql of [
    "select 'now'::timestamptz",
    "select timestamptz 'Now'",
    "select E'now'::timestamptz",
    "select $$now$$::timestamptz",
    "select $tag$today 04:00$tag$::timestamp",
    "insert into t values ('tomorrow')",
    "select '{yesterday,today}'::date[]",
    "select 'now()'::timestamptz",
    "select 'it''s', 'now'::time",
    "-- don't\nselect 'now'::date"
  ])
    assert.isTrue(namesMoment(sql), sql)
})

it("a function, a name or a comment beside a literal is none, so that the statement stays prepared", () => {
  for (const sql of [
    "update jobs set status = 'done', updated_at = now() where id = $1",
    "insert into t (name, at) values ('x', now())",
    "select 'a' as today",
    `select 'a', "now" from t`,
    "select 'a' -- now\n",
    "-- don't\nselect now()",
    "select 'nowhere', 'renown'"
  ])
    assert.isFalse(namesMoment(sql), sql)
})
