/**
 * Databases that hold something else, or more, than Alex's tables: what is there, the operation, how it ends, and what
 * is left.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Exit, type Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Drift, Migrate, Reset, Verify } from "../../src/operations/index.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { originalDatabase } from "./OriginalDatabase.ts"
import { embedded, execute, postgres } from "./TestOperations.ts"

const migrated = Symbol("migrated")
const migratedTo5 = Symbol("migrated to 5")
const original = Symbol("original")
const originalJobs = originalDatabase.find((statement) => statement.startsWith("create table jobs")) ?? ""

interface Situation {
  readonly what: string
  /** Statements, or a whole database first. */
  readonly there: ReadonlyArray<string | typeof migrated | typeof migratedTo5 | typeof original>
  /** What `migrate` says when it refuses; `undefined` when it works. */
  readonly migrate?: string
  /** What `reset` says when it refuses; `undefined` when it works. */
  readonly reset?: string
  /** The exit codes of `migrate`, of `verify` after it, and of `reset`, each run on what is there. */
  readonly exits: readonly [migrate: 0 | 1, verify: 0 | 1 | 3, reset: 0 | 1]
  /** A query of one value that is true before and afterwards. */
  readonly left?: string
  /** The same after `migrate` alone. */
  readonly afterMigrate?: string
  /** After `migrate` there is no drift. */
  readonly content?: true
  /** The drift that stays, since it is the operator's own. */
  readonly extra?: ReadonlyArray<string>
  readonly onlyOnPostgres?: true
}

const foreignUsers = "create table users (id serial primary key, email text)"

const situations: ReadonlyArray<Situation> = [
  {
    what: "another application's users",
    exits: [1, 3, 1],
    there: [foreignUsers, "insert into users (email) values ('a@b.c')"],
    migrate: 'the table "users" is another application\'s: users.clerk_user_id is missing',
    reset: 'the table "users" is another application\'s',
    left: "(select count(*) = 1 from users)"
  },
  {
    what: "another application's jobs",
    exits: [1, 3, 1],
    there: [
      "create table jobs (id bigint primary key, queue text, payload text)",
      "insert into jobs values (1, 'q', 'p')"
    ],
    migrate: 'the table "jobs" is another application\'s',
    reset: 'the table "jobs" is another application\'s',
    left: "(select count(*) = 1 from jobs)"
  },
  {
    what: "another application's accounts beside all of Alex's other tables",
    exits: [1, 3, 1],
    there: [original, "drop table accounts cascade", "create table accounts (id uuid primary key, iban text)"],
    migrate: 'the table "accounts" is another application\'s',
    reset: 'the table "accounts" is another application\'s',
    left: "(select count(*) = 1 from users)"
  },
  {
    what: "columns of the same names and other types",
    exits: [1, 3, 1],
    there: [original, "alter table positions alter column quantity type integer"],
    migrate: "positions.quantity is integer, expected numeric(20,8)",
    reset: "positions.quantity is integer",
    left: "(select quantity = 13 from positions)"
  },
  {
    what: "tables in mixed case, which are others",
    exits: [0, 0, 0],
    there: ['create table "Users" (id integer)', 'insert into "Users" values (1)'],
    left: '(select count(*) = 1 from "Users")'
  },
  {
    what: "a view by the name of a table",
    exits: [1, 3, 1],
    there: ["create view users as select 1 as id"],
    migrate: "it is a view",
    reset: "it is a view",
    left: "(select count(*) = 1 from users)"
  },
  {
    what: "a materialized view by the name of a table",
    exits: [1, 3, 1],
    there: ["create materialized view jobs as select 1 as id"],
    migrate: "it is a materialized view",
    reset: "it is a materialized view"
  },
  {
    what: "a sequence by the name of a table",
    exits: [1, 3, 1],
    there: ["create sequence positions"],
    migrate: "it is a sequence",
    reset: "it is a sequence",
    left: "(select to_regclass('positions') is not null)"
  },
  {
    what: "a type by the name of a table",
    exits: [1, 3, 1],
    there: ["create type accounts as (x integer)"],
    migrate: "it is a type",
    reset: "it is a type"
  },
  {
    what: "an index by the name of a table",
    exits: [1, 3, 1],
    there: ["create table other (x integer)", "create index users on other (x)"],
    migrate: "it is an index",
    reset: "it is an index"
  },
  {
    what: "a partitioned table by the name of a table",
    exits: [1, 3, 1],
    there: ["create table jobs (id uuid, clerk_user_id varchar(255)) partition by hash (id)"],
    migrate: "it is a partitioned table",
    reset: "it is a partitioned table"
  },
  {
    what: "a foreign table by the name of a table",
    exits: [1, 3, 1],
    there: [
      "create extension file_fdw",
      "create server files foreign data wrapper file_fdw",
      "create foreign table users (id integer) server files options (filename '/dev/null')"
    ],
    migrate: "it is a foreign table",
    reset: "it is a foreign table",
    onlyOnPostgres: true
  },
  {
    what: "a table of another program's by the name of the journal",
    exits: [1, 3, 1],
    there: [
      "create table alex_migrations (id integer primary key, name text)",
      "insert into alex_migrations values (1, 'x')"
    ],
    migrate: 'the table "alex_migrations" is another application\'s: alex_migrations.checksum is missing',
    reset: 'the table "alex_migrations" is another application\'s',
    left: "(select count(*) = 1 from alex_migrations)"
  },
  {
    what: "a journal whose tables were replaced by another application's",
    exits: [1, 3, 1],
    there: [migrated, "drop table users cascade", foreignUsers],
    migrate: 'the table "users" is another application\'s',
    reset: 'the table "users" is another application\'s',
    left: "(select count(*) = 0 from users)"
  },
  {
    what: "a function of the trigger's name that does something else",
    exits: [1, 3, 1],
    there: [
      `create function update_updated_at_column() returns trigger language plpgsql as
        $$begin new.updated_at = new.updated_at + interval '1 day'; return new; end$$`
    ],
    migrate: 'the function "update_updated_at_column" is another application\'s',
    reset: 'the function "update_updated_at_column" is another application\'s',
    left: "(select prosrc like '%1 day%' from pg_proc where proname = 'update_updated_at_column')"
  },
  {
    what: "a function of the trigger's name that does the same",
    exits: [0, 0, 0],
    there: [
      "create function update_updated_at_column() returns trigger as 'BEGIN NEW.updated_at = CURRENT_TIMESTAMP; RETURN NEW; END;' language 'plpgsql'"
    ]
  },
  {
    what: "a function of another application's by the name of a rule's",
    exits: [1, 3, 1],
    there: ["create function is_allocation(shares jsonb) returns boolean language sql as 'select false'"],
    migrate: 'the function "is_allocation" is another application\'s',
    reset: 'the function "is_allocation" is another application\'s',
    left: "(select prosrc = 'select false' from pg_proc where proname = 'is_allocation')"
  },
  {
    what: "a function of another application's by the name of the trigger's, with other parameters",
    exits: [0, 0, 0],
    there: ["create function update_updated_at_column(integer) returns integer language sql as 'select 1'"],
    left: "(select prosrc = 'select 1' from pg_proc where proname = 'update_updated_at_column' and pronargs = 1)"
  },
  {
    what: "a function of another application's by the name of a rule's, whose parameter has another name",
    exits: [1, 3, 1],
    there: ["create function is_allocation(document jsonb) returns boolean language sql as 'select false'"],
    migrate: 'the function "is_allocation" is another application\'s',
    reset: 'the function "is_allocation" is another application\'s'
  },
  ...(
    [
      ["create index idx_jobs_status on tasks (a)", "index idx_jobs_status of table tasks", "an index of", "jobs"],
      ["create index idx_jobs_queue on tasks (a)", "index idx_jobs_queue of table tasks", "an index of", "jobs"],
      ["create index users_pkey on tasks (a)", "index users_pkey of table tasks", "a key of", "users"],
      [
        "alter table tasks add constraint positions_account_id_symbol_key unique (a)",
        "index positions_account_id_symbol_key of table tasks",
        "a key of",
        "positions"
      ],
      ["create view idx_jobs_user as select 1 as one", "view idx_jobs_user", "an index of", "jobs"],
      ["create sequence agent_calls_pkey", "sequence agent_calls_pkey", "a key of", "agent_calls"]
    ] as const
  ).map(([statement, object, what, table]): Situation => {
    const refusal = `${object} has the name of ${what} Alex's table ${table}: rename it first`
    return {
      what: `an object by the name of ${what} Alex's: ${statement}`,
      exits: [1, 3, 1],
      there: ["create table tasks (a integer)", statement],
      migrate: refusal,
      reset: refusal
    }
  }),
  {
    what: "a key of a table of the original module's under another name, and its usual name elsewhere",
    exits: [0, 3, 1],
    there: [
      original,
      "create table tasks (a integer)",
      "alter index instruments_pkey rename to instruments_pkey1",
      "create index instruments_pkey on tasks (a)"
    ],
    reset: "index instruments_pkey of table tasks has the name of a key of Alex's table instruments: rename it first"
  },
  ...["create type users as enum ('a')", "create domain jobs as text", "create type users as (a integer)"].map(
    (statement): Situation => ({
      what: `a type by the name of a table of Alex's: ${statement}`,
      exits: [1, 3, 1],
      there: [statement],
      migrate: "another application's: it is a type",
      reset: "another application's: it is a type"
    })
  ),
  {
    what: "another application's table by the name of a later table of Alex's",
    exits: [1, 3, 1],
    there: ["create table price_history (id integer primary key)"],
    migrate: 'the table "price_history" is another application\'s: price_history.symbol is missing',
    reset: 'the table "price_history" is another application\'s'
  },
  {
    what: "such a table in a database that the migration of that table has not reached",
    exits: [1, 3, 1],
    there: [migratedTo5, "create table price_history (id integer primary key)"],
    migrate: 'the table "price_history" is another application\'s: price_history.symbol is missing',
    reset: 'the table "price_history" is another application\'s'
  },
  {
    what: "a view of somebody else's on a table of Alex's",
    exits: [0, 0, 1],
    there: [migrated, "create view reporting as select clerk_user_id from users"],
    reset: "view reporting is another application's and depends on table users: drop it first",
    left: "(select to_regclass('reporting') is not null)"
  },
  {
    what: "a materialized view of somebody else's",
    exits: [0, 0, 1],
    there: [migrated, "create materialized view totals as select count(*) from positions"],
    reset: "materialized view totals",
    left: "(select to_regclass('totals') is not null)"
  },
  {
    what: "a foreign key of somebody else's table",
    exits: [0, 0, 1],
    there: [migrated, "create table follower (id varchar(255) references users)"],
    reset: "on table follower",
    left: "(select to_regclass('follower') is not null)"
  },
  {
    what: "a table that inherits from one of Alex's",
    exits: [0, 0, 1],
    there: [migrated, "create table archive () inherits (jobs)"],
    reset: "table archive",
    left: "(select to_regclass('archive') is not null)"
  },
  {
    what: "a column of the type of a row of Alex's",
    exits: [0, 0, 1],
    there: [migrated, "create table copies (row users)"],
    reset: "copies",
    left: "(select to_regclass('copies') is not null)"
  },
  {
    what: "a function of somebody else's that takes a row of Alex's",
    exits: [0, 0, 1],
    there: [migrated, "create function label(u users) returns text language sql as 'select u.display_name'"],
    reset: "function label(users)",
    left: "(select count(*) = 1 from pg_proc where proname = 'label')"
  },
  {
    what: "a function whose body is bound to a table of Alex's",
    exits: [0, 0, 1],
    there: [
      migrated,
      "create function total() returns bigint language sql begin atomic select count(*) from users; end"
    ],
    reset: "function total()",
    left: "(select count(*) = 1 from pg_proc where proname = 'total')"
  },
  {
    what: "a trigger of somebody else's table that uses Alex's function",
    exits: [0, 0, 1],
    there: [
      migrated,
      "create table notes (x integer, updated_at timestamptz)",
      "create trigger notes_updated before update on notes for each row execute function update_updated_at_column()"
    ],
    reset: "trigger notes_updated on table notes",
    left: "(select count(*) = 1 from pg_trigger where tgname = 'notes_updated')"
  },
  {
    what: "a rule of somebody else's table that uses Alex's function",
    exits: [0, 0, 1],
    there: [migrated, "create table shares (x jsonb check (is_allocation(x)))"],
    reset: "on table shares",
    left: "(select to_regclass('shares') is not null)"
  },
  {
    what: "a sequence of somebody else's that a table of Alex's owns",
    exits: [0, 0, 1],
    there: [migrated, "create sequence tickets", "alter sequence tickets owned by users.display_name"],
    reset: "sequence tickets",
    left: "(select to_regclass('tickets') is not null)"
  },
  {
    what: "a column with a sequence of its own, which goes with its table",
    exits: [0, 0, 0],
    there: [migrated, "alter table users add column number serial"]
  },
  {
    what: "a publication of a table of Alex's",
    exits: [0, 0, 1],
    there: [migrated, "create publication feed for table users"],
    reset: "publication feed",
    left: "(select count(*) = 1 from pg_publication_tables where pubname = 'feed')",
    onlyOnPostgres: true
  },
  {
    what: "a table of somebody else's that has nothing to do with Alex's",
    exits: [0, 0, 0],
    there: [migrated, "create table notes (x integer)", "insert into notes values (7)"],
    left: "(select x = 7 from notes)"
  },
  {
    what: "a further index, trigger, rule and policy on a table of Alex's",
    exits: [0, 3, 0],
    there: [
      migrated,
      "create index further on users (display_name)",
      "alter table users add constraint further_check check (display_name <> '')",
      "create policy further on users using (true)"
    ]
  },
  {
    what: "a journal and all tables but one",
    exits: [1, 3, 0],
    there: [migrated, "drop table positions", "insert into users (clerk_user_id) values ('kept')"],
    migrate: "positions is missing, though the journal has the migrations of it: alex-db repair",
    afterMigrate: "(select count(*) = 1 from users)"
  },
  {
    what: "a journal and one table that the original module created again",
    exits: [1, 3, 0],
    there: [migrated, "drop table jobs", originalJobs],
    migrate: "jobs was created again, though the journal has the migrations of it"
  },
  {
    what: "a journal without any table",
    exits: [0, 0, 0],
    there: [migrated, "drop table users, instruments, accounts, positions, jobs cascade"],
    content: true
  },
  {
    what: "a table with a column less",
    exits: [0, 3, 0],
    there: [migrated, "alter table accounts drop column cash_interest"]
  },
  {
    what: "an adopted database that the original module reset",
    exits: [0, 0, 0],
    there: [
      original,
      migrated,
      "drop table users, instruments, accounts, positions, jobs cascade",
      "drop function update_updated_at_column cascade",
      original
    ],
    content: true,
    afterMigrate: "(select created_at = '2025-03-30T01:30:00.123456Z' from users)"
  },
  {
    what: "a journal that was lost",
    exits: [1, 3, 0],
    there: [migrated, "drop table alex_migrations"],
    migrate: "its journal is lost: alex-db migrate baseline"
  },
  {
    what: "a journal that is newer than the package",
    exits: [0, 0, 0],
    there: [
      migrated,
      "insert into alex_migrations (name, checksum, duration_ms, version) values ('999_later', 'x', 1, '9.9.9')"
    ]
  },
  {
    what: "a journal with a migration that has no file",
    exits: [1, 3, 0],
    there: [
      migrated,
      "insert into alex_migrations (name, checksum, duration_ms, version) values ('002_gone', 'x', 1, '0.0.1')"
    ],
    migrate: "002_gone is applied, but its file is missing"
  },
  {
    what: "the very first layout, whose jobs had no payloads",
    exits: [0, 0, 0],
    there: [
      original,
      "alter table jobs drop column report_payload, drop column charts_payload, drop column retirement_payload",
      "alter table jobs drop column summary_payload, drop column updated_at",
      "alter table jobs add column result_payload jsonb"
    ],
    content: true,
    extra: ["column jobs.result_payload"],
    afterMigrate: "(select updated_at is not null from jobs)"
  },
  {
    what: "an operator's own constraint by the name of one of Alex's",
    exits: [0, 3, 0],
    there: [original, "alter table jobs add constraint jobs_status_check check (status <> '')"],
    content: true,
    extra: ["constraint jobs.jobs_status_check_own"]
  },
  {
    what: "the original's tables without some of their keys",
    exits: [0, 0, 0],
    there: [
      original,
      "alter table positions drop constraint positions_account_id_symbol_key, drop constraint positions_symbol_fkey",
      "alter table accounts drop constraint accounts_clerk_user_id_fkey",
      "alter table jobs drop constraint jobs_pkey"
    ],
    content: true
  },
  {
    what: "a view on a moment of the original's tables",
    exits: [1, 3, 1],
    there: [original, "create view recent as select id from jobs where created_at > now() - interval '1 day'"],
    migrate: "DROP VIEW recent;",
    reset: "view recent"
  },
  {
    what: "a view on a view on a moment",
    exits: [1, 3, 1],
    there: [
      original,
      "create view recent as select id, created_at from jobs",
      "create view newest as select max(created_at) from recent"
    ],
    migrate: "DROP VIEW newest; DROP VIEW recent;",
    reset: "view recent"
  },
  {
    what: "a generated column over a moment",
    exits: [1, 3, 0],
    there: [original, "alter table jobs add column day date generated always as (created_at::date) stored"],
    migrate: "ALTER TABLE jobs DROP COLUMN day;"
  },
  {
    what: "a table of the original's that inherits its moments",
    exits: [1, 3, 0],
    there: [original, "create table dated (created_at timestamp)", "alter table users inherit dated"],
    migrate: "ALTER TABLE users NO INHERIT dated;"
  },
  {
    what: "an index of an expression over a moment",
    exits: [1, 3, 0],
    there: [original, "create index by_day on jobs (date(created_at))"],
    migrate: "DROP INDEX by_day;"
  },
  {
    what: "a trigger whose condition reads a moment",
    exits: [1, 3, 0],
    there: [
      original,
      "create function nothing() returns trigger language plpgsql as 'begin return new; end'",
      "create trigger late before update on jobs for each row when (new.completed_at is not null) execute function nothing()"
    ],
    migrate: "DROP TRIGGER late ON jobs;"
  },
  {
    what: "a policy that reads a moment",
    exits: [1, 3, 0],
    there: [original, "create policy fresh on jobs for select using (created_at > now())"],
    migrate: "DROP POLICY fresh ON jobs;"
  },
  {
    what: "an index and a trigger on a moment that need nothing",
    exits: [0, 0, 0],
    there: [original, "create index plain on jobs (created_at)"],
    content: true,
    extra: ["index jobs.plain"]
  },
  {
    what: "the original module's database",
    exits: [0, 0, 0],
    there: [original]
  },
  {
    what: "half of the original module's database",
    exits: [0, 0, 0],
    there: [original, "drop table positions, jobs"]
  },
  {
    what: "another application's users in a schema that is not in the search path",
    exits: [0, 0, 0],
    there: ["create schema shop", "create table shop.users (id integer)", "insert into shop.users values (1)"],
    left: "(select count(*) = 1 from shop.users)"
  },
  {
    what: "a name of the journal in a schema that is not in the search path",
    exits: [0, 0, 0],
    there: ["create schema shop", "create table shop.alex_migrations (id integer)"],
    left: "(select to_regclass('shop.alex_migrations') is not null)"
  },
  {
    what: "rows that break rules",
    exits: [0, 3, 0],
    there: [original, "update positions set quantity = 0", "update accounts set cash_balance = -5"],
    afterMigrate: "(select quantity = 0 from positions)"
  },
  {
    what: "a cash balance that is missing",
    exits: [0, 0, 0],
    there: [original, "update accounts set cash_balance = null"],
    afterMigrate: "(select cash_balance = 0 from accounts)"
  },
  {
    what: "row security that is forced",
    exits: [0, 3, 0],
    there: [migrated, "alter table users enable row level security", "alter table users force row level security"]
  },
  {
    what: "a rule that swallows deletes",
    exits: [0, 3, 0],
    there: [migrated, "create rule quiet as on delete to jobs do instead nothing"]
  },
  { what: "a table that is not logged", exits: [0, 3, 0], there: [migrated, "alter table jobs set unlogged"] },
  { what: "rights of everybody", exits: [0, 3, 0], there: [migrated, "grant all on accounts to public"] },
  {
    what: "rights of a role of the operator's",
    exits: [0, 0, 0],
    there: [migrated, "grant select on accounts to pg_monitor"]
  },
  {
    what: "a foreign table beside Alex's",
    exits: [0, 0, 0],
    there: [
      migrated,
      "drop foreign data wrapper if exists nothing cascade",
      "create foreign data wrapper nothing",
      "create server archive foreign data wrapper nothing",
      "create foreign table old_jobs (id uuid) server archive"
    ],
    left: "(select to_regclass('old_jobs') is not null)"
  },
  {
    what: "a procedure and an aggregate of the operator's",
    exits: [0, 0, 0],
    there: [
      migrated,
      "create procedure nightly() language sql as 'select 1'",
      "create aggregate total(integer) (sfunc = int4pl, stype = integer)"
    ],
    left: "(select count(*) = 2 from pg_proc where proname in ('nightly', 'total'))"
  },
  {
    what: "the trigger's function in the original's words",
    exits: [0, 0, 0],
    there: [
      migrated,
      "create or replace function update_updated_at_column() returns trigger as 'BEGIN NEW.updated_at = CURRENT_TIMESTAMP; RETURN NEW; END;' language 'plpgsql'"
    ]
  },
  {
    what: "an event trigger that writes down what is created",
    exits: [0, 0, 0],
    there: [
      "create table created (tag text)",
      "create function note() returns event_trigger language plpgsql as 'begin insert into created values (tg_tag); end'",
      "create event trigger note on ddl_command_end execute function note()"
    ],
    left: "(select count(*) = 1 from pg_event_trigger)",
    afterMigrate: "(select count(*) > 20 from created)"
  },
  {
    what: "tables in which nobody but their owner sees rows",
    exits: [0, 3, 0],
    there: [
      original,
      "alter table users enable row level security",
      "create policy own on users using (clerk_user_id = current_user)"
    ]
  },
  {
    what: "the market data of the original module's cache, in a table that is not logged",
    exits: [0, 0, 0],
    there: [
      original,
      "create unlogged table market_data_cache (symbol varchar(20) primary key, price numeric(12,4) not null)",
      "insert into market_data_cache values ('SPY', 1)"
    ],
    content: true,
    extra: ["table market_data_cache"],
    left: "(select count(*) = 1 from market_data_cache)"
  },
  {
    what: "an extension that another application uses",
    exits: [0, 0, 0],
    there: [original, "drop extension if exists hstore", "create extension hstore", "create table tags (of hstore)"],
    left: "(select to_regclass('tags') is not null)",
    onlyOnPostgres: true
  },
  {
    what: "a publication of every table",
    exits: [0, 0, 0],
    there: [original, "create publication everything for all tables"],
    left: "(select count(*) = 1 from pg_publication)",
    onlyOnPostgres: true
  },
  {
    what: "4,000 migrations of the user's own in the journal",
    exits: [0, 0, 0],
    there: [
      migrated,
      "insert into alex_migrations (name, checksum, duration_ms, version) select 'own/' || n || '_x', 'x', 1, '1' from generate_series(10001, 14000) n"
    ],
    left: "(select count(*) = 4000 from alex_migrations where name like 'own/%')"
  },
  {
    what: "the extension in a schema of its own",
    exits: [0, 0, 0],
    there: [
      'drop extension if exists "uuid-ossp" cascade',
      "create schema shop",
      'create extension "uuid-ossp" schema shop'
    ],
    left: "(select count(*) = 1 from pg_extension where extname = 'uuid-ossp')"
  },
  {
    what: "migrations of the user's own in the journal",
    exits: [0, 0, 0],
    there: [
      migrated,
      "insert into alex_migrations (name, checksum, duration_ms, version) values ('own/001_reports', 'x', 1, '1.0.0')"
    ],
    left: "(select count(*) = 1 from alex_migrations where name = 'own/001_reports')"
  },
  {
    what: "comments of the operator's",
    exits: [0, 0, 0],
    there: [migrated, "comment on table users is 'people'", "comment on column jobs.status is 'as shown'"]
  },
  {
    what: "a function of the migrations' with another search path",
    exits: [0, 3, 0],
    there: [migrated, "alter function is_allocation(jsonb) set search_path = pg_temp"]
  }
]

const prepare = Effect.fnUntraced(function* (there: Situation["there"]) {
  const sql = yield* SqlClient.SqlClient
  yield* sql.unsafe("drop schema public cascade")
  yield* sql.unsafe("drop schema if exists shop cascade")
  yield* sql.unsafe("create schema public")
  for (const { name } of yield* sql<{ readonly name: string }>`select pubname::text as name from pg_publication`) {
    yield* sql`drop publication ${sql(name)}`
  }
  for (const step of there) {
    if (step === migrated) yield* Migrate.migrate({ packed: true })
    else if (step === migratedTo5) yield* Migrate.migrate({ packed: true, to: 5 })
    else if (step === original) yield* execute(...originalDatabase)
    else yield* execute(step)
  }
})

/** Everything that the catalogue knows of tables, functions and the like, for comparison. */
const fingerprint = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    select 'relation' as kind, oid::text, relname::text as name, relkind::text as more from pg_class
    where relnamespace in (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
    union all select 'function', oid::text, proname::text, md5(prosrc) from pg_proc
    where pronamespace in (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
    union all select 'extension', oid::text, extname::text, '' from pg_extension
    order by 1, 2`
})

const isLeft = Effect.fnUntraced(function* (condition: string | undefined) {
  const sql = yield* SqlClient.SqlClient
  if (condition === undefined) return true
  const [row] = yield* sql.unsafe<{ readonly is_left: boolean }>(`select ${condition} as is_left`)
  return row?.is_left === true
})

/** `migrate` has nothing more to do, and nothing differs but what was there on purpose. */
const isContent = Effect.fnUntraced(function* ({ extra = [] }: Situation) {
  assert.isTrue((yield* Migrate.status()).current)
  assert.deepStrictEqual(
    (yield* Drift.drift()).map(({ object }) => object),
    extra
  )
})

/** As a command does: 1 where it is refused, and 3 where it finds a problem. */
const ends = Effect.fnUntraced(function* <E extends { readonly message: string }, R>(
  operation: Effect.Effect<unknown, E, R>,
  refusal: string | undefined,
  code: 0 | 1
) {
  assert.strictEqual(code, refusal === undefined ? 0 : 1)
  const before = yield* fingerprint
  const exit = yield* Effect.exit(operation)
  if (refusal === undefined) return assert.isTrue(Exit.isSuccess(exit), String(exit))
  assert(Exit.isFailure(exit))
  const error = exit.cause.reasons[0]
  assert(error?._tag === "Fail", String(exit))
  assert.include(error.error.message, refusal)
  const [, ...problems] = error.error.message.replace(": ", "; ").split("; ")
  assert.strictEqual(new Set(problems).size, problems.length, error.error.message)
  assert.deepStrictEqual(yield* fingerprint, before)
})

const verified = Verify.verify().pipe(
  Effect.map(({ ok }) => (ok ? 0 : 3)),
  Effect.orElseSucceed(() => 1)
)

const behaviour = <E>(database: Layer.Layer<Layer.Success<typeof postgres>, E>, onPostgres: boolean) =>
  layer(database, { timeout: "60 seconds" })((it) => {
    for (const situation of situations) {
      const { exits, left, migrate, onlyOnPostgres, reset, there, what } = situation
      if (onlyOnPostgres === true && !onPostgres) continue
      it.effect(`${what}: migrate exits ${exits[0]}, verify ${exits[1]}`, () =>
        Effect.gen(function* () {
          yield* prepare(there)
          yield* ends(Migrate.migrate(), migrate, exits[0])
          assert.isTrue(yield* isLeft(left), left)
          assert.isTrue(yield* isLeft(situation.afterMigrate), situation.afterMigrate)
          if (situation.content === true) yield* isContent(situation)
          assert.strictEqual(yield* verified, exits[1])
        })
      )
      it.effect(`${what}: reset exits ${exits[2]}`, () =>
        Effect.gen(function* () {
          yield* prepare(there)
          yield* ends(Reset.reset(), reset, exits[2])
          assert.isTrue(yield* isLeft(left), left)
        })
      )
    }
  })

describe("situations on the embedded database", () => {
  behaviour(embedded, false)
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("situations on PostgreSQL"), () => {
  behaviour(postgres, true)
})
