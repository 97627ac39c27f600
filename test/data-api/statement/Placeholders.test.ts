import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import * as Placeholders from "../../../src/data-api/statement/Placeholders.ts"

const { bare, castTo } = Placeholders

const template = (sql: string) => Result.getOrThrow(Placeholders.fromNumbered(sql))
const named = (sql: string, ...names: ReadonlyArray<string>) => Placeholders.fromNamed(sql, names)
/** The text with every value placed bare. */
const text = (sql: string) => Placeholders.render(template(sql), [])
const refusal = (parsed: Result.Result<unknown, string>) => (Result.isFailure(parsed) ? parsed.failure : "accepted")

it("a value is placed bare, with a cast in parentheses, or as a literal, at each of its places", () => {
  const parsed = template("call f($2, $1, $2)")
  assert.strictEqual(Placeholders.render(parsed, []), "call f(:p2, :p1, :p2)")
  assert.strictEqual(Placeholders.render(parsed, [castTo("int4"), bare]), "call f(:p2, (:p1::int4), :p2)")
  const literal: Placeholders.Placement = { _tag: "Literal", text: "NULL" }
  assert.strictEqual(Placeholders.render(parsed, [literal, castTo("text")]), "call f((:p2::text), NULL, (:p2::text))")
  assert.strictEqual(parsed.count, 2)
  assert.deepStrictEqual([...parsed.repeated], [1])
  assert.strictEqual(template("select $3").count, 3)
})

it("a value that is a result column by itself keeps the name of one, whatever its type", () => {
  const named = (sql: string) => text(sql).split(' as "?column?"').length - 1
  const results = [
    "select $1",
    "SELECT /* a */ $1 -- b",
    "select all $1 from t",
    "select distinct $1 order by 1",
    "select (select $1)",
    "select (a, b), $1 from t",
    "select f(a, b), (array[1, 2])[1], $1;",
    "with a as (select b from t order by b) select a, $1 from a",
    "select a from t group by a, b union select $1",
    "insert into t (a, b) values ($1, $2) returning $1",
    "insert into t select $1 on conflict do nothing",
    ...[
      "from t",
      "where true",
      "group by a",
      "having true",
      "window w as ()",
      "limit 1",
      "offset 0",
      "for update",
      "fetch first row only"
    ].map((rest) => `select $1 ${rest}`),
    ...["intersect", "except", "union all"].map((rest) => `select a, $1 ${rest} select 1, 2`)
  ]
  for (const sql of results) assert.strictEqual(named(sql), 1, sql)
  const others = [
    'select $1 as a, $2 b, $3 "c"',
    'select $1::int, cast($2 as int), $3 + 1, -$4, $5 is null, $6 collate "C", ($7).a, $8[1]',
    "select array[$1, $2, $3], f($1, $2, $3), ($1, $2, $3)",
    "select a from t where a in ($1, $2, $3) order by a, $1, b",
    "select count(*) from t group by a, $1, b",
    "select row_number() over (partition by a, $1, b)",
    "values ($1, $2, $3)",
    "select * from t where a operator(pg_catalog.=) $1 limit 1",
    "update t set a = $1, b = $2",
    "select '$1', \"select $1\" from t limit $1"
  ]
  for (const sql of others) assert.strictEqual(named(sql), 0, sql)
})

it("a value is cast only where every one of its placeholders is", () => {
  const uncast = (sql: string) => [...template(sql).uncast]
  assert.deepStrictEqual(uncast("select $1::int, $2 :: text, cast($3 as date), CAST ( $4 /* a */ AS time)"), [])
  assert.deepStrictEqual(uncast("select $1::int, $1"), [0])
  assert.deepStrictEqual(uncast("select $1, $2::int"), [0])
  assert.deepStrictEqual(uncast("select f($1 as a), cast(1 + $2 as int), $3 as b"), [0, 1, 2])
})

it("what looks like a placeholder in a string, a name or a comment is none", () => {
  for (const sql of ["'$1 :a'", '"$1 :a"', "/* $1 :a */ 1", "1 -- $1 :a", "$$ $1 $$", "a$1"]) {
    assert.strictEqual(text(`select ${sql}`), `select ${sql}`)
    assert.deepStrictEqual([...template(`select ${sql}`).parameters], [])
  }
})

it("a dollar quote in which the service would misread something is quoted plainly", () => {
  assert.strictEqual(text("do $$ a := 'b' $$"), "do ' a := ''b'' '")
  assert.strictEqual(text("do $x$ -- a\n$x$"), "do ' -- a\n'")
  assert.strictEqual(text("do $x$ /* $x$"), "do ' /* '")
  assert.strictEqual(text('do $x$ "a" $x$'), "do ' \"a\" '")
  assert.strictEqual(text("do $x$ a - b / c $x$"), "do $x$ a - b / c $x$")
})

it("the colon of a slice is kept away from its bound, and that of an argument is not touched", () => {
  assert.strictEqual(text("select a[1:2]"), "select a[1 : 2]")
  assert.strictEqual(text("select a[b:c], a[:c], a[$1:c]"), "select a[b : c], a[ : c], a[:p1 : c]")
  assert.strictEqual(text("select (a)[(1):b]"), "select (a)[(1) : b]")
  assert.strictEqual(text("select f(a := $1)"), "select f(a := :p1)")
  const slice = Result.map(named("select a[:high], b[case when true then :low end]", "low"), (parsed) =>
    Placeholders.render(parsed, [])
  )
  assert.strictEqual(refusal(slice), "accepted")
  assert.strictEqual(Result.getOrThrow(slice), "select a[ : high], b[case when true then :p1 end]")
})

it("lists begin where their length does not matter", () => {
  const lists = (sql: string) => template(sql).lists.map(({ at, rows }) => `${at}${rows ? " rows" : ""}`)
  assert.deepStrictEqual(lists("select $1 where a in ($2, $3) and b not IN ($4)"), ["1", "3"])
  assert.deepStrictEqual(lists("insert into a values ($1, $2), ($3, $4)"), ["0 rows"])
  assert.deepStrictEqual(lists("select 1 where (a, b) in (($1, $2), ($3, $4))"), ["0 rows"])
  assert.deepStrictEqual(lists("select f($1), ($2), array[$3]"), [])
})

it("a placeholder of the other kind, one without a value and a value without a placeholder are refused", () => {
  assert.include(refusal(Placeholders.fromNumbered("select :a")), ":a is not a placeholder here: write $1")
  for (const none of ["$0", "$65536"]) {
    assert.strictEqual(refusal(Placeholders.fromNumbered(`select ${none}`)), `There is no parameter ${none}.`)
  }
  assert.strictEqual(refusal(Placeholders.fromNumbered("select $65535")), "accepted")
  assert.strictEqual(refusal(named("select $1", "a")), "$1 is not a placeholder here: write :name.")
  assert.strictEqual(refusal(named("select :a, :c", "a", "b")), "No value was given for :c.")
  assert.strictEqual(refusal(named("select :b", "a", "b", "c")), "The statement has no placeholder :a, :c.")
  assert.deepStrictEqual(Result.getOrThrow(named("select :b, :a, :b", "a", "b")).parameters, [1, 0, 1])
})

it("a statement may have three hundred thousand names", () => {
  const names = Array.from({ length: 300_000 }, (_, index) => `n${index}`)
  const parsed = Result.getOrThrow(
    Placeholders.fromNamed(`select ${names.map((name) => `:${name}`).join()}`, names.toReversed())
  )
  assert.strictEqual(parsed.count, names.length)
  assert.strictEqual(parsed.parameters[0], names.length - 1)
  assert.strictEqual(parsed.parameters.at(-1), 0)
})

it("a name that is given twice stands for the first, so that the second is one too many", () => {
  assert.strictEqual(refusal(named("select :a", "a", "a")), "The statement has no placeholder :a.")
})
