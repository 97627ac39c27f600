/** The command tags that clients read, each as PostgreSQL itself says it. */
import { assert, describe, it } from "@effect/vitest"
import pg from "pg"
import { statementsOf } from "../../../src/gateway/statement/ClientStatement.ts"
import { commandTag } from "../../../src/gateway/statement/CommandTag.ts"
import { onPostgres, postgresUrl } from "../../TestDatabase.ts"

/** Statements that can follow one another in one transaction, and what PostgreSQL answers to each. */
const tags: ReadonlyArray<readonly [sql: string, tag: string]> = [
  ["begin", "BEGIN"],
  ["create schema tag_test", "CREATE SCHEMA"],
  ["set local search_path to tag_test", "SET"],
  ["set constraints all deferred", "SET CONSTRAINTS"],
  ["create table a (id int primary key, as_of date)", "CREATE TABLE"],
  ["create temp table b (id int)", "CREATE TABLE"],
  ["create local temporary table c (id int)", "CREATE TABLE"],
  ["create global temporary table d (id int)", "CREATE TABLE"],
  ["create unlogged table e (id int)", "CREATE TABLE"],
  ["create table f as select 1 as id", "SELECT 1"],
  ["create table g as (select 1 as id)", "SELECT 1"],
  ["create table h (id) as values (1)", "SELECT 1"],
  ["create table i as table a with no data", "CREATE TABLE AS"],
  ["create or replace view j as select 1 as id", "CREATE VIEW"],
  ["create temporary recursive view k (n) as select 1", "CREATE VIEW"],
  ["create unique index l on a (as_of)", "CREATE INDEX"],
  ["create materialized view m as select 1 as id", "SELECT 1"],
  ["create materialized view n as select 1 as id with no data", "CREATE MATERIALIZED VIEW"],
  ["create role tag_role", "CREATE ROLE"],
  ["create user tag_user", "CREATE ROLE"],
  ["alter group tag_role add user tag_user", "ALTER ROLE"],
  ["alter default privileges grant select on tables to public", "ALTER DEFAULT PRIVILEGES"],
  ["create function p() returns trigger language plpgsql as 'begin return new; end'", "CREATE FUNCTION"],
  ["create trigger q before insert on a for each row execute function p()", "CREATE TRIGGER"],
  ["create constraint trigger r after insert on a for each row execute function p()", "CREATE TRIGGER"],
  ["create function s() returns event_trigger language plpgsql as 'begin end'", "CREATE FUNCTION"],
  ["create event trigger tag_event on ddl_command_end execute function s()", "CREATE EVENT TRIGGER"],
  ["drop event trigger tag_event", "DROP EVENT TRIGGER"],
  ["create trusted procedural language tag_language handler plpgsql_call_handler", "CREATE LANGUAGE"],
  ["create foreign data wrapper tag_wrapper", "CREATE FOREIGN DATA WRAPPER"],
  ["create server tag_server foreign data wrapper tag_wrapper", "CREATE SERVER"],
  ["create foreign table t (id int) server tag_server", "CREATE FOREIGN TABLE"],
  ["create user mapping for public server tag_server", "CREATE USER MAPPING"],
  ["create access method tag_method type index handler bthandler", "CREATE ACCESS METHOD"],
  ["create operator family u using btree", "CREATE OPERATOR FAMILY"],
  ["create operator class v for type int using btree as storage int", "CREATE OPERATOR CLASS"],
  ["create text search configuration w (copy = simple)", "CREATE TEXT SEARCH CONFIGURATION"],
  ["create text search dictionary x (template = simple)", "CREATE TEXT SEARCH DICTIONARY"],
  [
    "create text search parser y (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype)",
    "CREATE TEXT SEARCH PARSER"
  ],
  ["create text search template z (lexize = dsimple_lexize)", "CREATE TEXT SEARCH TEMPLATE"],
  ["insert into e values (1), (2)", "INSERT 0 2"],
  ["update e set id = id + 1", "UPDATE 2"],
  ["merge into e using f on e.id = f.id when not matched then insert values (7)", "MERGE 1"],
  ["select id from e", "SELECT 3"],
  ["with one as (select 1) select * from one", "SELECT 1"],
  ["(select 1)", "SELECT 1"],
  ["values (1), (2)", "SELECT 2"],
  ["table e", "SELECT 3"],
  ["declare cur cursor for table e", "DECLARE CURSOR"],
  ["fetch 2 from cur", "FETCH 2"],
  ["move 1 from cur", "MOVE 1"],
  ["close cur", "CLOSE CURSOR"],
  ["close all", "CLOSE CURSOR ALL"],
  ["delete from e", "DELETE 3"],
  ["truncate a", "TRUNCATE TABLE"],
  ["lock a", "LOCK TABLE"],
  ["deallocate all", "DEALLOCATE ALL"],
  ["deallocate prepare all", "DEALLOCATE ALL"],
  ["discard plans", "DISCARD PLANS"],
  ["discard temporary", "DISCARD TEMP"],
  ["savepoint here", "SAVEPOINT"],
  ["rollback to here", "ROLLBACK"],
  ["release here", "RELEASE"],
  ["comment on table a is 'a'", "COMMENT"],
  ["abort", "ROLLBACK"],
  ["start transaction", "START TRANSACTION"],
  ["end", "COMMIT"]
]

/** The Data API does not say how many rows a new table was made with. */
const withoutCount = (sql: string, tag: string) =>
  sql.startsWith("create") ? tag.replace(/^SELECT .*/, "SELECT 0") : tag

const countIn = (tag: string): number => Number(/\d+$/.exec(tag)?.[0] ?? 0)

it("a statement's tag is the one that PostgreSQL gives it", () => {
  const said = tags.map(([sql, tag]) => [sql, commandTag(statementsOf(sql)[0]?.words ?? [], countIn(tag))])
  assert.deepStrictEqual(
    said,
    tags.map(([sql, tag]) => [sql, withoutCount(sql, tag)])
  )
})

describe.skipIf(postgresUrl === undefined)(onPostgres("the tags of PostgreSQL"), () => {
  it("are those that the test above expects", async () => {
    const client = new pg.Client({ connectionString: postgresUrl })
    await client.connect()
    const said: Array<string> = []
    const listen: unknown = Reflect.get(client, "connection")
    if (!(listen instanceof (await import("node:events")).EventEmitter)) return assert.fail("pg has no connection")
    listen.on("commandComplete", ({ text }: { readonly text: string }) => said.push(text))
    try {
      for (const [sql] of tags) await client.query(sql).catch((error) => said.push(`${sql}: ${error}`))
    } finally {
      await client.end()
    }
    assert.deepStrictEqual(
      said,
      tags.map(([, tag]) => tag)
    )
  })
})
