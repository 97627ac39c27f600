/** Reads of a session whose settings differ from the server's own are one request, and say what a direct connection says. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import pg from "pg"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

const schema = `
create schema other;
create table public.item (id int primary key, at timestamptz, lasts interval, day date, note text, price money, data bytea);
create table other.item (id int primary key, only_here text);
insert into item select n, '2024-03-30 23:30+00'::timestamptz + n * interval '7 hours', n * interval '1 day 2:03:04.5',
  '2024-03-30'::date + n, E'<c>&amp;\\r\\n\\t"' || chr(n) || '\\\\%s %1$L %' || chr(128512), n * 1234.5, decode(md5(n::text), 'hex')
  from generate_series(1, 20) n;
insert into other.item values (1, 'other');
create view late as select * from item where at > '2024-04-01'::text::timestamptz;
create table parts (at timestamptz not null, n int) partition by range (at);
create table parts_1 partition of parts for values from ('2024-03-30 00:00+00') to ('2024-03-31 00:00+00');
create table parts_2 partition of parts for values from ('2024-03-31 00:00+00') to ('2024-04-01 00:00+00');
insert into parts select '2024-03-30 00:30+00'::timestamptz + n * interval '1 hour', n from generate_series(0, 46) n;
grant select on all tables in schema public to pg_monitor`

const settings: ReadonlyArray<ReadonlyArray<string>> = [
  ["set timezone = 'Europe/Berlin'"],
  ["set timezone = 'America/St_Johns'", "set datestyle = 'SQL, DMY'"],
  ["set intervalstyle = iso_8601"],
  ["set intervalstyle = sql_standard", "set timezone = 'Asia/Tokyo'"],
  ["set extra_float_digits = 0", "set bytea_output = escape"],
  ["set search_path = other, public", "set timezone = 'Europe/Berlin'"],
  ["set role pg_monitor"]
]

type Query = string | readonly [sql: string, values: ReadonlyArray<unknown>]

const queries: ReadonlyArray<Query> = [
  "select * from item order by id",
  "select id, lasts::text, at::text, item::text, to_json(lasts) from item where id < 4 order by id",
  "select '2024-03-31 02:30'::timestamptz, '-1 2:00'::interval, timestamptz '2024-01-05', interval '1 year 2 days'",
  "select '01/02/2024'::date, date '2024-02-01', '1/2/2024 3:04'::timestamptz",
  "select count(*) from parts where at >= '2024-03-31'::date",
  "select count(*) from parts where at >= make_date(2024, 3, 31) and at < make_date(2024, 3, 31) + 1",
  "select n from late join parts using (at) order by 1",
  "select count(*), min(at), max(at) from late",
  "select 0.1::float4, 1e-7::float8, 1.0/3, pi()",
  "select",
  "select null, ''",
  "select 1 as a, 2 as a",
  "select * from item where false",
  "values (1, now() = transaction_timestamp()), (2, now() > clock_timestamp())",
  "with recursive t(n) as (values (1) union all select n + 1 from t where n < 5) select * from t",
  "select $$it's 100% :name$$, E'\\\\\\x41', '%1$L', U&'d\\0061t'",
  "select current_date = (now() at time zone current_setting('TimeZone'))::date",
  [
    "select $1::timestamptz, $2::date, $3::interval, $4::text",
    ["2024-03-31 02:30", "2024-02-01", "-1 2:00", "a'b\\c%"]
  ],
  ["select id from item where at > $1 and id <> all($2) and note like $3 order by 1", ["2024-04-01", [7, 8], "%<c>%"]],
  ["select count(*) from parts where at >= $1::date", ["2024-03-31"]],
  ["select $1::int, $1::text, $2::text is null", [5, null]],
  ["select $1::jsonb, $2::text[]", ['{"a": "<&>"}', ["x,y", null, 'q"']]],
  ["select * from item where id = any($1) order by id", [[1, 2, 3]]],
  ["select data from item where data = $1", [Buffer.from("c4ca4238a0b923820dcc509a6f75849b", "hex")]],
  // Refused.
  "select 1 from nowhere",
  "select 1 / (id - 3) from item order by id",
  "select * from item where id = 'x'",
  "select '2024-13-01'::timestamptz",
  "selec 1",
  ["select $1::int", ["x"]],
  ["select 1 / $1::int", [0]]
]

const answerOf = async (client: pg.Client, query: Query) => {
  const [text, values] = typeof query === "string" ? [query, undefined] : query
  try {
    const { command, fields, rows } = await client.query({
      text,
      rowMode: "array",
      types: { getTypeParser: () => (value: unknown) => value },
      ...(values === undefined ? {} : { values: [...values] })
    })
    return { command, rows, fields: fields.map(({ dataTypeID, name, tableID }) => [name, dataTypeID, tableID > 0]) }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return { code: error.code, message: error.message, position: error.position }
  }
}

const conversation = async (connectionString: string, set: ReadonlyArray<string>, seen: () => number) => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    for (const one of set) await client.query(one)
    const answers: Array<readonly [Query, Awaited<ReturnType<typeof answerOf>>]> = []
    const dear: Array<string> = []
    for (const query of queries) {
      await answerOf(client, query)
      const before = seen()
      const answer = await answerOf(client, query)
      answers.push([query, answer])
      if (!("code" in answer) && seen() - before > 1) dear.push(String(query))
    }
    return { answers, dear }
  } finally {
    await client.end()
  }
}

const prepare = async (connectionString: string) => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query(schema)
  await client.end()
}

const compared = (settings: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.gen(function* () {
    const { calls, directUrl, url } = yield* TestGateway
    yield* Effect.promise(() => prepare(directUrl))
    for (const set of settings) {
      const direct = yield* Effect.promise(() => conversation(directUrl, set, () => 0))
      const through = yield* Effect.promise(() => conversation(url, set, () => calls.length))
      assert.deepStrictEqual(through, direct)
    }
  })

/** A result that one response can't hold. */
const large =
  "select n, repeat(md5(n::text), 40) as text, '2024-03-31 02:30'::timestamptz from generate_series(1, 3000) n"

const largeOne = Effect.gen(function* () {
  const { calls, directUrl, url } = yield* TestGateway
  const answers: Array<unknown> = []
  for (const connectionString of [directUrl, url])
    yield* Effect.promise(async () => {
      const client = new pg.Client({ connectionString })
      await client.connect()
      await client.query("set timezone = 'Europe/Berlin'")
      answers.push(await answerOf(client, large))
      await client.end()
    })
  assert.deepStrictEqual(answers[1], answers[0])
  assert.deepStrictEqual(calls.at(-1), "commitTransaction")
})

/** A query that runs for minutes. */
const long = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b"

const cancelled = Effect.gen(function* () {
  const { calls, directUrl, url } = yield* TestGateway
  const found = yield* Effect.promise(async () => {
    const direct = new pg.Client({ connectionString: directUrl })
    const client = new pg.Client({ connectionString: url })
    await Promise.all([direct.connect(), client.connect()])
    await client.query("set timezone = 'Europe/Berlin'")
    const answer = answerOf(client, long)
    const ended = `select pg_cancel_backend(pid) from pg_stat_activity
      where query like '%query_to_xml%generate_series(1, 100000) b%' and state = 'active' and pid <> pg_backend_pid()`
    while ((await direct.query(ended)).rowCount === 0) await new Promise((resume) => setTimeout(resume, 20))
    const before = calls.length
    const said = await answer
    await Promise.all([direct.end(), client.end()])
    return { said, later: calls.length - before }
  })
  const message = "canceling statement due to user request"
  assert.deepStrictEqual<unknown>(found, { said: { code: "57014", message, position: undefined }, later: 0 })
})

describe.skipIf(serverUrl === "")("through the gateway", () => {
  layer(gateway(serverUrl), { timeout: "60 seconds" })("reads under a session's settings", (it) => {
    it.effect("say what a direct connection says", () => compared(settings))
    it.effect("a result of several pages", () => largeOne)
    it.effect("one that is cancelled does not run again", () => cancelled)
  })
})
