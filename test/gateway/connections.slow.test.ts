/** Who gets in, what ends a connection, and what a connection leaves behind. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Redacted, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import pg from "pg"
import postgres from "postgres"
import { describe } from "vitest"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { Gateway } from "../../src/gateway/index.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { query, RawClient } from "./RawClient.ts"
import { layer as gateway, make, run, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""
const hasPsql = spawnSync("psql", ["--version"]).status === 0

const psql = (address: string, input: string) => run("psql", ["-X", "-q", "-A", "-t", address], input)

const changed = (address: string, change: (url: URL) => void): string => {
  const url = new URL(address)
  change(url)
  return url.href
}

/** Sends octets and gives what comes back until the connection ends. */
const spoken = (port: number, ...pieces: ReadonlyArray<Buffer>): Effect.Effect<Buffer> =>
  Effect.callback<Buffer>((resume) => {
    const chunks: Array<Buffer> = []
    const socket = connect(port, "127.0.0.1", () => {
      for (const piece of pieces) socket.write(piece)
    })
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(chunks))))
  })

const packet = (code: number, rest = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + rest.length, 0)
  head.writeInt32BE(code, 4)
  return Buffer.concat([head, rest])
}

/** The backends that run something of the gateway's. */
const running = (address: string) =>
  Effect.map(
    psql(
      address,
      "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle' and query like '/* alex-gateway%'"
    ),
    ({ stdout }) => Number(stdout)
  )

/** Waits for what other processes bring about, in real time: the clock of a test stands still. */
const until = (found: Effect.Effect<boolean>) =>
  Effect.flatMap(found, (is) => (is ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(50)])),
    TestClock.withLive,
    Effect.orDie
  )

const untilNothingRuns = (address: string) => until(Effect.map(running(address), (count) => count === 0))

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPsql)(TestDatabase.onPostgres("connections"), () => {
  layer(gateway(serverUrl), { timeout: "60 seconds" })((it) => {
    it.effect("a wrong password is refused, and says nothing else", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const { code, stderr } = yield* psql(
          changed(url, (one) => (one.password = "wrong")),
          "select 1"
        )
        assert.strictEqual(code, 2)
        assert.include(stderr, "password authentication failed")
      })
    )

    it.effect("an unknown database is refused in PostgreSQL's words", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const { stderr } = yield* psql(
          changed(url, (one) => (one.pathname = "/nowhere")),
          "select 1"
        )
        assert.include(stderr, 'FATAL:  database "nowhere" does not exist')
      })
    )

    it.effect("requests for encryption are declined, a newer protocol is negotiated, nonsense is refused", () =>
      Effect.gen(function* () {
        const { port } = yield* TestGateway
        const startup = Buffer.from("user\0u\0_pq_.new\x001\0\0")
        const answers = yield* spoken(
          port,
          packet(80877104),
          packet(80877103),
          packet((3 << 16) | 9, startup),
          Buffer.from("X\0\0\0\x04")
        )
        assert.strictEqual(answers.toString("latin1", 0, 3), "NNv")
        assert.include(answers.toString(), "_pq_.new")
        assert.include(answers.toString(), "SCRAM-SHA-256")
        assert.include((yield* spoken(port, packet(2 << 16))).toString(), "unsupported frontend protocol 2.0")
      })
    )

    for (const [speaker, octets] of Object.entries({
      "terminates before it has begun": "X\0\0\0\x04",
      "speaks HTTP": "GET / HTTP/1.1\r\n\r\n",
      "begins with TLS": "\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03",
      "speaks SSH": "SSH-2.0-OpenSSH_9\r\n",
      "sends zeros": "\0\0\0\0",
      "sends too little": "\0\0\0\x07\x01\x02\x03"
    }))
      it.effect(`a client that ${speaker} gets no answer, as from PostgreSQL`, () =>
        Effect.gen(function* () {
          const { directUrl, port } = yield* TestGateway
          for (const one of [Number(new URL(directUrl).port), port])
            assert.strictEqual((yield* spoken(one, Buffer.from(octets, "latin1"))).toString(), "")
        })
      )

    it.effect("with a certificate connections are encrypted", () =>
      Effect.gen(function* () {
        const folder = mkdtempSync(join(tmpdir(), "alex-gateway-"))
        const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")]
        const made = spawnSync("openssl", [
          ..."req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost".split(" "),
          "-keyout",
          keyFile,
          "-out",
          certFile
        ])
        if (made.status !== 0) {
          process.stderr.write("SKIPPED: TLS through the gateway (openssl is not installed)\n")
          return
        }
        const tls = { cert: readFileSync(certFile, "utf8"), key: Redacted.make(readFileSync(keyFile, "utf8")) }
        rmSync(folder, { recursive: true })
        const { port } = yield* Gateway.make({ port: 0, password: Redacted.make("secret"), tls })
        const { stderr, stdout } = yield* run(
          "psql",
          ["-X", "-A", "-t", `postgres://alex:secret@127.0.0.1:${port}/postgres?sslmode=require`],
          "select 1;\n\\conninfo"
        )
        assert.strictEqual(stderr, "")
        assert.match(stdout, /^1\n.*\nSSL connection \(protocol: TLSv1\.3/s)
      }).pipe(Effect.scoped, Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(serverUrl) })))
    )

    it.effect("a client that is cut off has its transaction rolled back", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        yield* psql(directUrl, "create table if not exists left_behind(a int)")
        yield* Effect.promise(async () => {
          const sql = postgres(url, { max: 1 })
          const connection = await sql.reserve()
          await connection`begin`
          await connection`insert into left_behind values (1)`
          await sql.end({ timeout: 0 }).catch(() => undefined)
        })
        const open = psql(
          directUrl,
          "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
        )
        yield* until(Effect.map(open, ({ stdout }) => stdout.trim() === "0"))
        const { stdout } = yield* psql(directUrl, "select count(*) from left_behind")
        assert.strictEqual(stdout.trim(), "0")
      })
    )

    it.effect("a cancelled statement ends with 57014, its backend too, and the connection goes on", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const answer = yield* Effect.promise(async () => {
          const sql = postgres(url, { max: 1 })
          try {
            await sql`select pg_sleep(0)`
            const sleeping = sql`select pg_sleep(30)`
            const failed = sleeping.catch((error: unknown) =>
              error instanceof postgres.PostgresError ? error.code : String(error)
            )
            setTimeout(() => sleeping.cancel(), 1500)
            const code = await failed
            const [after] = await sql`select 1 as a`
            return [code, after?.["a"]]
          } finally {
            await sql.end()
          }
        })
        assert.deepStrictEqual(answer, ["57014", 1])
        yield* untilNothingRuns(directUrl)
      })
    )

    it.effect("of several that run the same statement the one that was cancelled ends, and no other", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const codes = yield* Effect.promise(async () => {
          const sql = postgres(url, { max: 4 })
          try {
            const sleeping = Array.from({ length: 4 }, () => sql`select pg_sleep(4)`)
            const ended = sleeping.map((one) =>
              one.then(
                () => "ran",
                (error: unknown) => (error instanceof postgres.PostgresError ? error.code : String(error))
              )
            )
            setTimeout(() => sleeping[2]?.cancel(), 1500)
            return await Promise.all(ended)
          } finally {
            await sql.end()
          }
        })
        assert.deepStrictEqual(codes, ["ran", "ran", "57014", "ran"])
        yield* untilNothingRuns(directUrl)
      })
    )

    it.effect("clients that send the same statement one after the other have it prepared once", () =>
      Effect.gen(function* () {
        const { directUrl } = yield* TestGateway
        const api = yield* DataApi
        const texts: Array<string> = []
        const noting = DataApi.of({
          ...api,
          executeStatement: (request) => {
            if (request.sql.endsWith("as unvaried")) texts.push(request.sql)
            return api.executeStatement(request)
          }
        })
        const { port } = yield* Effect.provideService(make(directUrl, { password: "trust" }), DataApi, noting)
        const database = new URL(directUrl).pathname.slice(1)
        for (let client = 0; client < 3; client++) {
          yield* Effect.promise(async () => {
            const one = await RawClient.connect(port, database)
            await one.ask(query("set datestyle to iso, mdy"))
            await one.ask(query("create or replace view unvaried as select 1 as unvaried"))
            await one.kill()
          })
        }
        assert.strictEqual(texts.length, 3)
        assert.strictEqual(new Set(texts).size, 1)
      }).pipe(Effect.scoped, Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(serverUrl) })))
    )

    it.effect("a transaction whose client idles for ten minutes is kept", () =>
      Effect.gen(function* () {
        const { directUrl } = yield* TestGateway
        const api = yield* DataApi
        let ended = 0
        const counted = DataApi.of({
          ...api,
          executeStatement: (request) =>
            Effect.ensuring(
              api.executeStatement(request),
              Effect.sync(() => ended++)
            )
        })
        const { calls, port } = yield* Effect.provideService(make(directUrl, { password: "trust" }), DataApi, counted)
        const client = yield* Effect.acquireRelease(
          Effect.promise(() => RawClient.connect(port, new URL(directUrl).pathname.slice(1))),
          (one) => Effect.promise(() => one.kill())
        )
        const ask = (sql: string) => Effect.promise(() => client.ask(query(sql)))
        yield* ask("create table kept_open(a int)")
        yield* ask("begin")
        yield* ask("insert into kept_open values (1)")
        for (let minute = 0; minute < 10; minute += 2) {
          const before = ended
          yield* TestClock.adjust("2 minutes")
          yield* until(Effect.sync(() => ended > before))
        }
        assert.deepStrictEqual((yield* ask("commit")).tags, ["COMMIT"])
        const idle = calls.length
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(calls.length, idle)
        assert.strictEqual((yield* psql(directUrl, "select count(*) from kept_open")).stdout, "1\n")
      }).pipe(Effect.scoped, Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(serverUrl) })))
    )

    it.effect("an idle transaction is kept without a snapshot, which would be older than its first statement", () =>
      Effect.gen(function* () {
        const { directUrl } = yield* TestGateway
        const api = yield* DataApi
        const kept: Array<string> = []
        const noting = DataApi.of({
          ...api,
          executeStatement: (request) =>
            Effect.ensuring(
              api.executeStatement(request),
              Effect.sync(() => kept.push(request.sql))
            )
        })
        const { port } = yield* Effect.provideService(make(directUrl, { password: "trust" }), DataApi, noting)
        const client = yield* Effect.acquireRelease(
          Effect.promise(() => RawClient.connect(port, new URL(directUrl).pathname.slice(1))),
          (one) => Effect.promise(() => one.kill())
        )
        const ask = (sql: string) => Effect.promise(() => client.ask(query(sql)))
        yield* psql(directUrl, "create table seen_late(a int)")
        yield* ask("begin isolation level repeatable read")
        const before = kept.length
        yield* TestClock.adjust("2 minutes")
        yield* until(Effect.sync(() => kept.length > before))
        yield* psql(directUrl, "insert into seen_late values (1)")
        assert.deepStrictEqual((yield* ask("set transaction isolation level serializable")).tags, ["SET"])
        assert.deepStrictEqual((yield* ask("select * from seen_late")).tags, ["SELECT 1"])
        assert.deepStrictEqual((yield* ask("commit")).tags, ["COMMIT"])
      }).pipe(Effect.scoped, Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(serverUrl) })))
    )

    it.effect.skipIf(!existsSync("/proc/net/tcp"))("a client that has vanished without a word is found out", () =>
      Effect.gen(function* () {
        const { port, url } = yield* TestGateway
        yield* Effect.acquireUseRelease(
          Effect.promise(async () => {
            const client = new pg.Client({ connectionString: url })
            await client.connect()
            return client
          }),
          (client) =>
            until(
              Effect.sync(() => {
                const { stream } = client.connection
                const localPort = stream instanceof Socket ? (stream.localPort ?? 0) : 0
                const [own, other] = [port, localPort].map((one) => one.toString(16).toUpperCase().padStart(4, "0"))
                const sockets = readFileSync("/proc/net/tcp", "utf8")
                  .split("\n")
                  .map((line) => line.trim().split(/\s+/))
                const found = sockets.find(([, to, from]) => to === `0100007F:${own}` && from === `0100007F:${other}`)
                // What was sent may not be acknowledged yet; then the timer of keepalive runs for the gateway's end.
                return found?.[5]?.startsWith("02:") === true
              })
            ),
          (client) => Effect.promise(() => client.end())
        )
      })
    )

    it.effect("clients are told that the gateway ends, and their transactions are rolled back", () =>
      Effect.gen(function* () {
        const { directUrl } = yield* TestGateway
        const api = LocalDataApi.layerPostgres({ url: Redacted.make(directUrl) })
        yield* psql(directUrl, "create table before_end(a int)")
        const scope = yield* Scope.make()
        const { port, statements } = yield* make(directUrl, { password: "trust" }).pipe(
          Effect.provide(api),
          Scope.provide(scope)
        )
        const database = new URL(directUrl).pathname.slice(1)
        const client = yield* Effect.promise(() => RawClient.connect(port, database))
        yield* Effect.promise(() => client.ask(query("begin; insert into before_end values (1)")))
        client.send(query("select pg_sleep(30)"))
        yield* until(Effect.map(running(directUrl), (count) => count === 1))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Effect.promise(() => client.until("Z"))).code, "57P01")
        assert.deepInclude(statements.at(-1), { command: "SELECT", sqlState: "57P01" })
        assert.strictEqual((yield* psql(directUrl, "select count(*) from before_end")).stdout, "0\n")
      })
    )

    it.effect("a client whose statement or COMMIT goes on when the gateway ends is told that it may have run", () =>
      Effect.gen(function* () {
        const { directUrl } = yield* TestGateway
        yield* psql(
          directUrl,
          `create table cut_off(a int);
create function dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(3); return null; end';
create constraint trigger late after update on cut_off deferrable initially deferred for each row execute function dawdle();
insert into cut_off values (1)`
        )
        const scope = yield* Scope.make()
        const { port } = yield* make(directUrl, { password: "trust" }).pipe(
          Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(directUrl) })),
          Scope.provide(scope)
        )
        const database = new URL(directUrl).pathname.slice(1)
        const connect = Effect.promise(() => RawClient.connect(port, database))
        const [writes, idles, commits] = yield* Effect.all([connect, connect, connect])
        yield* Effect.promise(() => commits.ask(query("begin; update cut_off set a = 2")))
        commits.send(query("commit"))
        writes.send(query("insert into cut_off select 3 from pg_sleep(3)"))
        const asleep = psql(
          directUrl,
          "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
        )
        yield* until(Effect.map(asleep, ({ stdout }) => stdout === "2\n"))
        yield* Scope.close(scope, Exit.void)
        const codes = yield* Effect.promise(() =>
          Promise.all([writes, commits, idles].map(async (client) => (await client.until("Z")).code))
        )
        assert.deepStrictEqual(codes, ["08007", "08007", "57P01"])
      })
    )

    it.effect("what a session sets reaches no other, nor the service's pool", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        yield* psql(url, "set timezone to 'Asia/Tokyo'; begin; set datestyle to german; commit;")
        const { stdout } = yield* psql(url, "show timezone; show datestyle;")
        assert.strictEqual(stdout, "UTC\nISO, MDY\n")
      })
    )

    it.effect("an advisory lock is held between statements, until it is given back or its client ends", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const free = "select pg_try_advisory_lock(77) and pg_advisory_unlock(77);"
        const held = yield* psql(
          url,
          `select pg_advisory_lock(77); select pg_try_advisory_lock(77);
\\! psql -X -q -A -t ${directUrl} -c '${free}'
select pg_advisory_unlock(77);
\\! psql -X -q -A -t ${directUrl} -c '${free}'
begin; select pg_advisory_unlock(70 + 7); rollback;
\\! psql -X -q -A -t ${directUrl} -c '${free}'
select pg_advisory_unlock(77);
select pg_try_advisory_lock(77);`
        )
        assert.strictEqual(held.stdout, "\nt\nf\nt\nf\nt\nt\nf\nt\n")
        assert.strictEqual(held.stderr, "WARNING:  you don't own a lock of type ExclusiveLock\n")
        assert.strictEqual((yield* psql(directUrl, free)).stdout, "t\n")
      })
    )

    it.effect("an advisory lock is held that a query takes among other things, and none that it does not get", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const free = (key: number | bigint) =>
          `\\! psql -X -q -A -t ${directUrl} -c 'select pg_try_advisory_lock(${key}) and pg_advisory_unlock(${key})'`
        const { stderr, stdout } = yield* psql(
          url,
          `with timeout as (select set_config('lock_timeout', '5000', true)) select pg_advisory_lock(3853314791062309107) from timeout;
${free(3853314791062309107n)}
select pg_advisory_unlock(3853314791062309107);
${free(3853314791062309107n)}
select pg_try_advisory_lock(81)::int as taken, 'x' where false;
${free(81)}
select 'got' from pg_try_advisory_lock(82);
${free(82)}
select case when pg_try_advisory_lock(83) then 'a' end;
${free(83)}
create table locked(k int);
insert into locked values (84);
create function locks_and_writes(b bool) returns bool language sql as 'insert into locked values (1); select b';
select locks_and_writes(pg_try_advisory_lock(85));
select pg_advisory_lock(k) from locked;
select count(*) from locked;
${free(84)}
${free(85)}`
        )
        assert.strictEqual(stdout, "\nf\nt\nt\nt\ngot\nf\na\nf\n1\nt\nt\n")
        assert.strictEqual(stderr.match(/can't write|larger statement/g)?.join(), "can't write,larger statement")
      })
    )

    it.effect("an advisory lock holds no snapshot, for which CREATE INDEX CONCURRENTLY would wait", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const snapshots = `\\! psql -X -q -A -t ${directUrl} -c "select count(*) from pg_stat_activity \
where datname = current_database() and state like 'idle in%' and backend_xmin is not null"`
        const { stdout } = yield* psql(
          url,
          `select pg_advisory_lock(78);\n${snapshots}\nselect pg_try_advisory_lock(79);\n${snapshots}\nselect 'x' from pg_advisory_lock(80);\n${snapshots}\n`
        )
        assert.strictEqual(stdout, "\n0\nt\n0\nx\n0\n")
      })
    )

    it.effect("what needs a session is refused with what to do", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const { stderr } = yield* psql(
          url,
          "create temp table t(a int); listen x; select pg_advisory_lock(1), pg_advisory_lock(2); begin; create temp table t(a int); insert into t values (1); commit;"
        )
        assert.match(stderr, /temporary objects.*\nHINT: .*--session/)
        assert.match(stderr, /LISTEN is not supported/)
        assert.match(stderr, /advisory lock can't be taken in a larger statement outside of a transaction/)
        assert.strictEqual(stderr.match(/ERROR/g)?.length, 3)
      })
    )

    it.effect("currval and lastval work within a transaction, and say outside of one what to use instead", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const { stderr, stdout } = yield* psql(
          url,
          `create table numbered(id serial, a int); insert into numbered (a) select 1;
select lastval(); select currval('numbered_id_seq');
begin; insert into numbered (a) values (1); select lastval(), currval('numbered_id_seq'); commit;
begin; select lastval(); rollback;`
        )
        assert.strictEqual(stdout, "2|2\n")
        assert.deepStrictEqual(stderr.match(/(?<=ERROR: {2})\w+|(?<=HINT: {2}).{67}/g), [
          "lastval",
          "Outside of a transaction each statement has a session of its own: u",
          "currval",
          "Outside of a transaction each statement has a session of its own: u",
          "lastval"
        ])
      })
    )

    it.effect("a write with RETURNING that a read-only transaction refuses is called by its own command", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        yield* psql(directUrl, "create table guarded(a int)")
        const writes = [
          "insert into guarded values (1) returning a",
          "update guarded set a = 2 returning a",
          "delete from guarded returning *",
          "with w as (insert into guarded values (1) returning a) select a from w",
          "with w as (select 1) insert into guarded select * from w returning a"
        ]
        for (const write of writes) {
          const asked = (address: string) => psql(address, `${write};\nbegin read only;\n${write};`)
          assert.strictEqual((yield* asked(url)).stderr, (yield* asked(directUrl)).stderr, write)
        }
      })
    )

    it.effect("a statement that runs outside of transactions is not run as another user, nor on another table", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const { stderr } = yield* psql(
          url,
          `create table of_path(a int); create schema elsewhere;
set role pg_monitor; create database by_role; vacuum of_path; reset role;
set search_path to elsewhere, public; create index concurrently on of_path(a); create index concurrently on public.of_path(a);`
        )
        assert.deepStrictEqual(stderr.match(/(?<=the session's )\S+|(?<=HINT: {2}).*/g), [
          "role",
          "Reset role.",
          "role",
          "Reset role.",
          "search_path",
          "Write the names with their schema."
        ])
      })
    )
  })

  layer(gateway(serverUrl, { readOnly: true }), { timeout: "60 seconds" })("with --read-only", (it) => {
    for (const attempt of [
      "create table written(a int)",
      "begin read write; create table written(a int); commit",
      "begin; set transaction read write; create table written(a int); commit",
      "set transaction_read_only = off; create table written(a int)",
      'begin; set local "transaction_read_only" to off; create table written(a int); commit',
      "set session characteristics as transaction read write; create table written(a int)",
      "set default_transaction_read_only to off; create table written(a int)",
      "begin; reset transaction_read_only; create table written(a int); commit",
      "select set_config('transaction_read_only', 'off', false); create table written(a int)",
      "begin; commit; create table written(a int)",
      "create database written_by_gateway",
      "select pg_advisory_lock(setval('counted', 2))",
      "select pg_try_advisory_lock(setval('counted', 2))",
      "select pg_advisory_unlock(setval('counted', 2))",
      "select pg_advisory_lock(7), setval('counted', 2)",
      "select pg_advisory_lock(8); select pg_advisory_lock(8), setval('counted', 2)",
      "do $$ begin create table written(a int); end $$",
      "prepare p as insert into kept values (1); execute p",
      "copy kept from stdin;\n1\n\\.\n"
    ]) {
      it.effect(`nothing is written by ${attempt.split("\n")[0]}`, () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          yield* psql(directUrl, "create table if not exists kept(a int); create sequence if not exists counted")
          const { stderr } = yield* psql(url, `${attempt};`)
          const { stdout } = yield* psql(
            directUrl,
            "select (select count(*) from kept), to_regclass('written'), (select count(*) from pg_database where datname like 'written%'), (select last_value from counted)"
          )
          assert.strictEqual(stdout, "0||0|1\n")
          assert.include(stderr, "read-only")
        })
      )
    }
  })

  layer(gateway(serverUrl, { wholeSession: true }), { timeout: "60 seconds" })("with --session", (it) => {
    it.effect("temporary tables and locks live until the client ends, and so does what it wrote", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const { stderr, stdout } = yield* psql(
          url,
          `create temp table t(a int); insert into t values (1); select 1/0; insert into t values (2); select count(*) from t;
begin; insert into t values (3); rollback; select count(*) from t; begin; insert into t values (4); commit; select count(*) from t;
create table made as select * from t; set timezone to 'Asia/Tokyo'; show timezone; select pg_advisory_lock(7);`
        )
        assert.strictEqual(stdout, "2\n2\n3\nAsia/Tokyo\n\n")
        assert.strictEqual(stderr.match(/ERROR/g)?.length, 1)
        assert.strictEqual((yield* psql(directUrl, "select count(*) from made")).stdout, "3\n")
      })
    )

    it.effect(
      "what was committed is kept when the client is cut off within a transaction, and what was not is not",
      () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          yield* Effect.promise(async () => {
            const client = new pg.Client({ connectionString: url })
            client.on("error", () => {})
            await client.connect()
            await client.query("create table cut(a int); insert into cut values (1)")
            await client.query("begin; insert into cut values (2)")
            client.connection.stream.destroy()
          })
          const kept = Effect.filterOrFail(psql(directUrl, "select * from cut"), ({ stdout }) => stdout === "1\n")
          yield* Effect.retry(kept, Schedule.max([Schedule.spaced("50 millis"), Schedule.recurs(100)]))
        }).pipe(TestClock.withLive)
    )

    it.effect("a procedure that the session has made takes values in binary, as JDBC sends them", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const answers: Array<unknown> = []
        for (const connectionString of [directUrl, url]) {
          yield* Effect.promise(async () => {
            const client = new pg.Client({ connectionString })
            await client.connect()
            await client.query("create procedure doubled(a int, inout b int) language sql as 'select a * 2'")
            const values = [Buffer.from([0, 0, 0, 21]), Buffer.from([0, 0, 0, 0])]
            answers.push((await client.query("call doubled($1, $2)", values)).rows)
            await client.query("drop procedure doubled")
            await client.end()
          })
        }
        assert.deepStrictEqual(answers, [[{ b: 42 }], [{ b: 42 }]])
      })
    )

    it.effect("COMMIT makes the checks of deferred constraints, and leaves them deferred", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const { stderr, stdout } = yield* psql(
          url,
          `create table once(a int unique deferrable initially deferred);
insert into once values (1); begin; insert into once values (1); commit; select count(*) from once; insert into once values (1);
begin; insert into once values (1); update once set a = 2 where ctid = (select max(ctid) from once); commit; table once;`
        )
        assert.strictEqual(stdout, "1\n1\n2\n")
        assert.strictEqual(stderr.match(/ERROR: {2}duplicate key/g)?.length, 2)
        assert.strictEqual((yield* psql(directUrl, "select count(*) from once")).stdout, "2\n")
      })
    )

    it.effect("settings and modes of a transaction end with it", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const program = `begin read only; show transaction_read_only; commit; create table after_it(a int);
begin; set local work_mem = '1MB'; show work_mem; commit; show work_mem;
begin; select set_config('own.user', 'a', true); commit; select current_setting('own.user', true) is distinct from 'a';
begin; set local role pg_monitor; select current_user; commit; select current_user = session_user;
set work_mem = '2MB'; show work_mem; begin; set local work_mem = '3MB'; commit; show work_mem; reset work_mem; show work_mem;
begin; set local search_path = pg_catalog; select 1/0; rollback; select 1/0; select 1/0; show search_path;
set default_transaction_read_only = on; create table never(a int); set default_transaction_read_only = off; drop table after_it;`
        const direct = yield* psql(directUrl, program)
        const through = yield* psql(url, program)
        assert.strictEqual(through.stdout, direct.stdout)
        assert.strictEqual(through.stderr.match(/ERROR/g)?.length, direct.stderr.match(/ERROR/g)?.length)
      })
    )

    it.effect("a transaction has the isolation level that it asks for, until the session has written", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const shown = "show transaction_isolation; show transaction_read_only; commit;"
        const program = `begin; set transaction isolation level serializable; ${shown}
select count(*) > 0 from pg_class; begin isolation level repeatable read, read only; select 1; ${shown}
start transaction; set transaction read only, isolation level read committed not deferrable; ${shown}
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; ${shown}
begin; select 1; set transaction isolation level repeatable read; rollback;
begin; savepoint s; set transaction isolation level repeatable read; rollback;
begin isolation level nothing; begin; set transaction isolation level serializable, read; rollback;
set session characteristics as transaction isolation level repeatable read, read only; begin; ${shown}
begin isolation level read committed, read write; ${shown}
set session characteristics as transaction isolation level serializable, read write; select 1; show transaction_isolation;
select set_config('search_path', 'pg_catalog', false); begin; set transaction isolation level repeatable read; show search_path; ${shown}
begin isolation level serializable; create temp table held(a int); ${shown} table held;
begin; set transaction isolation level serializable, deferrable; ${shown} begin isolation level serializable; ${shown} table held;`
        const direct = yield* psql(directUrl, program)
        const through = yield* psql(url, program)
        assert.strictEqual(through.stdout, direct.stdout)
        assert.strictEqual(through.stderr.match(/ERROR/g)?.length, direct.stderr.match(/ERROR/g)?.length)
        assert.match(through.stderr, /^ERROR: {2}SET TRANSACTION ISOLATION LEVEL must be called before any query/)
        const taken = ["create temp table t(a int)", "select pg_advisory_lock(1)"].map((first) =>
          psql(
            url,
            `\\set VERBOSITY verbose\n${first}; begin isolation level serializable; select 1; begin; set transaction isolation level read committed; select 2; commit;`
          )
        )
        for (const { stderr, stdout } of yield* Effect.all(taken)) {
          assert.match(stdout, /1\n2\n$/)
          assert.match(stderr, /^ERROR: {2}25001: the isolation level .* has written/)
        }
      })
    )

    it.effect("a dump is the same", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        yield* psql(directUrl, "create table dumped as select generate_series(1, 3) as a")
        const dump = (address: string) =>
          Effect.map(run("pg_dump", ["--serializable-deferrable", address]), ({ stderr, stdout }) => [
            stderr,
            stdout.replaceAll(/^\\(?:un)?restrict .*$/gm, "")
          ])
        assert.deepStrictEqual(yield* dump(url), yield* dump(directUrl))
      })
    )

    it.effect("COMMIT makes deferred checks for good, and ends cursors and what SET CONSTRAINTS has set", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const program = `create schema "of checks"; set search_path = "of checks";
create table one(a int primary key); create table many(a int references one deferrable initially deferred);
create table noted(a int); create function note() returns trigger language plpgsql as 'begin insert into noted values (new.a); return null; end';
create constraint trigger notes after insert on one deferrable initially deferred for each row execute function note();
begin; insert into many values (1); insert into one values (1); table noted; commit; table noted;
alter table many add b int; alter table one add b int; insert into many values (2); truncate one cascade;
begin; set constraints all immediate; insert into one values (3); table noted; commit;
begin; insert into many values (4); insert into one values (4); commit; table many; table noted;
create table later(a int unique deferrable); insert into later values (1);
begin; set constraints later_a_key deferred; insert into later values (1); delete from later where ctid = '(0,1)'; commit;
begin; insert into later values (1); select 'not reached'; commit; table later;
begin; declare k cursor for values (1), (2); fetch k; commit; fetch k;
begin; declare k cursor for values (3); fetch k; rollback; begin; declare k cursor for values (4); fetch k; close k; commit;
begin; savepoint s; declare k cursor for values (5); rollback to s; declare k cursor for values (6); fetch k; commit;
declare h cursor with hold for values (7), (8); fetch h; begin; commit; fetch h;
create function opened(c refcursor) returns refcursor language plpgsql as 'begin open c for values (9); return c; end';
begin; select opened('o'); commit; begin; select opened('o'); fetch o; commit; drop schema "of checks" cascade;`
        const direct = yield* psql(directUrl, program)
        const through = yield* psql(url, program)
        assert.strictEqual(through.stdout, direct.stdout)
        const errorsOf = (text: string) => text.match(/^ERROR:.*$/gm)
        assert.deepStrictEqual(errorsOf(through.stderr), errorsOf(direct.stderr))
      })
    )

    it.effect("DISCARD leaves nothing of the session to the next user of a connection", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const program = `create temp table kept(a serial); insert into kept default values; select pg_advisory_lock(7);
select a from kept; discard all; select lastval(); select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid();
create temp table kept(b text); table kept; discard plans; table kept; discard temp; table kept; show search_path;
begin; create temp table kept(c int); discard temp; table kept; rollback; create sequence numbers; select nextval('numbers');
begin; discard sequences; select currval('numbers'); rollback; select currval('numbers'); drop sequence numbers;`
        const direct = yield* psql(directUrl, program)
        const through = yield* psql(url, program)
        assert.strictEqual(through.stdout, direct.stdout)
        assert.strictEqual(through.stderr, direct.stderr)
      })
    )

    it.effect("the connection ends with the session, whose writes are lost", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        const failures = yield* Effect.promise(async () => {
          const client = new pg.Client({ connectionString: url })
          const failed: Array<string> = []
          client.on("error", (error) => failed.push("code" in error ? String(error.code) : error.message))
          await client.connect()
          await client.query("create table lost(a int)")
          const { rows } = await client.query("select pg_backend_pid() as pid")
          const direct = new pg.Client({ connectionString: directUrl })
          await direct.connect()
          await direct.query("select pg_terminate_backend($1)", [rows[0].pid])
          await direct.end()
          await client.query("insert into lost values (1)").catch((error: Error) => failed.push(error.message))
          await client.query("insert into lost values (1)").catch((error: Error) => failed.push(error.message))
          return failed
        })
        assert.strictEqual(failures.length, 3)
        assert.include(failures, "57P01")
        assert.match(failures.join("\n"), /PostgreSQL ended the session[\s\S]*not queryable/)
        assert.include((yield* psql(directUrl, "table lost")).stderr, "does not exist")
      })
    )

    it.effect("prepared statements use temporary tables, and their types", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const found = yield* Effect.promise(async () => {
          const client = new pg.Client({ connectionString: url })
          await client.connect()
          await client.query("create temp table numbers (id bigint); create type pg_temp.pair as (a int, b text)")
          const refused = await client.query("insert into numbers values ($1)", ["9".repeat(30)]).catch(String)
          await client.query("insert into numbers values ($1), ($2)", [1, 2])
          const { rows } = await client.query("select id, row(1, 'a')::pg_temp.pair from numbers where id > $1", [1])
          await client.end()
          return { refused, rows }
        })
        assert.deepStrictEqual(found.rows, [{ id: "2", row: "(1,a)" }])
        assert.include(found.refused, "out of range for type bigint")
      })
    )
  })

  layer(gateway(serverUrl, { maxConnections: 1, password: "trust" }), { timeout: "60 seconds" })("limits", (it) => {
    it.effect("one client too many gets an error that says so", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        const { stderr } = yield* Effect.acquireUseRelease(
          Effect.promise(async () => {
            const sql = postgres(url, { max: 1 })
            await sql`select 1`
            return sql
          }),
          () => psql(url, "select 1"),
          (sql) => Effect.promise(() => sql.end())
        )
        assert.include(stderr, "sorry, too many clients already")
      })
    )

    it.effect("a client that sends everything at once and stops sending gets all answers", () =>
      Effect.gen(function* () {
        const { directUrl, port } = yield* TestGateway
        const database = new URL(directUrl).pathname.slice(1)
        const startup = packet(3 << 16, Buffer.from(`user\0u\0database\0${database}\0\0`))
        const statements = [query("select pg_sleep(0.2)"), query("select 'answered' as a"), Buffer.from("X\0\0\0\x04")]
        const answers = yield* Effect.callback<string>((resume) => {
          let text = ""
          const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => {
            socket.end(Buffer.concat([startup, ...statements]))
          })
          socket.on("data", (chunk) => {
            text += chunk.toString("latin1")
          })
          socket.on("close", () => resume(Effect.succeed(text)))
        })
        assert.include(answers, "answered")
        assert.strictEqual(answers.split("Z\0\0\0\x05I").length - 1, 3)
      })
    )

    it.effect("beyond a loopback address a password and a certificate are needed", () =>
      Effect.gen(function* () {
        const refused = (options: Partial<Gateway.Options>) =>
          Effect.flip(
            Effect.scoped(Gateway.make({ port: 0, password: Redacted.make("x"), host: "0.0.0.0", ...options }))
          )
        assert.include((yield* refused({})).message, "certificate")
        const tls = { cert: "x", key: Redacted.make("x") }
        assert.include((yield* refused({ tls, password: "trust" })).message, "password")
      }).pipe(Effect.provide(LocalDataApi.layerPostgres({ url: Redacted.make(serverUrl) })))
    )
  })
})
