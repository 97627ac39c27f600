import { assert, describe, it } from "@effect/vitest"
import { splitStatements, tokenize } from "../../../src/data-api/statement/SqlLexer.ts"

const kinds = (sql: string) =>
  tokenize(sql)
    .filter((token) => token.kind !== "space")
    .map((token) => `${token.kind}:${sql.slice(token.start, token.end)}${token.unterminated ? "!" : ""}`)

describe("tokenize", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["a :b", ["word:a", "placeholder::b"]],
    [":1::int", ["placeholder::1", "cast:::", "word:int"]],
    ["f(x := 1)", ["word:f", "symbol:(", "word:x", "symbol::", "symbol:=", "number:1", "symbol:)"]],
    ["a[1:2]", ["word:a", "symbol:[", "number:1", "placeholder::2", "symbol:]"]],
    ["'a :b '' c'", ["string:'a :b '' c'"]],
    ["'a\\' || :b", ["string:'a\\'", "symbol:|", "symbol:|", "placeholder::b"]],
    ["E'a\\' :b'", ["string:E'a\\' :b'"]],
    ["E'a'\n'\\' :b' :c", ["string:E'a'\n'\\' :b'", "placeholder::c"]],
    ["E'a''\\' :b' :c", ["string:E'a''\\' :b'", "placeholder::c"]],
    ["e'a' \t\n '' :b", ["string:e'a' \t\n ''", "placeholder::b"]],
    ["E'a' 'b\\' :c", ["string:E'a'", "string:'b\\'", "placeholder::c"]],
    [
      "u & 'a' ue'b' x'1f' n'c' B'1'",
      ["word:u", "symbol:&", "string:'a'", "word:ue", "string:'b'", "string:x'1f'", "string:n'c'", "string:B'1'"]
    ],
    ["$ $a :b", ["symbol:$", "symbol:$", "word:a", "placeholder::b"]],
    ["U&'d\\0061' U&\"x\"", ["string:U&'d\\0061'", 'identifier:U&"x"']],
    ['"a"":b"', ['identifier:"a"":b"']],
    ["$$ :a $1 $$ $x$ $$ $x$", ["dollarString:$$ :a $1 $$", "dollarString:$x$ $$ $x$"]],
    ["a$b$c $1", ["word:a$b$c", "parameter:$1"]],
    [
      "/* a /* :b */ c */ :d -- :e\n:f",
      ["comment:/* a /* :b */ c */", "placeholder::d", "comment:-- :e", "placeholder::f"]
    ],
    ["1.5e-3 0xFF .5 1..2", ["number:1.5e-3", "number:0xFF", "number:.5", "number:1", "symbol:.", "number:.2"]],
    ["'open", ["string:'open!"]],
    ["$a$ open", ["dollarString:$a$ open!"]],
    ["/* open", ["comment:/* open!"]]
  ]
  for (const [sql, expected] of cases) {
    it(`reads ${JSON.stringify(sql)} as PostgreSQL does`, () => assert.deepStrictEqual(kinds(sql), [...expected]))
  }

  it("covers any text without gaps", () => {
    const text = cases.map(([sql]) => sql).join("\n;")
    assert.strictEqual(
      tokenize(text)
        .map((token) => text.slice(token.start, token.end))
        .join(""),
      text
    )
  })
})

describe("splitStatements", () => {
  it("splits only at semicolons that end a statement, and counts lines", () => {
    const script = `-- first; comment
create table a (x int); /* ; */
create function f() returns int language plpgsql as $body$
begin
  return 1; -- ;
end;
$body$;

create or replace function g(x int) returns int language sql
begin atomic
  select case when x > 1 then 1 else 0 end;
  select x;
end;
create rule r as on insert to a do also (insert into b values (1); insert into c values (2));
insert into a values (';'), (E'\\';');
;
-- nothing here
select 1`
    assert.deepStrictEqual(
      splitStatements(script).map((statement) => `${statement.line} ${statement.sql.slice(0, 12)}`),
      ["2 create table", "3 create funct", "9 create or re", "14 create rule ", "15 insert into ", "18 select 1"]
    )
  })

  it("splits at the semicolons of a transaction, and of what only names a routine or a block", () => {
    const texts = [
      ["begin", "select case when a then b end", "commit", "end"],
      ["drop function f", "alter function g rename to begin", "select 1"],
      ["create table begin (a int)", "create view function as select 1 as begin", "select ')'", "select 1"],
      ["create function f() returns int begin atomic select case when a then 1 end; end", "begin", "select 1"]
    ]
    for (const statements of texts) {
      assert.deepStrictEqual(
        splitStatements(`${statements.join("; ")};`).map(({ sql }) => sql),
        statements
      )
    }
  })

  it("splits a script of two million statements on one line in a pass over it", () => {
    const statements = splitStatements(`${"a;".repeat(2_000_000)}\nb`)
    assert.strictEqual(statements.length, 2_000_001)
    assert.deepStrictEqual(statements.at(-1), { sql: "b", line: 2 })
  })

  it("gives nothing for a script of comments", () => assert.deepStrictEqual(splitStatements("-- a;\n/* b; */ ;"), []))
})
